package postgres

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/sops"
)

const (
	defaultTop = 20
	maxTop     = 200
	// defaultStudy is how long reading the statistics of a whole database may take.
	defaultStudy = 30 * time.Second
)

// StatisticsInput is the input of postgres.statistics.
type StatisticsInput struct {
	Database string        `json:"database" target:"postgres" doc:"The database."`
	Top      int           `json:"top,omitempty" doc:"How many tables, the largest, and statements, those that took most time, to list, 1 to 200." default:"20"`
	Timeout  sops.Duration `json:"timeout,omitempty" doc:"How long connecting may take, and then all queries together, at most 1m." default:"30s"`
}

// Statistics is the output of postgres.statistics.
type Statistics struct {
	Database          string            `json:"database" doc:"The database."`
	Version           string            `json:"version" doc:"Server version."`
	Size              int64             `json:"size" doc:"Bytes of the database on disk. Keep it with journal.measure, and journal.trend tells its growth."`
	TableCount        int               `json:"table_count" doc:"How many tables there are, partitions and materialised views included, the system's not."`
	Rows              int64             `json:"rows" doc:"Live rows in all of them, as statistics know them."`
	Dead              int64             `json:"dead" doc:"Dead rows in all of them."`
	DeadPercent       float64           `json:"dead_percent" doc:"Dead share of all rows, 0 to 100."`
	Bloat             int64             `json:"bloat" doc:"Bytes in tables that hold nothing, estimated; of tables never analyzed nothing is known."`
	BloatPercent      float64           `json:"bloat_percent" doc:"Their share of the tables, 0 to 100."`
	NeverVacuumed     int               `json:"never_vacuumed" doc:"Tables with dead rows that neither autovacuum nor anybody has vacuumed since statistics began."`
	Added             int64             `json:"added" doc:"Rows inserted less rows deleted since statistics began."`
	CacheHitPercent   float64           `json:"cache_hit_percent" doc:"Share of blocks found in PostgreSQL's cache since statistics began, 0 to 100; 100 when none was read."`
	IndexHitPercent   float64           `json:"index_hit_percent" doc:"The same of indexes."`
	Commits           int64             `json:"commits" doc:"Transactions committed since statistics began."`
	Rollbacks         int64             `json:"rollbacks" doc:"Transactions rolled back."`
	Deadlocks         int64             `json:"deadlocks" doc:"Deadlocks."`
	TempBytes         int64             `json:"temp_bytes" doc:"Bytes that queries wrote to temporary files because their memory (work_mem) did not suffice."`
	StatsSince        *time.Time        `json:"stats_since,omitempty" doc:"When statistics began; absent when they were never reset."`
	WraparoundPercent float64           `json:"wraparound_percent" doc:"How much of the transaction numbers is used up before the database stops taking writes, 0 to 100. Vacuum brings it down; autovacuum begins at about 9."`
	Tables            []TableStatistics `json:"tables" doc:"The largest tables."`
	Statements        Statements        `json:"statements" doc:"What statements took the most time, where pg_stat_statements is installed."`
	Text              string            `json:"text" doc:"The gist in one sentence."`
}

// TableStatistics is one table.
type TableStatistics struct {
	Table           string     `json:"table" doc:"schema.table."`
	Bytes           int64      `json:"bytes" doc:"Bytes with indexes and everything."`
	TableBytes      int64      `json:"table_bytes" doc:"Bytes of the rows alone, without what is stored out of line."`
	IndexBytes      int64      `json:"index_bytes" doc:"Bytes of its indexes."`
	Rows            int64      `json:"rows" doc:"Live rows, as statistics know them."`
	Dead            int64      `json:"dead" doc:"Dead rows."`
	DeadPercent     float64    `json:"dead_percent" doc:"Dead share of all its rows, 0 to 100."`
	Bloat           int64      `json:"bloat" doc:"Bytes of table_bytes that hold nothing, estimated."`
	BloatPercent    float64    `json:"bloat_percent" doc:"Their share, 0 to 100."`
	Estimated       bool       `json:"estimated" doc:"Whether bloat could be estimated: the table has been analyzed, and this user may see its statistics."`
	Locked          bool       `json:"locked" doc:"Somebody has it locked: its sizes are what the last vacuum saw."`
	SeqScans        int64      `json:"seq_scans" doc:"How often it was read as a whole since statistics began."`
	IndexScans      int64      `json:"index_scans" doc:"How often it was read by an index."`
	LastVacuum      *time.Time `json:"last_vacuum,omitempty" doc:"When somebody vacuumed it."`
	LastAutovacuum  *time.Time `json:"last_autovacuum,omitempty" doc:"When autovacuum did."`
	LastAnalyze     *time.Time `json:"last_analyze,omitempty" doc:"When somebody analyzed it."`
	LastAutoanalyze *time.Time `json:"last_autoanalyze,omitempty" doc:"When autovacuum did."`
}

// Statements is what pg_stat_statements tells.
type Statements struct {
	Available bool        `json:"available" doc:"Whether it could be asked."`
	Why       string      `json:"why" doc:"Why not."`
	Top       []Statement `json:"top" doc:"Statements of this database that took most time in all."`
}

// Statement is one statement, all its executions together.
type Statement struct {
	Query      string  `json:"query" doc:"Without literals and comments, at most 200 characters."`
	User       string  `json:"user" doc:"Who ran it."`
	Calls      int64   `json:"calls" doc:"How often it ran."`
	TotalMS    float64 `json:"total_ms" doc:"Milliseconds in all."`
	MeanMS     float64 `json:"mean_ms" doc:"Milliseconds each time."`
	Rows       int64   `json:"rows" doc:"Rows it gave or changed in all."`
	HitPercent float64 `json:"hit_percent" doc:"Share of its blocks found in the cache, 0 to 100; 100 when it read none."`
}

// statistics is the action postgres.statistics. It only reads, and resets nothing.
func (a *actions) statistics(ctx context.Context, in StatisticsInput) (Statistics, error) {
	top := cmp.Or(in.Top, defaultTop)
	if top < 1 || top > maxTop {
		return Statistics{}, action.Permanent(action.ErrInput, "postgres.statistics: top is %d, want 1 to %d", in.Top, maxTop)
	}
	out := Statistics{Database: in.Database, Tables: []TableStatistics{}, Statements: Statements{Top: []Statement{}}}
	err := a.study(ctx, "postgres.statistics", in.Database, in.Timeout, func(ctx context.Context, tx pgx.Tx) error {
		if err := out.whole(ctx, tx); err != nil {
			return err
		}
		if err := out.tables(ctx, tx, top); err != nil {
			return err
		}
		return out.Statements.read(ctx, tx, top)
	})
	if err != nil {
		return Statistics{}, err
	}
	out.Text = fmt.Sprintf("%s is %s in %d tables, %.0f %% of rows dead, about %s of bloat, %.1f %% of reads from the cache",
		in.Database, size(out.Size), out.TableCount, out.DeadPercent, size(out.Bloat), out.CacheHitPercent)
	return out, nil
}

// study reads statistics in one transaction that waits for no lock.
func (a *actions) study(ctx context.Context, doing, name string, timeout sops.Duration, queries func(context.Context, pgx.Tx) error) error {
	d, patience, err := a.get(doing, name, cmp.Or(timeout, sops.Duration(defaultStudy)))
	if err != nil {
		return err
	}
	conn, err := d.connect(ctx, patience)
	if err != nil {
		return err
	}
	defer shut(ctx, conn)
	return d.read(ctx, conn, patience, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = '2s'"); err != nil {
			return err
		}
		return queries(ctx, tx)
	})
}

func (s *Statistics) whole(ctx context.Context, tx pgx.Tx) error {
	var hit, read, indexHit, indexRead int64
	err := tx.QueryRow(ctx, `
		SELECT current_setting('server_version'), pg_database_size(current_database()), xact_commit, xact_rollback, deadlocks, temp_bytes, stats_reset,
			blks_hit, blks_read, round(100.0 * age(d.datfrozenxid) / 2147483647, 2)::float8,
			(SELECT coalesce(sum(idx_blks_hit), 0)::bigint FROM pg_statio_user_indexes), (SELECT coalesce(sum(idx_blks_read), 0)::bigint FROM pg_statio_user_indexes)
		FROM pg_stat_database s JOIN pg_database d ON d.oid = s.datid WHERE s.datname = current_database()`,
	).Scan(&s.Version, &s.Size, &s.Commits, &s.Rollbacks, &s.Deadlocks, &s.TempBytes, &s.StatsSince, &hit, &read, &s.WraparoundPercent, &indexHit, &indexRead)
	s.CacheHitPercent, s.IndexHitPercent = hits(hit, read), hits(indexHit, indexRead)
	return err
}

// hits is the share found in the cache, 100 when nothing was looked for.
func hits(hit, read int64) float64 {
	if hit+read == 0 {
		return 100
	}
	return percentOf(hit, hit+read)
}

func (s *Statistics) tables(ctx context.Context, tx pgx.Tx, top int) error {
	rows, err := tx.Query(ctx, `WITH `+awkward+`, `+tableBloat+`, every AS (
		SELECT format('%I.%I', n.nspname, c.relname) AS name, c.oid IN (SELECT oid FROM awkward) AS locked, b.bytes AS heap, b.bloat,
			coalesce(s.n_live_tup, 0) AS live, coalesce(s.n_dead_tup, 0) AS dead, s.*, c.oid
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN table_bloat b ON b.oid = c.oid LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
		WHERE c.relkind IN ('r', 'm') AND `+ours+`),
	sized AS (
		SELECT *, CASE WHEN locked THEN heap ELSE pg_total_relation_size(oid) END AS total, CASE WHEN locked THEN 0 ELSE pg_indexes_size(oid) END AS indexes FROM every)
	SELECT name, total, heap, indexes, live, dead, coalesce(bloat, 0), bloat IS NOT NULL, locked, coalesce(seq_scan, 0), coalesce(idx_scan, 0),
		last_vacuum, last_autovacuum, last_analyze, last_autoanalyze,
		count(*) OVER ()::int, sum(live) OVER ()::bigint, sum(dead) OVER ()::bigint, coalesce(sum(bloat) OVER (), 0)::bigint, sum(heap) OVER ()::bigint,
		count(*) FILTER (WHERE dead > 0 AND last_vacuum IS NULL AND last_autovacuum IS NULL) OVER ()::int,
		coalesce(sum(n_tup_ins - n_tup_del) OVER (), 0)::bigint
	FROM sized ORDER BY total DESC, name LIMIT $1`, top)
	if err != nil {
		return err
	}
	var heap int64
	s.Tables, err = pgx.AppendRows(s.Tables, rows, func(row pgx.CollectableRow) (t TableStatistics, err error) {
		err = row.Scan(&t.Table, &t.Bytes, &t.TableBytes, &t.IndexBytes, &t.Rows, &t.Dead, &t.Bloat, &t.Estimated, &t.Locked, &t.SeqScans, &t.IndexScans,
			&t.LastVacuum, &t.LastAutovacuum, &t.LastAnalyze, &t.LastAutoanalyze,
			&s.TableCount, &s.Rows, &s.Dead, &s.Bloat, &heap, &s.NeverVacuumed, &s.Added)
		t.DeadPercent, t.BloatPercent = percentOf(t.Dead, t.Rows+t.Dead), percentOf(t.Bloat, t.TableBytes)
		return t, err
	})
	s.DeadPercent, s.BloatPercent = percentOf(s.Dead, s.Rows+s.Dead), percentOf(s.Bloat, heap)
	return err
}

// read asks pg_stat_statements. Its columns were renamed in 1.8, and who updates a server seldom updates
// its extensions, so both names are looked for.
func (s *Statements) read(ctx context.Context, tx pgx.Tx, top int) error {
	var schema string
	err := tx.QueryRow(ctx, `SELECT coalesce((SELECT quote_ident(nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE extname = 'pg_stat_statements'), '')`).Scan(&schema)
	if err != nil {
		return err
	}
	if schema == "" {
		s.Why = "pg_stat_statements is not installed in this database: CREATE EXTENSION pg_stat_statements"
		return nil
	}
	// Apart, since it fails where the server did not load the library at its start.
	err = pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			SELECT coalesce(j->>'query', ''), coalesce(rolname, ''), (j->>'calls')::bigint,
				round(coalesce(j->>'total_exec_time', j->>'total_time')::numeric, 3)::float8, round(coalesce(j->>'mean_exec_time', j->>'mean_time')::numeric, 3)::float8,
				(j->>'rows')::bigint, (j->>'shared_blks_hit')::bigint, (j->>'shared_blks_read')::bigint
			FROM (SELECT to_jsonb(s) AS j FROM `+schema+`.pg_stat_statements s WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())) q
				LEFT JOIN pg_roles r ON r.oid = (j->>'userid')::oid
			ORDER BY 4 DESC LIMIT $1`, top)
		if err != nil {
			return err
		}
		s.Top, err = pgx.AppendRows(s.Top, rows, func(row pgx.CollectableRow) (one Statement, err error) {
			var hit, read int64
			err = row.Scan(&one.Query, &one.User, &one.Calls, &one.TotalMS, &one.MeanMS, &one.Rows, &hit, &read)
			one.Query, one.HitPercent = shorten(normalise(one.Query)), hits(hit, read)
			return one, err
		})
		return err
	})
	if err != nil && ctx.Err() == nil && !tx.Conn().IsClosed() {
		s.Why, s.Top = "pg_stat_statements can't be read: is it in shared_preload_libraries?", []Statement{}
		return nil
	}
	s.Available = err == nil
	return err
}

// size words bytes for people.
func size(bytes int64) string {
	value, units := float64(bytes), []string{"B", "KiB", "MiB", "GiB", "TiB"}
	for len(units) > 1 && value >= 1024 {
		value, units = value/1024, units[1:]
	}
	if units[0] == "B" {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("%.1f %s", value, units[0])
}
