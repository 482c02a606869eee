package postgres

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/sops"
)

const defaultIndexLock = 10 * time.Second

// ReindexInput is the input of postgres.reindex.
type ReindexInput struct {
	Database     string        `json:"database" target:"postgres" doc:"The database."`
	Indexes      []string      `json:"indexes,omitempty" doc:"These indexes, in this order: schema.index or index, as glob patterns."`
	Invalid      bool          `json:"invalid,omitempty" doc:"Those that are invalid. What cancelled REINDEX CONCURRENTLYs left is dropped."`
	BloatPercent int           `json:"bloat_percent,omitempty" doc:"Those of which at least this share is estimated to be empty, 1 to 99." default:"none for that reason"`
	MinSize      int64         `json:"min_size,omitempty" doc:"Smaller ones, in bytes, don't count as bloated." default:"1048576, 1 MiB"`
	LockTimeout  sops.Duration `json:"lock_timeout,omitempty" doc:"How long to wait for other sessions, at each stage; at most 5m. One that waits in vain is tried once more at the end, then skipped." default:"10s"`
	IndexTimeout sops.Duration `json:"index_timeout,omitempty" doc:"How long one index may take, at most 1h; then it is skipped." default:"30m"`
	Budget       sops.Duration `json:"budget,omitempty" doc:"After this time no further index is begun; the rest are told as left." default:"no limit but the step's"`
	DryRun       bool          `json:"dry_run,omitempty" doc:"Tell what would be done, and do nothing."`
}

// Reindex is the output of postgres.reindex.
type Reindex struct {
	Database  string         `json:"database" doc:"The database."`
	DryRun    bool           `json:"dry_run" doc:"Nothing was done."`
	Done      int            `json:"done" doc:"Indexes that were built anew."`
	Skipped   int            `json:"skipped" doc:"Indexes that could not be; their reason says why."`
	Left      int            `json:"left" doc:"Indexes that were not begun because the budget was spent."`
	Earlier   int            `json:"earlier" doc:"Of those done or skipped, how many earlier attempts of this step had worked."`
	Indexes   []ReindexIndex `json:"indexes" doc:"What became of each, at most 200; those skipped and left come first."`
	Leftovers []string       `json:"leftovers" doc:"Invalid indexes of cancelled work that were dropped, or would be."`
	Recovered int64          `json:"recovered" doc:"Bytes by which the indexes done became smaller; 0 when they grew."`
}

// ReindexIndex is what became of one index.
type ReindexIndex struct {
	Index       string        `json:"index" doc:"schema.index."`
	Table       string        `json:"table" doc:"schema.table."`
	Why         string        `json:"why" doc:"Why it was chosen."`
	Status      string        `json:"status" enum:"done,skipped,left,planned" doc:"What became of it; planned in a dry run."`
	Reason      string        `json:"reason" doc:"Why it was skipped."`
	Duration    sops.Duration `json:"duration" doc:"How long it took."`
	BytesBefore int64         `json:"bytes_before" doc:"Bytes before."`
	BytesAfter  int64         `json:"bytes_after" doc:"Bytes after."`
}

// reindex is the action postgres.reindex.
func (a *actions) reindex(ctx context.Context, in ReindexInput) (Reindex, error) {
	limits, err := in.check()
	if err != nil {
		return Reindex{}, err
	}
	d, err := a.databases.Get(in.Database)
	if err != nil {
		return Reindex{}, err
	}
	u, err := d.maintain(ctx, limits)
	if err != nil {
		return Reindex{}, err
	}
	defer u.end(ctx)
	b := &batch{upkeep: u, verb: "reindex", bounds: limits, budget: in.Budget.D(), measure: u.indexExtent, progress: reindexProgress}
	b.mend = b.sweep
	out := Reindex{Database: in.Database, DryRun: in.DryRun, Indexes: []ReindexIndex{}, Leftovers: []string{}}
	if !in.DryRun {
		stop, err := b.resume(ctx)
		if err != nil {
			return Reindex{}, err
		}
		defer stop()
		if err := b.sweep(ctx); err != nil { // of an attempt whose worker died
			return Reindex{}, err
		}
	}
	all, err := b.known(ctx)
	if err != nil {
		return Reindex{}, err
	}
	chosen, debris, err := in.choose(all)
	if err != nil {
		return Reindex{}, err
	}
	if in.DryRun {
		out.Leftovers = append(out.Leftovers, debris...)
		out.tell(chosen)
		return out, nil
	}
	out.Earlier = len(b.log.Worked)
	for _, name := range debris {
		if err := b.drop(ctx, name); err != nil {
			return Reindex{}, err
		}
	}
	left, err := b.run(ctx, chosen)
	if err != nil {
		return Reindex{}, err
	}
	m := &b.log.worklog
	out.Done, out.Skipped, out.Left = m.Done, m.Skipped, len(left)
	out.Recovered, out.Leftovers = max(0, m.Before.Bytes-m.After.Bytes), append(out.Leftovers, m.Dropped...)
	out.tell(told(m, left))
	return out, nil
}

func (in ReindexInput) check() (bounds, error) {
	if len(in.Indexes) == 0 && !in.Invalid && in.BloatPercent == 0 {
		return bounds{}, action.Permanent(action.ErrInput, "postgres.reindex: say which: give indexes, invalid or bloat_percent")
	}
	if in.BloatPercent < 0 || in.BloatPercent > 99 {
		return bounds{}, action.Permanent(action.ErrInput, "postgres.reindex: bloat_percent is %d, want 1 to 99", in.BloatPercent)
	}
	for _, pattern := range in.Indexes {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return bounds{}, action.Permanent(action.ErrInput, "postgres.reindex: %q is no index and no pattern", pattern)
		}
	}
	return limitsOf("postgres.reindex", in.LockTimeout, in.IndexTimeout, defaultIndexLock)
}

// choose gives the indexes to build anew and the names of leftovers to drop.
func (in ReindexInput) choose(all []index) (chosen []piece, debris []string, err error) {
	taken := map[uint32]bool{}
	take := func(i index, why string) {
		if !taken[i.OID] {
			chosen = append(chosen, piece{OID: i.OID, Name: i.Name, Of: i.Table, Why: why, Status: statusPlanned,
				Before: extent{Bytes: i.Bytes}, statement: "REINDEX INDEX CONCURRENTLY " + i.Name})
		}
		taken[i.OID] = true
	}
	for _, pattern := range in.Indexes {
		before := len(taken)
		for _, i := range all {
			if i.matches(pattern) && !i.debris() {
				take(i, "named")
			}
		}
		if len(taken) == before && !strings.ContainsAny(pattern, "*?[") {
			return nil, nil, action.Permanent(action.ErrNotFound, "postgres.reindex: there is no index %q in postgres %q", pattern, in.Database)
		}
	}
	for _, i := range all {
		switch {
		case in.Invalid && i.debris():
			debris = append(debris, i.Name)
		case in.Invalid && !i.Valid && !i.Building:
			take(i, "invalid")
		case in.BloatPercent > 0 && i.Valid && !i.Exclusion && i.Bytes >= cmp.Or(in.MinSize, defaultMinSize) && i.bloatPercent() >= float64(in.BloatPercent):
			take(i, fmt.Sprintf("about %.0f %% of it is empty", i.bloatPercent()))
		}
	}
	if len(chosen) > maxPieces {
		return nil, nil, action.Permanent(action.ErrInput, "postgres.reindex: these are %d indexes and one step takes %d", len(chosen), maxPieces)
	}
	return chosen, debris, nil
}

func (i index) matches(pattern string) bool {
	plain := strings.ReplaceAll(i.Name, `"`, "")
	_, bare, _ := strings.Cut(plain, ".")
	whole, _ := path.Match(pattern, plain) // patterns were checked before
	short, _ := path.Match(pattern, bare)
	return whole || short || pattern == i.Name
}

// reindexProgress tells in a few words what a session is at.
const reindexProgress = `SELECT format('%s, %s of %s blocks', phase, blocks_done, blocks_total) FROM pg_stat_progress_create_index WHERE pid = $1 LIMIT 1`

// indexExtent measures an index by its name: built anew it is another one.
func (u *upkeep) indexExtent(ctx context.Context, p *piece) (e extent, err error) {
	err = u.work.QueryRow(ctx, `SELECT coalesce(to_regclass($1)::oid, 0), coalesce(pg_relation_size(to_regclass($1)), 0)`, p.Name).Scan(&p.OID, &e.Bytes)
	return e, err
}

// known lists all indexes, through the session that watches: it lives even when the other was cancelled.
func (u *upkeep) known(ctx context.Context) (all []index, err error) {
	if err := u.watched(ctx); err != nil {
		return nil, err
	}
	err = u.d.read(ctx, u.watch, defaultStudy, func(ctx context.Context, tx pgx.Tx) error {
		all, err = indexes(ctx, tx)
		return err
	})
	return all, err
}

// prepare notes what invalid indexes there were before a piece is begun: those are not ours to drop.
func (b *batch) prepare(ctx context.Context) error {
	all, err := b.known(ctx)
	if err != nil {
		return err
	}
	b.log.change(func(m *worklog) {
		m.Foreign = nil
		for _, i := range all {
			if i.debris() {
				m.Foreign = append(m.Foreign, i.OID)
			}
		}
	})
	return nil
}

// sweep drops what the piece begun last left on its table when it was cancelled.
func (b *batch) sweep(ctx context.Context) error {
	if b.log.Doing == "" {
		return nil
	}
	all, err := b.known(ctx)
	if err != nil {
		return err
	}
	for _, i := range all {
		if i.debris() && !slices.Contains(b.log.Foreign, i.OID) && begunFor(i.Name, b.log.Doing) {
			if err := b.drop(ctx, i.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// begunFor says that a leftover's name was made from that of an index, which is cut where it would be too
// long. Both are schema.index.
func begunFor(debris, name string) bool {
	made := strings.ReplaceAll(leftover.ReplaceAllString(debris, ""), `"`, "")
	name = strings.ReplaceAll(name, `"`, "")
	const shortestCut = 50 // of the 63 bytes of a name, less the ending and a character of several bytes
	_, bare, _ := strings.Cut(made, ".")
	return made == name || len(bare) >= shortestCut && strings.HasPrefix(name, made)
}

// drop removes an invalid index without keeping anybody waiting.
func (b *batch) drop(ctx context.Context, name string) error {
	if err := b.watched(ctx); err != nil {
		return err
	}
	const patience = "SET lock_timeout = '30s'"
	if _, err := b.watch.Exec(ctx, patience); err != nil {
		return b.failed("drop "+name, err)
	}
	if _, err := b.watch.Exec(ctx, "DROP INDEX CONCURRENTLY IF EXISTS "+name); err != nil {
		return b.failed("drop the unfinished index "+name+" (DROP INDEX CONCURRENTLY by hand when nothing locks its table)", err)
	}
	b.log.change(func(m *worklog) { m.Dropped = append(m.Dropped, name) })
	return nil
}

func (r *Reindex) tell(pieces []piece) {
	for _, p := range first(pieces, maxListed) {
		r.Indexes = append(r.Indexes, ReindexIndex{
			Index: p.Name, Table: p.Of, Why: p.Why, Status: p.Status, Reason: p.Reason, Duration: p.Took,
			BytesBefore: p.Before.Bytes, BytesAfter: p.After.Bytes,
		})
	}
}
