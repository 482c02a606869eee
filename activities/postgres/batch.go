package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"go.temporal.io/sdk/activity"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/sops"
)

// How a table or an index came out of maintenance.
const (
	statusDone    = "done"
	statusSkipped = "skipped"
	statusLeft    = "left"
	statusPlanned = "planned"
)

const (
	// maxPieces is how many tables or indexes one step looks after. Their numbers travel with every heartbeat.
	maxPieces = 10_000
	// maxListed is how many of them are told one by one.
	maxListed = 200
	// watchEvery is how often progress is asked for.
	watchEvery = 5 * time.Second
)

// piece is one table or index to look after, and how it came out.
type piece struct {
	OID       uint32        `json:"oid"`
	Name      string        `json:"name"` // quoted where need be: fit for SQL and for people
	Of        string        `json:"of,omitempty"`
	Why       string        `json:"why,omitempty"`
	Status    string        `json:"status"`
	Reason    string        `json:"reason,omitempty"`
	Took      sops.Duration `json:"took,omitempty"`
	Before    extent        `json:"before"`
	After     extent        `json:"after"`
	statement string
}

// extent is how large something is on disk, and how many dead rows are in it.
type extent struct {
	Bytes int64 `json:"bytes"`
	Dead  int64 `json:"dead,omitempty"`
}

func (e extent) plus(o extent) extent { return extent{e.Bytes + o.Bytes, e.Dead + o.Dead} }

// worklog is what a heartbeat carries: all that a later attempt has to know. Its size is bounded.
type worklog struct {
	Begun   time.Time `json:"begun"`
	Session backend   `json:"session"` // whose statement may still run when its worker has died
	Doing   string    `json:"doing,omitempty"`
	Phase   string    `json:"phase,omitempty"`
	Worked  []uint32  `json:"worked,omitempty"` // what is done, skipped or failed
	Pieces  []piece   `json:"pieces,omitempty"` // the first maxListed of them
	Done    int       `json:"done"`
	Skipped int       `json:"skipped"`
	Before  extent    `json:"before"` // of all that are done
	After   extent    `json:"after"`
	Failed  []string  `json:"failed,omitempty"`
	// Of reindexing: invalid indexes that were there before the piece in Doing was begun, and those dropped.
	Foreign []uint32 `json:"foreign,omitempty"`
	Dropped []string `json:"dropped,omitempty"`
}

// ledger is a worklog which is read by heartbeats while it is written.
type ledger struct {
	mu sync.Mutex
	worklog
}

// earlier is what former attempts of this step left.
func earlier(ctx context.Context) worklog {
	m := worklog{Begun: time.Now()}
	if activity.IsActivity(ctx) && activity.HasHeartbeatDetails(ctx) {
		if left := (worklog{}); activity.GetHeartbeatDetails(ctx, &left) == nil {
			m = left
		}
	}
	return m
}

func (l *ledger) current() []any {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.worklog
	m.Worked, m.Pieces, m.Failed = slices.Clone(m.Worked), slices.Clone(m.Pieces), slices.Clone(m.Failed)
	m.Foreign, m.Dropped = slices.Clone(m.Foreign), slices.Clone(m.Dropped)
	return []any{m}
}

func (l *ledger) change(f func(*worklog)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.worklog)
}

// note keeps how a piece came out.
func (l *ledger) note(p piece) {
	l.change(func(m *worklog) {
		m.Worked = append(m.Worked, p.OID)
		if p.Status == statusDone {
			m.Done++
			m.Before, m.After = m.Before.plus(p.Before), m.After.plus(p.After)
		} else {
			m.Skipped++
		}
		// What was skipped has to be seen: it displaces what went well.
		if len(m.Pieces) >= maxListed && p.Status != statusDone {
			if i := slices.IndexFunc(m.Pieces, func(o piece) bool { return o.Status == statusDone }); i >= 0 {
				m.Pieces = slices.Delete(m.Pieces, i, i+1)
			}
		}
		if len(m.Pieces) < maxListed {
			m.Pieces = append(m.Pieces, p)
		}
	})
}

// batch works through tables or indexes, one statement each, one after the other.
type batch struct {
	*upkeep
	verb     string // for messages: vacuum
	bounds   bounds
	budget   time.Duration // no further piece is begun after it; 0 means no limit
	measure  func(context.Context, *piece) (extent, error)
	progress string // a query for what the session $1 does: one text
	// mend, where a statement that fails leaves something behind, removes that.
	mend func(context.Context) error
	log  ledger
}

// resume takes up what a former attempt left: what it worked is not worked again, and its session is ended
// where it lives on without its worker. From here on, until stop, heartbeats tell how far the work is.
func (b *batch) resume(ctx context.Context) (stop func(), err error) {
	b.log.worklog = earlier(ctx)
	if old := b.log.Session; old.PID != 0 {
		if err := b.terminate(ctx, old); err != nil {
			return nil, b.failed("end the session of an earlier attempt", err)
		}
	}
	b.log.Session = b.self
	return action.Report(ctx, b.log.current), nil
}

// run works through pieces and gives those that were left because the budget was spent.
func (b *batch) run(ctx context.Context, pieces []piece) (left []piece, err error) {
	var locked []piece
	for _, p := range pieces {
		switch {
		case slices.Contains(b.log.Worked, p.OID):
		case b.spent():
			left = append(left, p)
		default:
			again, err := b.one(ctx, p, true)
			if err != nil {
				return nil, err
			}
			if again {
				locked = append(locked, p)
			}
		}
	}
	for _, p := range locked { // a lock is often held for a moment only
		if _, err := b.one(ctx, p, false); err != nil {
			return nil, err
		}
	}
	return left, b.verdict()
}

func (b *batch) spent() bool { return b.budget > 0 && time.Since(b.log.Begun) >= b.budget }

// verdict is an error when pieces failed for a reason of their own.
func (b *batch) verdict() error {
	if len(b.log.Failed) == 0 {
		return nil
	}
	return action.Permanent(action.ErrCommand, "postgres %q (%s): %s: %d done, %d skipped, %d failed: %s",
		b.d.name, b.d.place, b.verb, b.log.Done, b.log.Skipped-len(b.log.Failed), len(b.log.Failed), strings.Join(b.log.Failed, "; "))
}

// one looks after one piece. again says that somebody holds a lock on it and that it was not noted, which
// only the first time is true. An error ends the whole batch.
func (b *batch) one(ctx context.Context, p piece, first bool) (again bool, err error) {
	start := time.Now()
	b.warnings = nil
	if err := b.begin(ctx, p); err != nil {
		return false, err
	}
	var remains error // what could not be removed again
	p.Before, err = b.measure(ctx, &p)
	if err == nil {
		if err = b.statement(ctx, p.statement); err != nil {
			remains = b.mended(ctx)
		}
	}
	if err == nil {
		p.After, err = b.measure(ctx, &p)
	}
	p.Took = sops.Duration(time.Since(start).Round(time.Millisecond))
	p.Status, p.Reason = statusDone, strings.Join(b.warnings, "; ")
	if err != nil {
		p.Reason, err = b.excuse(ctx, p, err)
		switch {
		case err != nil && remains != nil:
			return false, fmt.Errorf("%w; %v", err, remains) //nolint:errorlint // the first says whether to try again
		case err != nil:
			return false, err
		case remains != nil:
			p.Reason += "; " + remains.Error()
		}
		if first && strings.HasPrefix(p.Reason, lockedReason) {
			return true, nil
		}
		p.Status = statusSkipped
	}
	b.log.note(p)
	return false, nil
}

// begin notes which piece is at work.
func (b *batch) begin(ctx context.Context, p piece) error {
	if b.mend != nil {
		if err := b.prepare(ctx); err != nil {
			return err
		}
	}
	b.log.change(func(m *worklog) { m.Doing, m.Phase = p.Name, "" })
	return nil
}

// mendWithin bounds how long removing the remains of cancelled work may take.
const mendWithin = time.Minute

// mended removes what the statement that failed left behind, even after a cancellation.
func (b *batch) mended(ctx context.Context) error {
	if b.mend == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), mendWithin)
	defer cancel()
	if b.work.IsClosed() {
		if b.watched(ctx) != nil {
			return nil // the server is away: the next attempt removes it
		}
		_ = b.gone(ctx, b.self) // what can't be seen gone fails below, and is told
	}
	return b.mend(ctx)
}

// statement runs one statement while the other session watches it.
func (b *batch) statement(ctx context.Context, sql string) error {
	ended, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		b.follow(ctx, ended)
	}()
	_, err := b.work.Exec(ctx, sql)
	close(ended)
	<-watched // its session is free again
	return err
}

// follow keeps what the working session is doing for the next heartbeat.
func (b *batch) follow(ctx context.Context, ended <-chan struct{}) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
		}
		var phase string
		// Its own bound: a cancellation would break this session, which is still needed.
		asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), watchEvery)
		if b.watch.QueryRow(asking, b.progress, b.self.PID).Scan(&phase) == nil {
			b.log.change(func(m *worklog) { m.Phase = phase })
		}
		cancel()
	}
}

const lockedReason = "locked"

// excuse says why one piece could not be worked; an error when that concerns all of them.
func (b *batch) excuse(ctx context.Context, p piece, err error) (string, error) {
	doing := fmt.Sprintf("%s %s (%d done)", b.verb, p.Name, b.log.Done)
	var refused *pgconn.PgError
	if ctx.Err() != nil || b.work.IsClosed() || !errors.As(err, &refused) {
		return "", b.failed(doing, err)
	}
	switch refused.Code {
	case codeLocked:
		return b.holder(ctx, p.OID), nil
	case codeCancelled:
		if p.Took.D() >= b.bounds.statement {
			return fmt.Sprintf("took longer than %s", b.bounds.statement), nil
		}
		return "cancelled by somebody on the server", nil
	case codeDeadlock:
		return lockedReason + ": deadlock with another session", nil
	case codeNoTable, codeNoObject:
		return "is gone", nil
	case codeDuplicate: // as before: it enforces nothing until a person has been through the rows
		return "its rows are not unique, so it can't be built: find the duplicates and remove them first", nil
	case codeReadOnly, codeDiskFull:
		return "", b.failed(doing, err)
	}
	if strings.HasPrefix(refused.Code, "53") || strings.HasPrefix(refused.Code, "58") { // memory, connections, the disk itself
		return "", b.failed(doing, err)
	}
	text := fmt.Sprintf("%s: %s (SQLSTATE %s)", p.Name, refused.Message, refused.Code)
	if refused.Code == codeDamaged || refused.Code == codeBadIndex {
		text += ": data is damaged: keep the last good backup, and see amcheck"
	}
	b.log.change(func(m *worklog) { m.Failed = append(m.Failed, text) })
	return refused.Message, nil
}

// holder says who keeps a table from us.
func (b *batch) holder(ctx context.Context, oid uint32) string {
	var who string
	err := b.watch.QueryRow(ctx, `
		SELECT string_agg(DISTINCT format('session %s (%s, %s)', l.pid, coalesce(nullif(a.application_name, ''), a.usename, a.backend_type, '?'), l.mode), ', ')
		FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
		WHERE l.locktype = 'relation' AND l.granted AND l.pid <> $2
			AND (l.relation = $1 OR l.relation IN (SELECT indrelid FROM pg_index WHERE indexrelid = $1))
			AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
			AND l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')`, oid, b.self.PID).Scan(&who)
	if err != nil || who == "" {
		return lockedReason + " by another session"
	}
	return lockedReason + " by " + who
}
