// Package journal is the maintenance log: the record of every run, the figures that procedures measured
// and what they found. Reports, trends and the board read only this. It lives in one SQLite file, or in
// PostgreSQL when several workers share it; both have the same tables and the same column names.
//
// Every write is idempotent, so that a repeated activity attempt leaves one row.
package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// Journal is an open maintenance log. It is safe for concurrent use, also by several processes.
type Journal struct {
	// read and write are the same pool on PostgreSQL. SQLite has one writer at a time: its write pool
	// has one connection, so that writers queue here rather than in SQLite's busy loop.
	read, write *sql.DB
	dialect     dialect
	password    string // never shown: taken out of every error
}

// dialect is what PostgreSQL and SQLite say differently.
type dialect struct {
	postgres bool
	name     string // where the journal is, for messages
	day      string // SQL for the UTC day of `measured` as YYYY-MM-DD
}

// Open opens the journal, makes it when there is none, and brings its tables up to date; several
// workers may do so at once. A dsn that is a path means an SQLite file (its folder is made too),
// postgres://user:password@host:5432/database means PostgreSQL. A journal that was written by a newer
// program is refused. No error shows the dsn's password.
func Open(ctx context.Context, dsn string) (*Journal, error) {
	open := openSQLite
	switch scheme, _, isURL := strings.Cut(dsn, "://"); {
	case isURL && (scheme == "postgres" || scheme == "postgresql"):
		open = openPostgres
	case isURL, strings.HasPrefix(dsn, "file:"), strings.Contains(dsn, "password="), dsn == ":memory:", dsn == "":
		return nil, errors.New(`open journal: the dsn has to be a file's path, or postgres://user:password@host:5432/database`)
	}
	j, err := open(ctx, dsn)
	if err != nil {
		return nil, err
	}
	if err := j.migrate(ctx); err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return j, nil
}

// Ping says whether the journal can be reached.
func (j *Journal) Ping(ctx context.Context) error {
	if err := j.read.PingContext(ctx); err != nil {
		return j.failed("reach it", err)
	}
	return nil
}

// Close closes the journal. What was written stays written.
func (j *Journal) Close() error {
	if j.dialect.postgres {
		return j.write.Close()
	}
	return errors.Join(j.read.Close(), j.write.Close())
}

// failed names what could not be done. Cause stays reachable for errors.Is and As; its text is shown
// without the password.
func (j *Journal) failed(what string, cause error) error {
	return scrub(fmt.Errorf("journal (%s): %s: %w", j.dialect.name, what, cause), j.password)
}

// scrubbed is an error whose text had a password taken out. It answers for its cause but does not hand
// it out: whoever writes down a chain of causes would write the password.
type scrubbed struct {
	text  string
	cause error
}

func (e *scrubbed) Error() string { return e.text }

// Is answers errors.Is for the cause.
func (e *scrubbed) Is(target error) bool { return errors.Is(e.cause, target) }

// As answers errors.As for the cause.
func (e *scrubbed) As(target any) bool { return errors.As(e.cause, target) }

// scrub hides password in what err says. Drivers promise not to print it; this makes sure.
func scrub(err error, password string) error {
	if password == "" || !strings.Contains(err.Error(), password) {
		return err
	}
	return &scrubbed{text: strings.ReplaceAll(err.Error(), password, "…"), cause: err}
}
