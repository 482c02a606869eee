package backups

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// asPlain makes a session write values in one way only, whatever the database's or the user's settings are,
// and refuse to hide rows from us or to stop us because we take long.
const asPlain = `SELECT set_config(name, value, true) FROM (VALUES
	('TimeZone', 'UTC'), ('DateStyle', 'ISO, YMD'), ('IntervalStyle', 'postgres'), ('extra_float_digits', '1'),
	('bytea_output', 'hex'), ('xmlbinary', 'base64'), ('xmloption', 'content'), ('lc_monetary', 'C'),
	('search_path', 'pg_catalog'), ('row_security', 'off'), ('statement_timeout', '0'), ('lock_timeout', '0')) AS settings (name, value)`

// holdingRows chooses the tables of which pg_dump writes the rows: no views, no parents of partitions (their
// rows are in the partitions), nothing foreign or temporary, nothing that CREATE EXTENSION fills. Their columns
// come by name: a table that inherits some has them in another order once it was restored.
const holdingRows = `SELECT n.nspname, c.relname, coalesce((SELECT string_agg(format('t.%I', attname), ', ' ORDER BY attname)
		FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped), '')
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND (c.relpersistence = 'p' OR NOT pg_is_in_recovery())
		AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
		AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.deptype = 'e' AND (
			d.classid = 'pg_class'::regclass AND d.objid = c.oid OR d.classid = 'pg_namespace'::regclass AND d.objid = n.oid))
	ORDER BY 1, 2`

// contents sums a hash of every row of some columns up, so that the order of rows does not matter.
// hashtextextended gives the same on every platform and has since PostgreSQL 11. It shows what a restore lost or
// changed; that nobody tampered with the files is what their SHA-256 is for.
func contents(columns string) string {
	return `coalesce(sum(hashtextextended(ROW(` + columns + `)::text COLLATE "C", 0)), 0)::text`
}

// TakeCensus counts the rows of every table in the snapshot of tx, and with checksums sums up their contents
// as well, which reads and formats every value. It changes settings of tx, until its end. Taken of a backup's
// snapshot and again of what was restored, the two are equal.
func TakeCensus(ctx context.Context, tx pgx.Tx, checksums bool) ([]Table, error) {
	if _, err := tx.Exec(ctx, asPlain); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, holdingRows)
	if err != nil {
		return nil, err
	}
	var columns []string
	tables, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t Table, err error) {
		columns = append(columns, "")
		return t, row.Scan(&t.Schema, &t.Name, &columns[len(columns)-1])
	})
	if err != nil {
		return nil, err
	}
	for i := range tables {
		sum := `''`
		if checksums {
			sum = contents(columns[i])
		}
		if err := tables[i].count(ctx, tx, sum); err != nil {
			return nil, fmt.Errorf("count %s.%s: %w", tables[i].Schema, tables[i].Name, err)
		}
	}
	return withLargeObjects(ctx, tx, tables)
}

func (t *Table) count(ctx context.Context, tx pgx.Tx, sum string) error {
	from := pgx.Identifier{t.Schema, t.Name}.Sanitize()
	// ONLY, because a table that others inherit from holds its own rows only.
	return tx.QueryRow(ctx, "SELECT count(*), "+sum+" FROM ONLY "+from+" AS t").Scan(&t.Rows, &t.Checksum)
}

// withLargeObjects counts large objects as a table of their own, where there are any.
func withLargeObjects(ctx context.Context, tx pgx.Tx, tables []Table) ([]Table, error) {
	t := Table{Schema: "pg_catalog", Name: "pg_largeobject_metadata"}
	if err := tx.QueryRow(ctx, "SELECT count(*) FROM pg_largeobject_metadata").Scan(&t.Rows); err != nil {
		return nil, err
	}
	if t.Rows > 0 {
		tables = append(tables, t)
	}
	return tables, nil
}
