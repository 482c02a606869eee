package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/sops"
)

const (
	statusCancelled  = "cancelled"
	statusTerminated = "terminated"
	statusGone       = "gone"
	statusRefused    = "refused"

	maxVictims     = 100
	maxCancelGrace = time.Minute
)

// TerminateInput is the input of postgres.terminate.
type TerminateInput struct {
	Database   string        `json:"database" target:"postgres" doc:"The database, or another one of the same server."`
	Sessions   []Victim      `json:"sessions" doc:"The sessions, as the output terminable of postgres.long-queries has them, at most 100."`
	Approved   bool          `json:"approved,omitempty" doc:"Somebody agreed: the output approved of an approve step. Without it only a dry run is made."`
	Grace      sops.Duration `json:"grace,omitempty" doc:"How long a cancelled query may take to end before its session is terminated, and that to be gone, at most 1m." default:"10s"`
	CancelOnly bool          `json:"cancel_only,omitempty" doc:"Cancel queries and terminate no session. One that is idle in a transaction has nothing to cancel and is left."`
	DryRun     bool          `json:"dry_run,omitempty" doc:"Tell what would happen to each, and do nothing."`
}

// Terminate is the output of postgres.terminate.
type Terminate struct {
	Database   string       `json:"database" doc:"The database."`
	DryRun     bool         `json:"dry_run" doc:"Nothing was ended."`
	Cancelled  int          `json:"cancelled" doc:"Sessions whose query was cancelled; they are still connected."`
	Terminated int          `json:"terminated" doc:"Sessions that were ended."`
	Gone       int          `json:"gone" doc:"Sessions, or queries of them, that had ended by themselves."`
	Refused    int          `json:"refused" doc:"Sessions that are protected."`
	Left       int          `json:"left" doc:"Sessions that go on all the same."`
	Sessions   []Terminated `json:"sessions" doc:"What became of each, in the order given."`
}

// Terminated is what became of one session.
type Terminated struct {
	PID         int           `json:"pid" doc:"Process id on the server."`
	Status      string        `json:"status" enum:"cancelled,terminated,gone,refused,left,planned" doc:"What became of it; planned in a dry run."`
	Reason      string        `json:"reason" doc:"Why it was refused, left or is gone; how it would be ended in a dry run."`
	User        string        `json:"user" doc:"Who was logged in; empty when it was gone."`
	Application string        `json:"application" doc:"Its application_name."`
	Age         sops.Duration `json:"age" doc:"How long its query had run, or its transaction been open."`
	Query       string        `json:"query" doc:"Its query, literals as ?, at most 200 characters."`
}

// terminate is the action postgres.terminate. Every signal is sent by a statement that looks once more
// whether the session is the one meant: nothing that took its pid or its place can be hit.
func (a *actions) terminate(ctx context.Context, in TerminateInput) (Terminate, error) {
	if err := in.check(); err != nil {
		return Terminate{}, err
	}
	d, patience, err := a.get("postgres.terminate", in.Database, 0)
	if err != nil {
		return Terminate{}, err
	}
	defer action.KeepAlive(ctx)()
	conn, err := d.connect(ctx, patience)
	if err != nil {
		return Terminate{}, err
	}
	defer shut(ctx, conn)
	e := &ending{d: d, conn: conn, patience: patience, in: in, grace: cmp.Or(in.Grace.D(), 10*time.Second)}
	if err := e.look(ctx); err != nil {
		return Terminate{}, err
	}
	if !in.DryRun {
		if err := e.act(ctx); err != nil {
			return Terminate{}, err
		}
	}
	return e.output(), nil
}

func (in TerminateInput) check() error {
	switch {
	case !in.Approved && !in.DryRun:
		return action.Permanent(action.ErrDenied, "postgres.terminate: nobody approved: put an approve step before it and give its output as approved, or make a dry_run")
	case len(in.Sessions) > maxVictims:
		return action.Permanent(action.ErrInput, "postgres.terminate: these are %d sessions, want at most %d", len(in.Sessions), maxVictims)
	case in.Grace.D() < 0 || in.Grace.D() > maxCancelGrace:
		return action.Permanent(action.ErrInput, "postgres.terminate: grace is %s, want at most %s", in.Grace, maxCancelGrace)
	}
	return nil
}

// ending ends sessions.
type ending struct {
	d        *database
	conn     *pgx.Conn
	patience time.Duration
	grace    time.Duration
	in       TerminateInput
	marks    []Terminated // beside in.Sessions; no status yet means that it is still to be ended
	idle     []bool       // it runs nothing that could be cancelled
}

// look finds each session and judges whether it may be ended.
func (e *ending) look(ctx context.Context) error {
	e.marks, e.idle = make([]Terminated, len(e.in.Sessions)), make([]bool, len(e.in.Sessions))
	return e.d.read(ctx, e.conn, e.patience, func(ctx context.Context, tx pgx.Tx) error {
		for i, v := range e.in.Sessions {
			rows, err := tx.Query(ctx, observed+` WHERE pid = $1 AND backend_start = $2`, v.PID, v.BackendStart)
			if err != nil {
				return err
			}
			found, err := pgx.CollectRows(rows, toLong)
			if err != nil {
				return err
			}
			e.marks[i], e.idle[i] = e.judge(v, found)
		}
		return nil
	})
}

// judge says what is to become of a session, with no status when it is to be ended.
func (e *ending) judge(v Victim, found []LongQuery) (m Terminated, idle bool) {
	m = Terminated{PID: v.PID}
	if len(found) == 0 {
		m.Status, m.Reason = statusGone, "the session has ended"
		return m, false
	}
	s := found[0]
	m.User, m.Application, m.Age, m.Query = s.User, s.Application, s.Age, s.Query
	idle = s.State != "active"
	switch {
	case s.Protected:
		m.Status, m.Reason = statusRefused, s.Why
	case v.QueryStart != nil && (s.QueryStart == nil || !s.QueryStart.Equal(*v.QueryStart)), v.QueryStart != nil && s.State == "idle":
		m.Status, m.Reason = statusGone, "its query has ended, the session went on"
	case idle && e.in.CancelOnly:
		m.Status, m.Reason = statusLeft, "it is "+s.State+": there is nothing to cancel"
	case e.in.DryRun && idle:
		m.Status, m.Reason = statusPlanned, "it would be terminated"
	case e.in.DryRun:
		m.Status, m.Reason = statusPlanned, "its query would be cancelled, then the session terminated where that does not help"
	}
	return m, idle
}

// act cancels all queries, waits, terminates the sessions where that did not help, and waits again.
func (e *ending) act(ctx context.Context) error {
	for i := range e.marks {
		if e.marks[i].Status == "" && !e.idle[i] {
			if err := e.signal(ctx, "pg_cancel_backend", i); err != nil {
				return err
			}
		}
	}
	if err := e.await(ctx, statusCancelled, func(i int) bool { return !e.idle[i] }); err != nil {
		return err
	}
	if !e.in.CancelOnly {
		for i := range e.marks {
			if e.marks[i].Status == "" {
				if err := e.signal(ctx, "pg_terminate_backend", i); err != nil {
					return err
				}
			}
		}
		if err := e.await(ctx, statusTerminated, func(int) bool { return true }); err != nil {
			return err
		}
	}
	for i := range e.marks {
		if e.marks[i].Status == "" {
			e.marks[i].Status, e.marks[i].Reason = statusLeft, fmt.Sprintf("it goes on after %s", e.grace)
		}
	}
	return nil
}

// meant finds the very session and query; $3 may be null for whatever it runs.
const meant = ` pid = $1 AND backend_start = $2 AND ($3::timestamptz IS NULL OR query_start = $3)`

// signal sends a signal by a function of the server. Not being allowed to is noted, not an error.
func (e *ending) signal(ctx context.Context, function string, i int) error {
	v := e.in.Sessions[i]
	err := e.d.read(ctx, e.conn, e.patience, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT `+function+`(pid) FROM pg_stat_activity a LEFT JOIN pg_roles r ON r.oid = a.usesysid
			WHERE`+meant+` AND `+protection+` = ''`, v.PID, v.BackendStart, v.QueryStart)
		return err
	})
	if denied(err) {
		e.marks[i].Status, e.marks[i].Reason = statusLeft, "this user may not end it: grant it pg_signal_backend"
		return nil
	}
	return err
}

// await gives sessions the grace to end, those that want says, and marks them with status.
func (e *ending) await(ctx context.Context, status string, want func(i int) bool) error {
	for end := time.Now().Add(e.grace); ; {
		waiting := false
		for i, v := range e.in.Sessions {
			if e.marks[i].Status != "" || !want(i) {
				continue
			}
			there, err := e.runs(ctx, v, status == statusCancelled)
			if err != nil {
				return err
			}
			if there {
				waiting = true
			} else {
				e.marks[i].Status = status
			}
		}
		if !waiting || time.Now().After(end) {
			return nil
		}
		if err := pause(ctx, lookEvery); err != nil {
			return e.d.failed("wait for sessions to end", e.patience, err)
		}
	}
}

// runs says whether a session is still there, or its query is still running.
func (e *ending) runs(ctx context.Context, v Victim, query bool) (there bool, err error) {
	err = e.d.read(ctx, e.conn, e.patience, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE`+meant+` AND (state = 'active' OR NOT $4))`,
			v.PID, v.BackendStart, v.QueryStart, query).Scan(&there)
	})
	return there, err
}

func (e *ending) output() Terminate {
	out := Terminate{Database: e.in.Database, DryRun: e.in.DryRun, Sessions: e.marks}
	for _, m := range e.marks {
		switch m.Status {
		case statusCancelled:
			out.Cancelled++
		case statusTerminated:
			out.Terminated++
		case statusGone:
			out.Gone++
		case statusRefused:
			out.Refused++
		case statusLeft:
			out.Left++
		}
	}
	return out
}

// denied tells an error that says what this user may not do.
func denied(err error) bool {
	var app interface{ Type() string }
	return errors.As(err, &app) && app.Type() == action.ErrDenied
}
