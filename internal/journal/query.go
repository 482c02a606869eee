package journal

import (
	"database/sql"
	"strconv"
	"strings"
	"time"
)

// conditions gathers the parts of a WHERE with their arguments.
type conditions struct {
	parts []string
	args  []any
}

// add notes a condition; its "?" becomes the argument's placeholder.
func (c *conditions) add(condition string, arg any) {
	c.args = append(c.args, arg)
	c.parts = append(c.parts, strings.Replace(condition, "?", "$"+strconv.Itoa(len(c.args)), 1))
}

// oneOf asks for one of some texts.
func (c *conditions) oneOf(column string, values []string) {
	places := make([]string, len(values))
	for i, v := range values {
		c.args = append(c.args, clean(v))
		places[i] = "$" + strconv.Itoa(len(c.args))
	}
	c.parts = append(c.parts, column+" IN ("+strings.Join(places, ", ")+")")
}

// between asks for a time in [from, to); a zero time leaves that end open.
func (c *conditions) between(column string, from, to time.Time) {
	if !from.IsZero() {
		c.add(column+" >= ?", stamp(from))
	}
	if !to.IsZero() {
		c.add(column+" < ?", stamp(to))
	}
}

// query is a SELECT with the conditions between its two parts.
func (c *conditions) query(selectFrom, tail string) string {
	if len(c.parts) == 0 {
		return selectFrom + " " + tail
	}
	return selectFrom + " WHERE " + strings.Join(c.parts, " AND ") + " " + tail
}

// limit is a LIMIT; zero means defaultLimit.
func limit(n int) string {
	if n <= 0 {
		n = defaultLimit
	}
	return " LIMIT " + strconv.Itoa(n)
}

// scanner is a row, of one or of many.
type scanner interface{ Scan(into ...any) error }

// collect reads every row of a query, whose error it takes too.
func collect[T any](j *Journal, what string, rows *sql.Rows, err error, scan func(scanner) (T, error)) ([]T, error) {
	if err != nil {
		return nil, j.failed(what, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err below says what went wrong
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, j.failed(what, err)
		}
		all = append(all, one)
	}
	if err := rows.Err(); err != nil {
		return nil, j.failed(what, err)
	}
	return all, nil
}
