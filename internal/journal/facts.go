package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/orderly-ops/orderly/internal/facts"
)

// Account is a run with the facts of its record, which are enough for figures.
type Account struct {
	Run   Run // without its record
	Facts facts.Facts
	// Damaged is why the record tells nothing: it is no JSON, say, or holds what can't be true.
	Damaged error
}

const upsertFacts = `
INSERT INTO orderly_facts (workflow_id, run_id, updated, version, facts) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (workflow_id, run_id) DO UPDATE SET updated = excluded.updated, version = excluded.version, facts = excluded.facts`

// saveFacts keeps the facts of a run beside what was just saved, if it was. A record without facts is kept all
// the same: whoever asks for figures is told of it then.
func saveFacts(ctx context.Context, tx *sql.Tx, r Run, saved sql.Result) error {
	if n, err := saved.RowsAffected(); err != nil || n == 0 {
		return err
	}
	found, err := facts.Of(r.Record)
	if err != nil {
		_, err := tx.ExecContext(ctx, "DELETE FROM orderly_facts WHERE workflow_id = $1 AND run_id = $2", r.WorkflowID, r.RunID)
		return err
	}
	row, err := factsRow(r, found)
	if err == nil {
		_, err = tx.ExecContext(ctx, upsertFacts, row...)
	}
	return err
}

// factsRow is what upsertFacts keeps.
func factsRow(r Run, found facts.Facts) ([]any, error) {
	text, err := json.Marshal(found)
	return []any{r.WorkflowID, r.RunID, stamp(r.Updated), facts.Version, clean(string(text))}, err
}

// AccountFilter chooses runs. Zero fields choose all; drills are always left out.
type AccountFilter struct {
	// From and To choose the runs that were going on at some time of [From, To).
	From, To time.Time
}

const selectAccounts = `
SELECT r.workflow_id, r.run_id, r.procedure, r.key, r.state, r.drill, r.started_by, r.started, r.ended, r.updated, r.revision, r.digest, f.facts
FROM orderly_runs r LEFT JOIN orderly_facts f
	ON f.workflow_id = r.workflow_id AND f.run_id = r.run_id AND f.updated = r.updated AND f.version = $1`

// Accounts gives the runs with their facts, in no order. The records of runs whose facts are not kept yet (an
// older program wrote them) are read, and their facts kept for the next time; that they could not be kept is no
// error.
func (j *Journal) Accounts(ctx context.Context, f AccountFilter) ([]Account, error) {
	c := conditions{args: []any{facts.Version}}
	c.add("r.drill = ?", false)
	if !f.From.IsZero() {
		c.add("(r.ended IS NULL OR r.ended >= ?)", stamp(f.From))
	}
	c.between("r.started", time.Time{}, f.To)
	rows, err := j.read.QueryContext(ctx, c.query(selectAccounts, ""), c.args...)
	all, err := collect(j, "read the facts of runs", rows, err, scanAccount)
	if err != nil {
		return nil, err
	}
	return all, j.fillIn(ctx, all)
}

// CatchUp keeps the facts of all runs that have none yet, so that nobody who asks for figures has to wait for them
// after a change of version.
func (j *Journal) CatchUp(ctx context.Context) error {
	c := conditions{args: []any{facts.Version}}
	c.add("f.facts IS NULL AND r.drill = ?", false)
	rows, err := j.read.QueryContext(ctx, c.query(selectAccounts, ""), c.args...)
	all, err := collect(j, "find runs without facts", rows, err, scanAccount)
	if err != nil {
		return err
	}
	return j.fillIn(ctx, all)
}

// errUnknown marks a run whose facts are not kept.
var errUnknown = errors.New("its facts are not known")

func scanAccount(s scanner) (Account, error) {
	var (
		a    Account
		text sql.Null[string]
		err  error
	)
	a.Run, err = scanRun(withMore{s, &text}, false)
	switch {
	case err != nil:
		return Account{}, err
	case !text.Valid, json.Unmarshal([]byte(text.V), &a.Facts) != nil:
		a.Damaged = errUnknown
	}
	return a, nil
}

// withMore scans one column more than it is asked for.
type withMore struct {
	scanner
	last any
}

// Scan implements scanner.
func (s withMore) Scan(into ...any) error { return s.scanner.Scan(append(into, s.last)...) }

const (
	// readers is how many records are read and understood at a time.
	readers = 4
	// keptAtOnce is after how many of them their facts are kept, so that whoever has no more patience has not
	// waited for nothing.
	keptAtOnce = 500
)

// fillIn reads the records of the runs whose facts are not known.
func (j *Journal) fillIn(ctx context.Context, all []Account) error {
	var missing []*Account
	for i := range all {
		if all[i].Damaged != nil {
			missing = append(missing, &all[i])
		}
	}
	if len(missing) == 0 {
		return nil
	}
	records, err := j.read.PrepareContext(ctx, "SELECT record FROM orderly_runs WHERE workflow_id = $1 AND run_id = $2")
	if err != nil {
		return j.failed("read records", err)
	}
	defer records.Close() //nolint:errcheck // it was only read from
	for some := range slices.Chunk(missing, keptAtOnce) {
		group, each := errgroup.WithContext(ctx)
		group.SetLimit(readers)
		for _, a := range some {
			group.Go(func() error { return j.readFacts(each, records, a) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
		_ = j.keepFacts(ctx, some) // a journal that can only be read is good enough
	}
	return nil
}

func (j *Journal) readFacts(ctx context.Context, records *sql.Stmt, a *Account) error {
	var record string
	if err := records.QueryRowContext(ctx, a.Run.WorkflowID, a.Run.RunID).Scan(&record); err != nil {
		return j.failed("read the record of "+a.Run.WorkflowID, err)
	}
	a.Facts, a.Damaged = facts.Of([]byte(record))
	return nil
}

// keepFacts saves what was found, unless the run has gone on since.
func (j *Journal) keepFacts(ctx context.Context, found []*Account) error {
	tx, err := j.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	keep, err := tx.PrepareContext(ctx, upsertFacts)
	if err != nil {
		return err
	}
	defer keep.Close() //nolint:errcheck // the commit below says what went wrong
	for _, a := range found {
		if a.Damaged != nil {
			continue
		}
		row, err := factsRow(a.Run, a.Facts)
		if err != nil {
			return err
		}
		if _, err := keep.ExecContext(ctx, row...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// FirstStart is when the first run that the journal holds was started; zero when it holds none.
func (j *Journal) FirstStart(ctx context.Context) (time.Time, error) {
	var at stamp
	err := j.read.QueryRowContext(ctx, "SELECT started FROM orderly_runs ORDER BY started LIMIT 1").Scan(&at)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, j.failed("find the first run", err)
	}
	return time.Time(at), nil
}
