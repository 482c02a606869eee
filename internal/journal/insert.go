package journal

import (
	"context"
	"slices"
	"strconv"
	"strings"
)

// rowsAtOnce keeps statements short: SQLite's driver matches every placeholder with every argument.
const rowsAtOnce = 25

// target is where rows go, and what happens to one whose key is there already: what follows ON CONFLICT.
type target struct {
	table    string
	columns  []string
	conflict string
}

// stays leaves a row that is there already as it is.
const stays = "DO NOTHING"

// insert adds rows to a table, all or none.
func (j *Journal) insert(ctx context.Context, into target, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	tx, err := j.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	for chunk := range slices.Chunk(rows, rowsAtOnce) {
		if _, err := tx.ExecContext(ctx, into.insert(len(chunk)), slices.Concat(chunk...)...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// insert writes the statement for a number of rows: … VALUES ($1, $2), ($3, $4) ….
func (t target) insert(rows int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + t.table + " (" + strings.Join(t.columns, ", ") + ") VALUES ")
	n := 0
	for row := range rows {
		if row > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('(')
		for col := range t.columns {
			if col > 0 {
				b.WriteString(", ")
			}
			n++
			b.WriteString("$" + strconv.Itoa(n))
		}
		b.WriteByte(')')
	}
	b.WriteString(" ON CONFLICT " + t.conflict)
	return b.String()
}
