package report

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/journal"
	write "github.com/orderly-ops/orderly/internal/report"
	"github.com/orderly-ops/orderly/workflows"
)

// About names the run that a report is about.
type About struct {
	Incident string     `json:"incident,omitempty" doc:"The run, by its workflow id." default:"the run that asks"`
	Started  *time.Time `json:"started,omitempty" doc:"When it began, to the second: several runs may have had that id." default:"the newest"`
	// WithoutRecord lets people write up what Orderly did not see.
	WithoutRecord bool `json:"without_record,omitempty" doc:"Write the report even when the journal has no record of that run; all that the record would have told is then missing."`
}

// IncidentInput is the input of report.incident and of report.post-mortem.
type IncidentInput struct {
	About
	write.Answers
	Said *write.Answers `json:"said,omitempty" doc:"What was said before, as the output answers of an earlier report. What is given beside it counts more." default:"nothing"`
}

// IncidentReport is the output of report.incident and of report.post-mortem.
type IncidentReport struct {
	Written
	Answers write.Answers `json:"answers" doc:"What people have said so far, for a later report's said."`
}

// answers is all that people have said.
func (in *IncidentInput) answers() write.Answers {
	if in.Said == nil {
		return in.Answers
	}
	return in.Or(*in.Said)
}

// SecurityInput is the input of report.security.
type SecurityInput struct {
	About
	write.Security
	write.Answers
}

func (a actions) incident(ctx context.Context, in IncidentInput) (IncidentReport, error) {
	return a.ofIncident(ctx, "report.incident", in, write.Incident)
}

func (a actions) postMortem(ctx context.Context, in IncidentInput) (IncidentReport, error) {
	return a.ofIncident(ctx, "report.post-mortem", in, write.PostMortem)
}

// ofIncident makes one of the reports that people complete.
func (a actions) ofIncident(
	ctx context.Context, name string, in IncidentInput, form func(*workflows.Record, write.Answers, time.Time) *write.Document,
) (IncidentReport, error) {
	var answers write.Answers
	written, err := a.ofRun(ctx, name, in.About, func(rec *workflows.Record) *write.Document {
		answers = in.answers().Or(a.heard(ctx))
		return form(rec, answers, time.Now())
	})
	return IncidentReport{Written: written, Answers: answers}, err
}

func (a actions) security(ctx context.Context, in SecurityInput) (Written, error) {
	return a.ofRun(ctx, "report.security", in.About, func(rec *workflows.Record) *write.Document {
		return write.SecurityReport(rec, in.Security, in.Answers, time.Now())
	})
}

// ofRun makes and keeps a report about one run.
func (a actions) ofRun(ctx context.Context, name string, of About, form func(*workflows.Record) *write.Document) (Written, error) {
	if err := a.ready(ctx, name); err != nil {
		return Written{}, err
	}
	rec, err := a.find(ctx, of)
	if err != nil {
		return Written{}, err // as it is: what is permanent has to stay on top
	}
	return a.keep(ctx, strings.TrimPrefix(name, "report."), form(rec))
}

// find gets the record of a run: from the journal when the run is over, else from the run itself. One that neither
// has may come yet: the journal may have been away.
func (a actions) find(ctx context.Context, of About) (*workflows.Record, error) {
	id, started := cmp.Or(of.Incident, activity.GetInfo(ctx).WorkflowExecution.ID), ""
	if of.Started != nil {
		started = of.Started.UTC().Format(time.RFC3339)
	}
	if of.Incident == "" || of.Incident == activity.GetInfo(ctx).WorkflowExecution.ID {
		if own := a.told(ctx, id, started); own != nil {
			return own, nil // the journal may have an earlier run of that id
		}
	}
	rec, err := write.Find(ctx, a.journal, id, started)
	if errors.Is(err, journal.ErrNotFound) || err == nil && !rec.State.Done() {
		if now := a.told(ctx, id, started); now != nil {
			return now, nil
		}
	}
	switch {
	case errors.Is(err, journal.ErrNotFound) && of.WithoutRecord:
		return unrecorded(id, of.Started), nil
	case errors.Is(err, journal.ErrNotFound):
		return nil, fmt.Errorf("%w (yet): it is looked for again; without_record writes the report without it", err)
	case errors.Is(err, write.ErrDamaged):
		return nil, action.Permanent(action.ErrInput, "the journal's record: %v", err)
	}
	return rec, err
}

// told is what a run that is still open says of itself; nil when it says nothing, or is another than the one that
// began then.
func (a actions) told(ctx context.Context, id, started string) *workflows.Record {
	if a.ask == nil {
		return nil
	}
	raw, err := a.ask(ctx, id)
	if err != nil {
		return nil
	}
	rec, err := write.Read(raw)
	if err != nil || started != "" && rec.Started.UTC().Truncate(time.Second).Format(time.RFC3339) != started {
		return nil
	}
	return rec
}

// heard is what people have answered so far in the run that asks, earlier rounds included: whoever is asked again only
// has to add what is missing.
func (a actions) heard(ctx context.Context) write.Answers {
	rec := a.told(ctx, activity.GetInfo(ctx).WorkflowExecution.ID, "")
	if rec == nil {
		return write.Answers{}
	}
	return write.AnswersOf(rec)
}

// unrecorded stands for a run that the journal does not know.
func unrecorded(id string, started *time.Time) *workflows.Record {
	procedure, _, _ := strings.Cut(id, "/")
	rec := &workflows.Record{WorkflowID: id, Procedure: procedure}
	if started != nil {
		rec.Started = started.UTC()
	}
	return rec
}
