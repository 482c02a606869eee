package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Run is what the journal keeps of a run. WorkflowID and RunID name it.
type Run struct {
	WorkflowID string    `json:"workflow_id"`
	RunID      string    `json:"run_id"`
	Procedure  string    `json:"procedure"`
	Key        string    `json:"key,omitempty"`
	State      string    `json:"state"`
	Drill      bool      `json:"drill,omitempty"`
	By         string    `json:"by,omitempty"`
	Started    time.Time `json:"started"`
	Ended      time.Time `json:"ended,omitzero"` // zero: it is still going on
	// Updated is the run's own clock when this state was true (workflow time). It orders states: an
	// older one never overwrites a newer one, however late it arrives.
	Updated time.Time `json:"updated"`
	// Revision numbers the states of a run. Where both have one it decides which is the newer, whatever the clocks
	// of the servers said; 0 comes from a program that did not count them.
	Revision int    `json:"revision,omitempty"`
	Digest   string `json:"digest"`
	// Record is the whole account as JSON. Runs leaves it out unless asked.
	Record json.RawMessage `json:"record,omitempty"`
}

// ErrNotFound says that the journal holds no such run.
var ErrNotFound = errors.New("no such run in the journal")

// check refuses what would make the table lie.
func (r *Run) check() error {
	switch {
	case r.WorkflowID == "" || r.RunID == "":
		return errors.New("a run needs workflow_id and run_id")
	case r.Started.IsZero() || r.Updated.IsZero():
		return fmt.Errorf("run %s needs the times it was started and updated", r.WorkflowID)
	case !json.Valid(r.Record):
		return fmt.Errorf("the record of run %s is not JSON", r.WorkflowID)
	}
	return nil
}

// saveRun lets the newer state win: that of the higher revision, else the later one. Of two states of the same
// moment the later write wins, except that a run which ended never goes on. The end of a run is newer than any state
// before it: a worker that counts no revisions may have carried the run on, and then they began anew.
const saveRun = `
INSERT INTO orderly_runs AS old
	(workflow_id, run_id, procedure, key, state, drill, started_by, started, ended, updated, revision, digest, record)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (workflow_id, run_id) DO UPDATE SET
	procedure = excluded.procedure, key = excluded.key, state = excluded.state, drill = excluded.drill,
	started_by = excluded.started_by, started = excluded.started, ended = excluded.ended,
	updated = excluded.updated, revision = excluded.revision, digest = excluded.digest, record = excluded.record
WHERE CASE WHEN old.ended IS NULL AND excluded.ended IS NOT NULL AND excluded.updated > old.updated
	THEN TRUE
	WHEN excluded.revision > 0 AND old.revision > 0 AND excluded.revision <> old.revision
	THEN excluded.revision > old.revision
	ELSE excluded.updated > old.updated
		OR (excluded.updated = old.updated AND (old.ended IS NULL OR excluded.ended IS NOT NULL))
	END`

// SaveRun keeps the state of a run in place of the older one. Saving an older state, or the same one
// again, changes nothing and is no error.
func (j *Journal) SaveRun(ctx context.Context, r Run) error {
	if err := r.check(); err != nil {
		return j.failed("save run", err)
	}
	tx, err := j.write.BeginTx(ctx, nil)
	if err != nil {
		return j.failed("save run "+r.WorkflowID, err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	saved, err := tx.ExecContext(ctx, saveRun,
		r.WorkflowID, r.RunID, clean(r.Procedure), clean(r.Key), clean(r.State), r.Drill, clean(r.By),
		stamp(r.Started), stamp(r.Ended), stamp(r.Updated), r.Revision, r.Digest, clean(string(r.Record)))
	if err == nil {
		err = saveFacts(ctx, tx, r, saved)
	}
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		return j.failed("save run "+r.WorkflowID, err)
	}
	return nil
}

// CloseRun notes that a run has ended which could not say so itself: it was terminated, say. It says whether the
// journal held it open; its record stays as it was. A newer state of the run itself replaces what is noted here.
func (j *Journal) CloseRun(ctx context.Context, workflowID, runID, state string, at time.Time) (bool, error) {
	closed, err := j.write.ExecContext(ctx,
		"UPDATE orderly_runs SET state = $1, ended = $2 WHERE workflow_id = $3 AND run_id = $4 AND ended IS NULL",
		clean(state), stamp(at), workflowID, runID)
	var n int64
	if err == nil {
		n, err = closed.RowsAffected()
	}
	if err != nil {
		return false, j.failed("close run "+workflowID, err)
	}
	return n > 0, nil
}

const runColumns = `workflow_id, run_id, procedure, key, state, drill, started_by, started, ended, updated, revision, digest`

// Run gives one run with its record. An empty runID means the newest run of that workflow id. It is
// ErrNotFound when there is none.
func (j *Journal) Run(ctx context.Context, workflowID, runID string) (Run, error) {
	var c conditions
	c.add("workflow_id = ?", workflowID)
	if runID != "" {
		c.add("run_id = ?", runID)
	}
	query := c.query("SELECT "+runColumns+", record FROM orderly_runs", "ORDER BY started DESC"+limit(1))
	r, err := scanRun(j.read.QueryRowContext(ctx, query, c.args...), true)
	if errors.Is(err, sql.ErrNoRows) {
		return Run{}, fmt.Errorf("run %s: %w", workflowID, ErrNotFound)
	}
	if err != nil {
		return Run{}, j.failed("read run "+workflowID, err)
	}
	return r, nil
}

// RunFilter chooses runs. Zero fields choose all.
type RunFilter struct {
	Procedure string
	Key       string
	State     string
	From, To  time.Time // started in [From, To)
	NoDrills  bool
	Drills    bool // only drills
	Records   bool // read the records too; they can be large
	Limit     int  // at most this many, the newest; default 100
}

// defaultLimit bounds a list when the caller does not.
const defaultLimit = 100

// Runs lists runs, the one that was started last first.
func (j *Journal) Runs(ctx context.Context, f RunFilter) ([]Run, error) {
	c, columns := f.conditions(), runColumns
	if f.Records {
		columns += ", record"
	}
	query := c.query("SELECT "+columns+" FROM orderly_runs", "ORDER BY started DESC, run_id"+limit(f.Limit))
	rows, err := j.read.QueryContext(ctx, query, c.args...)
	return collect(j, "list runs", rows, err, func(s scanner) (Run, error) { return scanRun(s, f.Records) })
}

func (f *RunFilter) conditions() *conditions {
	c := &conditions{}
	if f.Procedure != "" {
		c.add("procedure = ?", f.Procedure)
	}
	if f.Key != "" {
		c.add("key = ?", f.Key)
	}
	if f.State != "" {
		c.add("state = ?", f.State)
	}
	if f.NoDrills {
		c.add("drill = ?", false)
	}
	if f.Drills {
		c.add("drill = ?", true)
	}
	c.between("started", f.From, f.To)
	return c
}

func scanRun(s scanner, withRecord bool) (Run, error) {
	var (
		r                       Run
		started, ended, updated stamp
		record                  string
	)
	into := []any{
		&r.WorkflowID, &r.RunID, &r.Procedure, &r.Key, &r.State, &r.Drill, &r.By,
		&started, &ended, &updated, &r.Revision, &r.Digest,
	}
	if withRecord {
		into = append(into, &record)
	}
	if err := s.Scan(into...); err != nil {
		return Run{}, err
	}
	r.Started, r.Ended, r.Updated = time.Time(started), time.Time(ended), time.Time(updated)
	if withRecord {
		r.Record = json.RawMessage(record)
	}
	return r, nil
}
