package journal

import (
	"context"
	"slices"
	"strconv"
	"strings"
)

// rowsAtOnce keeps statements short: SQLite's driver matches every placeholder with every argument.
const rowsAtOnce = 25

// insert adds rows to a table, all or none. A row that is there already stays as it is.
func (j *Journal) insert(ctx context.Context, table string, columns []string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	tx, err := j.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	for chunk := range slices.Chunk(rows, rowsAtOnce) {
		if _, err := tx.ExecContext(ctx, insertSQL(table, columns, len(chunk)), slices.Concat(chunk...)...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// insertSQL writes the statement for a number of rows: … VALUES ($1, $2), ($3, $4) ….
func insertSQL(table string, columns []string, rows int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES ")
	n := 0
	for row := range rows {
		if row > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('(')
		for col := range columns {
			if col > 0 {
				b.WriteString(", ")
			}
			n++
			b.WriteString("$" + strconv.Itoa(n))
		}
		b.WriteByte(')')
	}
	b.WriteString(" ON CONFLICT DO NOTHING")
	return b.String()
}
