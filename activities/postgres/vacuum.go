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

const (
	modeBoth    = "vacuum-analyze"
	modeVacuum  = "vacuum"
	modeAnalyze = "analyze"

	defaultLock      = 5 * time.Second
	maxLock          = 5 * time.Minute
	defaultStatement = 30 * time.Minute
	maxStatement     = time.Hour
)

// VacuumInput is the input of postgres.vacuum.
type VacuumInput struct {
	Database     string        `json:"database" target:"postgres" doc:"The database."`
	Mode         string        `json:"mode,omitempty" enum:"vacuum-analyze,vacuum,analyze" doc:"What is done with a table. The parents of partitions are only analyzed, which nothing else does by itself." default:"vacuum-analyze"`
	Tables       []string      `json:"tables,omitempty" doc:"Which tables, in this order: schema.table or table, as glob patterns." default:"all but the system's, those with most dead and changed rows first"`
	Exclude      []string      `json:"exclude,omitempty" doc:"Tables to leave out, written likewise."`
	LockTimeout  sops.Duration `json:"lock_timeout,omitempty" doc:"How long to wait for a table that another session has locked, at most 5m; it is tried once more at the end, then skipped." default:"5s"`
	TableTimeout sops.Duration `json:"table_timeout,omitempty" doc:"How long one table may take, at most 1h; then it is skipped." default:"30m"`
	Budget       sops.Duration `json:"budget,omitempty" doc:"After this time no further table is begun; the rest are told as left." default:"no limit but the step's"`
	DryRun       bool          `json:"dry_run,omitempty" doc:"Tell what would be done in which order, and do nothing."`
}

// Vacuum is the output of postgres.vacuum.
type Vacuum struct {
	Database    string        `json:"database" doc:"The database."`
	DryRun      bool          `json:"dry_run" doc:"Nothing was done."`
	Done        int           `json:"done" doc:"Tables that were worked."`
	Skipped     int           `json:"skipped" doc:"Tables that could not be: locked, too slow, or not ours. Their reason says it."`
	Left        int           `json:"left" doc:"Tables that were not begun because the budget was spent; in a dry run, 0."`
	Earlier     int           `json:"earlier" doc:"Of those done or skipped, how many earlier attempts of this step had worked."`
	Tables      []VacuumTable `json:"tables" doc:"What became of each, at most 200; those skipped and left come first."`
	DeadBefore  int64         `json:"dead_before" doc:"Dead rows in the tables worked, as statistics knew them."`
	DeadAfter   int64         `json:"dead_after" doc:"Dead rows afterwards: what an open transaction or a replica still needs."`
	BytesBefore int64         `json:"bytes_before" doc:"Bytes of the tables worked, with their indexes."`
	BytesAfter  int64         `json:"bytes_after" doc:"Bytes afterwards. Space inside a file is free for new rows and does not show here."`
	Recovered   int64         `json:"recovered" doc:"Bytes given back to the disk; 0 when tables grew meanwhile."`
}

// VacuumTable is what became of one table.
type VacuumTable struct {
	Table       string        `json:"table" doc:"schema.table."`
	Status      string        `json:"status" enum:"done,skipped,left,planned" doc:"What became of it; planned in a dry run."`
	Reason      string        `json:"reason" doc:"Why it was skipped, or what the server warned of."`
	Duration    sops.Duration `json:"duration" doc:"How long it took."`
	DeadBefore  int64         `json:"dead_before" doc:"Dead rows before."`
	DeadAfter   int64         `json:"dead_after" doc:"Dead rows after."`
	BytesBefore int64         `json:"bytes_before" doc:"Bytes before, with indexes; in a dry run of the table alone."`
	BytesAfter  int64         `json:"bytes_after" doc:"Bytes after."`
}

// vacuum is the action postgres.vacuum.
func (a *actions) vacuum(ctx context.Context, in VacuumInput) (Vacuum, error) {
	limits, err := limitsOf("postgres.vacuum", in.LockTimeout, in.TableTimeout, defaultLock)
	if err != nil {
		return Vacuum{}, err
	}
	for _, pattern := range slices.Concat(in.Tables, in.Exclude) {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return Vacuum{}, action.Permanent(action.ErrInput, "postgres.vacuum: %q is no table and no pattern", pattern)
		}
	}
	d, err := a.databases.Get(in.Database)
	if err != nil {
		return Vacuum{}, err
	}
	u, err := d.maintain(ctx, limits)
	if err != nil {
		return Vacuum{}, err
	}
	defer u.end(ctx)
	tables, err := u.tables(ctx, in)
	if err != nil {
		return Vacuum{}, err
	}
	out := Vacuum{Database: in.Database, DryRun: in.DryRun, Tables: []VacuumTable{}}
	if in.DryRun {
		out.tell(tables)
		return out, nil
	}
	b := &batch{
		upkeep: u, verb: cmp.Or(in.Mode, modeBoth), bounds: limits, budget: in.Budget.D(),
		measure: u.tableExtent, progress: vacuumProgress,
	}
	stop, err := b.resume(ctx)
	if err != nil {
		return Vacuum{}, err
	}
	defer stop()
	out.Earlier = len(b.log.Worked)
	tables, rest := portion(tables)
	for _, t := range tables { // what may not be worked is told like what can't be
		if t.Status == statusSkipped && !slices.Contains(b.log.Worked, t.OID) {
			b.log.note(t)
		}
	}
	left, err := b.run(ctx, tables)
	if err != nil {
		return Vacuum{}, err
	}
	out.sum(&b.log.worklog, append(left, rest...))
	return out, nil
}

// portion is as many tables as one step takes, and those left for another one: they need it least.
func portion(tables []piece) (now, rest []piece) {
	if len(tables) <= maxPieces {
		return tables, nil
	}
	rest = slices.Clone(tables[maxPieces:])
	for i := range rest {
		rest[i].Reason = fmt.Sprintf("one step takes %d tables: name these in another one", maxPieces)
	}
	return tables[:maxPieces], rest
}

// limitsOf checks the bounds of a working session and fills in their defaults.
func limitsOf(doing string, lock, statement sops.Duration, lockDefault time.Duration) (bounds, error) {
	b := bounds{lock: cmp.Or(lock.D(), lockDefault), statement: cmp.Or(statement.D(), defaultStatement)}
	// Zero would mean for ever to the server.
	if b.lock < time.Millisecond || b.lock > maxLock {
		return b, action.Permanent(action.ErrInput, "%s: lock_timeout is %s, want 1ms to %s", doing, b.lock, maxLock)
	}
	if b.statement < time.Millisecond || b.statement > maxStatement {
		return b, action.Permanent(action.ErrInput, "%s: one may take %s, want 1ms to %s", doing, b.statement, maxStatement)
	}
	return b, nil
}

// vacuumProgress tells in a few words what a session is at.
const vacuumProgress = `
	SELECT format('%s, %s of %s blocks', phase, heap_blks_scanned, heap_blks_total) FROM pg_stat_progress_vacuum WHERE pid = $1
	UNION ALL
	SELECT format('%s, %s of %s blocks', phase, sample_blks_scanned, sample_blks_total) FROM pg_stat_progress_analyze WHERE pid = $1
	LIMIT 1`

// tableExtent measures a table. It waits for its lock, which the working session's bounds limit.
func (u *upkeep) tableExtent(ctx context.Context, p *piece) (e extent, err error) {
	err = u.work.QueryRow(ctx, `SELECT coalesce(pg_total_relation_size($1::oid), 0), coalesce(pg_stat_get_dead_tuples($1::oid), 0)`, p.OID).Scan(&e.Bytes, &e.Dead)
	return e, err
}

// tables lists what there is to do, in order. Tables that this user may not vacuum are skipped here: the
// server would only warn of it and say success.
func (u *upkeep) tables(ctx context.Context, in VacuumInput) ([]piece, error) {
	mode := cmp.Or(in.Mode, modeBoth)
	may := `pg_has_role(c.relowner, 'USAGE') OR (SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database())`
	if u.version >= 170000 {
		may += ` OR has_table_privilege(c.oid, 'MAINTAIN')`
	}
	// Sizes come from the catalogue: measuring would wait for whoever has locked a table.
	rows, err := u.work.Query(ctx, `
		SELECT c.oid, n.nspname, c.relname, format('%I.%I', n.nspname, c.relname), c.relkind = 'p', `+may+`,
			greatest(c.relpages, 0) * current_setting('block_size')::bigint, coalesce(s.n_dead_tup, 0)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
		WHERE c.relkind IN ('r', 'm', 'p') AND c.relpersistence <> 't'
			AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_toast%'
			AND NOT (c.relkind = 'p' AND $1 = 'vacuum')
		ORDER BY c.relkind = 'p',
			CASE WHEN $1 = 'analyze' THEN 0 ELSE coalesce(s.n_dead_tup + s.n_ins_since_vacuum, 0) END
				+ CASE WHEN $1 = 'vacuum' THEN 0 ELSE coalesce(s.n_mod_since_analyze, 0) END DESC,
			CASE WHEN c.relfrozenxid = '0' THEN 0 ELSE age(c.relfrozenxid) END DESC, 4`, mode)
	if err != nil {
		return nil, u.failed("list tables", err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t table, err error) {
		err = row.Scan(&t.OID, &t.schema, &t.relation, &t.Name, &t.parent, &t.may, &t.Before.Bytes, &t.Before.Dead)
		return t, err
	})
	if err != nil {
		return nil, u.failed("list tables", err)
	}
	chosen, err := choose(found, in)
	if err != nil {
		return nil, err
	}
	pieces := make([]piece, len(chosen))
	for i, t := range chosen {
		pieces[i] = t.ready(mode, u.version)
	}
	return pieces, nil
}

// table is a table as the catalogue has it.
type table struct {
	piece
	schema, relation string
	parent           bool // of partitions
	may              bool // this user may vacuum it
}

func (t table) matches(pattern string) bool {
	whole, _ := path.Match(pattern, t.schema+"."+t.relation) // patterns were checked before
	bare, _ := path.Match(pattern, t.relation)
	return whole || bare || pattern == t.Name
}

// choose keeps the tables that were asked for, in the order in which they were.
func choose(tables []table, in VacuumInput) ([]table, error) {
	tables = slices.DeleteFunc(tables, func(t table) bool { return slices.ContainsFunc(in.Exclude, t.matches) })
	if len(in.Tables) > 0 {
		var chosen []table
		for _, pattern := range in.Tables {
			before := len(chosen)
			for _, t := range tables {
				if t.matches(pattern) {
					chosen = append(chosen, t)
				}
			}
			if len(chosen) == before && !strings.ContainsAny(pattern, "*?[") {
				return nil, action.Permanent(action.ErrNotFound, "postgres.vacuum: there is no table %q in postgres %q%s", pattern, in.Database, action.Suggest(pattern, first(names(tables), 10)))
			}
		}
		seen := map[uint32]bool{}
		tables = slices.DeleteFunc(chosen, func(t table) bool { was := seen[t.OID]; seen[t.OID] = true; return was })
	}
	return tables, nil
}

func names(tables []table) []string {
	out := make([]string, len(tables))
	for i, t := range tables {
		out[i] = t.schema + "." + t.relation
	}
	return out
}

func first[T any](s []T, n int) []T { return s[:min(n, len(s))] }

// ready is the piece of work that a table makes.
func (t table) ready(mode string, version int) piece {
	p := t.piece
	p.Status = statusPlanned
	switch {
	case !t.may:
		p.Status, p.Reason = statusSkipped, "only its owner, the database's owner or a superuser may (from PostgreSQL 17 also who has MAINTAIN)"
	case t.parent && version >= 180000: // its partitions had their turn
		p.statement = "ANALYZE ONLY " + p.Name
	case t.parent, mode == modeAnalyze:
		p.statement = "ANALYZE " + p.Name
	case mode == modeVacuum:
		p.statement = "VACUUM " + p.Name
	default:
		p.statement = "VACUUM (ANALYZE) " + p.Name
	}
	return p
}

// sum makes the output of what was worked and left.
func (v *Vacuum) sum(m *worklog, left []piece) {
	v.Done, v.Skipped, v.Left = m.Done, m.Skipped, len(left)
	v.DeadBefore, v.DeadAfter = m.Before.Dead, m.After.Dead
	v.BytesBefore, v.BytesAfter = m.Before.Bytes, m.After.Bytes
	v.Recovered = max(0, v.BytesBefore-v.BytesAfter)
	v.tell(told(m, left))
}

// told lists what is to be told, at most maxListed: what was skipped or left first.
func told(m *worklog, left []piece) []piece {
	for i := range left {
		left[i].Status, left[i].Reason = statusLeft, cmp.Or(left[i].Reason, "the budget was spent")
	}
	all := slices.Concat(m.Pieces, left)
	rank := map[string]int{statusSkipped: 0, statusLeft: 1, statusDone: 2}
	slices.SortStableFunc(all, func(a, b piece) int { return rank[a.Status] - rank[b.Status] })
	return all
}

func (v *Vacuum) tell(pieces []piece) {
	for _, p := range first(pieces, maxListed) {
		v.Tables = append(v.Tables, VacuumTable{
			Table: p.Name, Status: p.Status, Reason: p.Reason, Duration: p.Took,
			DeadBefore: p.Before.Dead, DeadAfter: p.After.Dead, BytesBefore: p.Before.Bytes, BytesAfter: p.After.Bytes,
		})
	}
}
