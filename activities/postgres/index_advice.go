package postgres

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/sops"
)

const (
	defaultMinSize   = 1 << 20
	defaultBloated   = 40
	defaultAdvice    = 50
	maxAdvice        = 200
	statisticsMature = 7 * 24 * time.Hour
)

// IndexAdviceInput is the input of postgres.index-advice.
type IndexAdviceInput struct {
	Database     string        `json:"database" target:"postgres" doc:"The database."`
	MinSize      int64         `json:"min_size,omitempty" doc:"Indexes of fewer bytes are neither called unused nor bloated, and tables of fewer need no index for their foreign keys." default:"1048576, 1 MiB"`
	BloatPercent int           `json:"bloat_percent,omitempty" doc:"From which estimated empty share on an index counts as bloated, 1 to 99." default:"40"`
	Limit        int           `json:"limit,omitempty" doc:"How many to list of each kind, largest first, 1 to 200." default:"50"`
	Timeout      sops.Duration `json:"timeout,omitempty" doc:"How long connecting may take, and then all queries together, at most 1m." default:"30s"`
}

// IndexAdvice is the output of postgres.index-advice.
type IndexAdvice struct {
	Database    string         `json:"database" doc:"The database."`
	StatsSince  *time.Time     `json:"stats_since,omitempty" doc:"When use began to be counted; absent when statistics were never reset."`
	StatsAge    sops.Duration  `json:"stats_age" doc:"For how long use has been counted: since then, or since the server started."`
	Unused      []Advice       `json:"unused" doc:"Indexes that no query has used since then and that enforce nothing."`
	Duplicate   []Advice       `json:"duplicate" doc:"Indexes that another one makes superfluous."`
	Invalid     []Advice       `json:"invalid" doc:"Indexes that are kept up to date, or not even that, and used by no query."`
	Bloated     []Advice       `json:"bloated" doc:"B-tree indexes that are mostly empty, estimated."`
	Missing     []MissingIndex `json:"missing" doc:"Foreign keys whose columns have no index."`
	Count       int            `json:"count" doc:"How many there are in all, listed or not."`
	Recoverable int64          `json:"recoverable" doc:"Bytes that following all advice would free, about; an index counts once."`
	Caveats     []string       `json:"caveats" doc:"What to know before following any of it."`
	Text        string         `json:"text" doc:"The gist in one sentence."`
}

// Advice is about one index.
type Advice struct {
	Index        string  `json:"index" doc:"schema.index."`
	Table        string  `json:"table" doc:"schema.table."`
	Bytes        int64   `json:"bytes" doc:"Its size."`
	Scans        int64   `json:"scans" doc:"How often it was used since use began to be counted."`
	BloatPercent float64 `json:"bloat_percent" doc:"Estimated empty share, 0 to 100; 0 when nothing is known."`
	Why          string  `json:"why" doc:"What was seen."`
	SQL          string  `json:"sql" doc:"What a person would run."`
	Caveat       string  `json:"caveat" doc:"What to look at before."`
}

// MissingIndex is about one foreign key.
type MissingIndex struct {
	Table      string   `json:"table" doc:"schema.table that has the foreign key."`
	Constraint string   `json:"constraint" doc:"The foreign key."`
	Columns    []string `json:"columns" doc:"Its columns."`
	References string   `json:"references" doc:"schema.table that it leads to."`
	Bytes      int64    `json:"bytes" doc:"Size of the table that would be read as a whole."`
	Why        string   `json:"why" doc:"What was seen."`
	SQL        string   `json:"sql" doc:"What a person would run."`
	Caveat     string   `json:"caveat" doc:"What to look at before."`
}

// indexAdvice is the action postgres.index-advice. It only reads.
func (a *actions) indexAdvice(ctx context.Context, in IndexAdviceInput) (IndexAdvice, error) {
	limit, bloated := cmp.Or(in.Limit, defaultAdvice), cmp.Or(in.BloatPercent, defaultBloated)
	if limit < 1 || limit > maxAdvice {
		return IndexAdvice{}, action.Permanent(action.ErrInput, "postgres.index-advice: limit is %d, want 1 to %d", in.Limit, maxAdvice)
	}
	if bloated < 1 || bloated > 99 {
		return IndexAdvice{}, action.Permanent(action.ErrInput, "postgres.index-advice: bloat_percent is %d, want 1 to 99", in.BloatPercent)
	}
	j := adviser{limit: limit, bloated: float64(bloated), least: cmp.Or(in.MinSize, defaultMinSize)}
	out := IndexAdvice{Database: in.Database, Unused: []Advice{}, Duplicate: []Advice{}, Invalid: []Advice{}, Bloated: []Advice{}, Missing: []MissingIndex{}, Caveats: []string{}}
	err := a.study(ctx, "postgres.index-advice", in.Database, in.Timeout, func(ctx context.Context, tx pgx.Tx) error {
		if err := out.context(ctx, tx); err != nil {
			return err
		}
		all, err := indexes(ctx, tx)
		if err != nil {
			return err
		}
		for _, i := range all {
			j.judge(&out, i, all)
		}
		return j.missing(ctx, tx, &out)
	})
	if err != nil {
		return IndexAdvice{}, err
	}
	out.Text = fmt.Sprintf("%d indexes unused, %d superfluous, %d invalid, %d bloated, %d foreign keys without one; about %s to recover",
		len(out.Unused), len(out.Duplicate), len(out.Invalid), len(out.Bloated), len(out.Missing), size(out.Recoverable))
	return out, nil
}

// context reads what says how far the counts can be trusted.
func (o *IndexAdvice) context(ctx context.Context, tx pgx.Tx) error {
	var seconds float64
	var standby bool
	var replicas int
	err := tx.QueryRow(ctx, `
		SELECT stats_reset, extract(epoch FROM clock_timestamp() - coalesce(stats_reset, pg_postmaster_start_time()))::float8, pg_is_in_recovery(),
			(SELECT count(*)::int FROM pg_stat_replication WHERE state IS DISTINCT FROM 'backup')
		FROM pg_stat_database WHERE datname = current_database()`).Scan(&o.StatsSince, &seconds, &standby, &replicas)
	if err != nil {
		return err
	}
	o.StatsAge = age(seconds)
	if o.StatsAge.D() < statisticsMature {
		o.Caveats = append(o.Caveats, fmt.Sprintf("use has been counted for %s only: what runs weekly or monthly may not have run yet", o.StatsAge.D().Round(time.Minute)))
	}
	if standby {
		o.Caveats = append(o.Caveats, "this is a standby: it counts its own queries, not the primary's")
	}
	if replicas > 0 {
		o.Caveats = append(o.Caveats, fmt.Sprintf("%d replicas count their own use: an index unused here may serve queries there; ask each with this same action", replicas))
	}
	return nil
}

// adviser has the thresholds.
type adviser struct {
	limit   int
	bloated float64
	least   int64
}

// judge puts an index into the first list that it belongs to.
func (j adviser) judge(out *IndexAdvice, i index, all []index) {
	advice := Advice{Index: i.Name, Table: i.Table, Bytes: i.Bytes, Scans: i.Scans, BloatPercent: i.bloatPercent()}
	switch by, same, redundant := i.redundant(all); {
	case i.Building:
	case !i.Valid:
		j.add(out, &out.Invalid, advice.invalid(i), i.Bytes)
	case redundant:
		j.add(out, &out.Duplicate, advice.duplicate(i, by, same), i.Bytes)
	case i.Scans == 0 && i.Bytes >= j.least && !i.needed() && !i.Part:
		advice.Why, advice.SQL = "no query has used it", drop(i)
		advice.Caveat = "look at every replica, and at jobs that run seldom"
		if !i.Plain {
			advice.Caveat += "; an index of an expression also gives the planner statistics: CREATE STATISTICS can take its place"
		}
		j.add(out, &out.Unused, advice, i.Bytes)
	case i.bloatPercent() >= j.bloated && i.Bytes >= j.least:
		advice.Why = fmt.Sprintf("about %.0f %% of it is empty", i.bloatPercent())
		advice.SQL = "REINDEX INDEX CONCURRENTLY " + i.Name + ";"
		advice.Caveat = "an estimate; the new index needs " + size(i.Bytes-i.Bloat) + " of free disk while the old one is still there (postgres.reindex does it)"
		j.add(out, &out.Bloated, advice, i.Bloat)
	}
}

func (j adviser) add(out *IndexAdvice, list *[]Advice, a Advice, bytes int64) {
	out.Count++
	out.Recoverable += bytes
	if len(*list) < j.limit {
		*list = append(*list, a)
	}
}

func drop(i index) string {
	if i.Constraint != "" {
		return "ALTER TABLE " + i.Table + " DROP CONSTRAINT " + i.Constraint + ";"
	}
	return "DROP INDEX CONCURRENTLY " + i.Name + ";"
}

func (a Advice) invalid(i index) Advice {
	if i.debris() {
		a.Why, a.SQL = "a REINDEX CONCURRENTLY was cancelled and left it", drop(i)
		a.Caveat = "be sure that no REINDEX of this table is running"
		return a
	}
	a.Why = "making it failed, so no query uses it, while every write still pays for it"
	a.SQL = "REINDEX INDEX CONCURRENTLY " + i.Name + ";"
	a.Caveat = "drop it instead if nobody wants it"
	if i.Unique {
		a.Caveat = "as a unique index it may have failed because of duplicate rows: it enforces nothing for those there are; find them first"
	}
	return a
}

func (a Advice) duplicate(i, by index, same bool) Advice {
	a.SQL = drop(i)
	if !same {
		a.Why = "its columns are the first ones of " + by.Name
		a.Caveat = "a smaller index is a little faster to read; look at every replica"
		return a
	}
	a.Why, a.Caveat = "it is the same as "+by.Name, "look at every replica, and at hints that name it"
	if i.Constraint != "" {
		a.Caveat = "it enforces the constraint " + i.Constraint + ", as the other does; foreign keys may hang on it: DROP without CASCADE tells"
	} else if i.Unique {
		a.Caveat = "both are unique, so what is enforced stays; ON CONFLICT finds the other one"
	}
	return a
}

// missing finds foreign keys whose columns no index begins with, in whatever order.
func (j adviser) missing(ctx context.Context, tx pgx.Tx, out *IndexAdvice) error {
	rows, err := tx.Query(ctx, `WITH `+awkward+`
		SELECT format('%I.%I', n.nspname, c.relname), quote_ident(k.conname), format('%I.%I', rn.nspname, r.relname),
			(SELECT array_agg(quote_ident(attname) ORDER BY o) FROM unnest(k.conkey) WITH ORDINALITY u(a, o) JOIN pg_attribute ON attrelid = c.oid AND attnum = a),
			CASE WHEN c.oid IN (SELECT oid FROM awkward) THEN c.relpages * current_setting('block_size')::bigint ELSE pg_relation_size(c.oid) END AS bytes, c.relkind = 'p'
		FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
			JOIN pg_class r ON r.oid = k.confrelid JOIN pg_namespace rn ON rn.oid = r.relnamespace
		WHERE k.contype = 'f' AND k.conparentid = 0 AND `+ours+` AND NOT EXISTS (
			SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL AND i.indnkeyatts >= cardinality(k.conkey)
				AND (SELECT array_agg(i.indkey[p]::int ORDER BY i.indkey[p]::int) FROM generate_series(0, cardinality(k.conkey) - 1) p)
					= (SELECT array_agg(a::int ORDER BY a::int) FROM unnest(k.conkey) a))
		ORDER BY 5 DESC, 1, 2`)
	if err != nil {
		return err
	}
	var m MissingIndex
	var parted bool
	_, err = pgx.ForEachRow(rows, []any{&m.Table, &m.Constraint, &m.References, &m.Columns, &m.Bytes, &parted}, func() error {
		if m.Bytes < j.least && !parted { // a parent's own size says nothing
			return nil
		}
		out.Count++
		if len(out.Missing) < j.limit {
			out.Missing = append(out.Missing, m.worded(parted))
		}
		return nil
	})
	return err
}

func (m MissingIndex) worded(parted bool) MissingIndex {
	columns := strings.Join(m.Columns, ", ")
	m.Columns = append([]string{}, m.Columns...)
	m.Why = "deleting or changing a row of " + m.References + " reads the whole table"
	m.SQL = "CREATE INDEX CONCURRENTLY ON " + m.Table + " (" + columns + ");"
	m.Caveat = "pays when rows of " + m.References + " are deleted, their keys changed, or the two are joined; every write pays for it"
	if parted {
		m.SQL = "CREATE INDEX ON ONLY " + m.Table + " (" + columns + ");"
		m.Caveat += "; then CREATE INDEX CONCURRENTLY on each partition and ALTER INDEX … ATTACH PARTITION, as a partitioned table can't be indexed concurrently"
	}
	return m
}
