package postgres

import (
	"context"
	"regexp"
	"slices"

	"github.com/jackc/pgx/v5"
)

// index is an index as the catalogue has it.
type index struct {
	OID        uint32
	Name       string // schema.index, quoted where need be
	Table      string
	TableOID   uint32
	Bytes      int64
	Bloat      int64 // estimated bytes that hold nothing; -1 when nothing can be said
	Scans      int64
	Unique     bool
	Valid      bool
	Building   bool // somebody makes it at this moment
	Identity   bool // replication tells rows apart by it
	Part       bool // of a partitioned table's index: it goes and comes with that
	Exclusion  bool
	Constraint string // the constraint it enforces, quoted
	Plain      bool   // a B-tree of columns only: no expression, no condition, nothing included
	Keys       []string
	Rest       string // all that makes two indexes the same, besides their keys
}

// leftover matches what a cancelled REINDEX CONCURRENTLY leaves behind, invalid as it is.
var leftover = regexp.MustCompile(`_cc(new|old)\d*"?$`)

func (i index) bloatPercent() float64 { return percentOf(max(0, i.Bloat), i.Bytes) }

// debris says that the index is what a cancelled REINDEX CONCURRENTLY left.
func (i index) debris() bool { return !i.Valid && !i.Building && leftover.MatchString(i.Name) }

// indexes lists the indexes that people made, largest first. Each key is a column with all that belongs to
// it (class, collation, order), so that comparing keys as text compares indexes.
func indexes(ctx context.Context, tx pgx.Tx) ([]index, error) {
	rows, err := tx.Query(ctx, `WITH `+awkward+`, `+indexBloat+`
		SELECT x.oid, format('%I.%I', n.nspname, x.relname), format('%I.%I', tn.nspname, c.relname), c.oid,
			coalesce(b.bytes, CASE WHEN x.oid IN (SELECT oid FROM awkward) THEN x.relpages * current_setting('block_size')::bigint ELSE pg_relation_size(x.oid) END),
			coalesce(b.bloat, -1), coalesce(s.idx_scan, 0), i.indisunique, i.indisvalid AND i.indisready,
			EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = x.oid OR NOT i.indisvalid AND p.relid = c.oid),
			i.indisreplident, x.relispartition, i.indisexclusion,
			coalesce((SELECT quote_ident(conname) FROM pg_constraint k WHERE k.conindid = x.oid AND k.contype IN ('p', 'u', 'x') LIMIT 1), ''),
			m.amname = 'btree' AND i.indexprs IS NULL AND i.indpred IS NULL AND i.indnatts = i.indnkeyatts,
			(SELECT array_agg(concat_ws('/', i.indkey[k], i.indclass[k], i.indcollation[k], i.indoption[k]) ORDER BY k) FROM generate_series(0, i.indnkeyatts - 1) k),
			concat_ws('|', c.oid, m.oid, (SELECT string_agg(i.indkey[k]::text, ' ' ORDER BY k) FROM generate_series(i.indnkeyatts, i.indnatts - 1) k),
				pg_get_expr(i.indexprs, i.indrelid), pg_get_expr(i.indpred, i.indrelid), array_to_string(i.indclass::oid[], ' '))
		FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_namespace n ON n.oid = x.relnamespace
			JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace tn ON tn.oid = c.relnamespace JOIN pg_am m ON m.oid = x.relam
			LEFT JOIN index_bloat b ON b.oid = x.oid LEFT JOIN pg_stat_all_indexes s ON s.indexrelid = x.oid
		WHERE x.relkind = 'i' AND `+ours+` AND i.indislive ORDER BY 5 DESC, 2`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (i index, err error) {
		err = row.Scan(&i.OID, &i.Name, &i.Table, &i.TableOID, &i.Bytes, &i.Bloat, &i.Scans, &i.Unique, &i.Valid, &i.Building,
			&i.Identity, &i.Part, &i.Exclusion, &i.Constraint, &i.Plain, &i.Keys, &i.Rest)
		return i, err
	})
}

// needed says that an index does more than speed up queries.
func (i index) needed() bool { return i.Unique || i.Exclusion || i.Identity || i.Constraint != "" }

// redundant finds the index that makes i superfluous: the same again, or a longer one that begins with
// all its keys.
func (i index) redundant(all []index) (by index, same, ok bool) {
	if !i.Valid || i.Part || i.Identity || i.Exclusion {
		return index{}, false, false
	}
	for _, o := range all {
		if o.OID == i.OID || !o.Valid || o.TableOID != i.TableOID {
			continue
		}
		if o.Rest == i.Rest && slices.Equal(o.Keys, i.Keys) && o.stays(i) {
			return o, true, true
		}
	}
	for _, o := range all {
		if i.Plain && o.Plain && o.Valid && !i.needed() && o.TableOID == i.TableOID && len(o.Keys) > len(i.Keys) && slices.Equal(o.Keys[:len(i.Keys)], i.Keys) {
			return o, false, true
		}
	}
	return index{}, false, false
}

// stays decides which of two equal indexes is kept: the one that does more, then the one more used.
func (i index) stays(other index) bool {
	if a, b := i.rank(), other.rank(); a != b {
		return a > b
	}
	if i.Scans != other.Scans {
		return i.Scans > other.Scans
	}
	return i.Name < other.Name
}

func (i index) rank() int {
	switch {
	case i.Identity:
		return 3
	case i.Constraint != "":
		return 2
	case i.Unique:
		return 1
	default:
		return 0
	}
}
