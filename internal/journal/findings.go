package journal

import (
	"context"
	"errors"
	"time"
)

// Finding is something a run found that a person should know of.
type Finding struct {
	WorkflowID string    `json:"workflow_id"`
	RunID      string    `json:"run_id"`
	Step       string    `json:"step"` // path of the step that found it
	N          int       `json:"n"`    // its place among the step's findings, from 0
	At         time.Time `json:"at"`
	Severity   string    `json:"severity"` // critical, warning, info
	Check      string    `json:"check"`    // what was looked at
	Text       string    `json:"text"`
	Act        string    `json:"act,omitempty"` // what to do about it
}

// AddFindings keeps findings, all or none. One that this run's step kept already, under the same number,
// stays as it is.
func (j *Journal) AddFindings(ctx context.Context, findings []Finding) error {
	rows := make([][]any, len(findings))
	for i, f := range findings {
		if f.RunID == "" || f.Step == "" || f.At.IsZero() {
			return j.failed("add findings", errors.New("a finding needs run, step and time"))
		}
		rows[i] = []any{
			f.WorkflowID, f.RunID, clean(f.Step), f.N, stamp(f.At), f.Severity, clean(f.Check), clean(f.Text), clean(f.Act),
		}
	}
	into := target{table: "orderly_findings", conflict: stays,
		columns: []string{"workflow_id", "run_id", "step", "n", "found", "severity", "checked", "text", "act"}}
	if err := j.insert(ctx, into, rows); err != nil {
		return j.failed("add findings", err)
	}
	return nil
}

// FindingFilter chooses findings. Zero fields choose all.
type FindingFilter struct {
	Procedure  string // of runs the journal holds
	WorkflowID string
	RunID      string
	Severity   string
	From, To   time.Time // found in [From, To)
	Limit      int       // at most this many, the newest; default 100
}

// Findings lists findings, newest first; those of one moment in the order they were found.
func (j *Journal) Findings(ctx context.Context, f FindingFilter) ([]Finding, error) {
	c := f.conditions()
	query := c.query("SELECT workflow_id, run_id, step, n, found, severity, checked, text, act FROM orderly_findings",
		"ORDER BY found DESC, run_id, step, n"+limit(f.Limit))
	rows, err := j.read.QueryContext(ctx, query, c.args...)
	return collect(j, "list findings", rows, err, func(s scanner) (Finding, error) {
		var (
			f  Finding
			at stamp
		)
		err := s.Scan(&f.WorkflowID, &f.RunID, &f.Step, &f.N, &at, &f.Severity, &f.Check, &f.Text, &f.Act)
		f.At = time.Time(at)
		return f, err
	})
}

func (f *FindingFilter) conditions() *conditions {
	c := &conditions{}
	if f.Procedure != "" {
		c.add("workflow_id IN (SELECT workflow_id FROM orderly_runs WHERE procedure = ?)", f.Procedure)
	}
	if f.WorkflowID != "" {
		c.add("workflow_id = ?", f.WorkflowID)
	}
	if f.RunID != "" {
		c.add("run_id = ?", f.RunID)
	}
	if f.Severity != "" {
		c.add("severity = ?", f.Severity)
	}
	c.between("found", f.From, f.To)
	return c
}
