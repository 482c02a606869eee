package journal

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrationsTable is where the version of the tables is kept.
const migrationsTable = "orderly_migrations"

// migrate brings the tables to the version this program knows. On PostgreSQL an advisory lock lets one
// worker at a time do it. SQLite has none; there each migration is one transaction, of two programs one
// loses, and finds the work done when it looks again.
func (j *Journal) migrate(ctx context.Context) error {
	attempts := 5
	if j.dialect.postgres {
		attempts = 1
	}
	var err error
	for n := range attempts {
		if n > 0 {
			select {
			case <-time.After(time.Duration(n) * 100 * time.Millisecond):
			case <-ctx.Done():
				return j.failed("migrate", ctx.Err())
			}
		}
		if err = j.migrateOnce(ctx); err == nil || errors.Is(err, errNewer) {
			return err
		}
	}
	return j.failed("migrate", err)
}

// errNewer says that the tables belong to a newer program.
var errNewer = errors.New("the journal was written by a newer version of orderly; run that version, or point journal.dsn elsewhere")

func (j *Journal) migrateOnce(ctx context.Context) error {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	dialect, opts := goose.DialectSQLite3, []goose.ProviderOption{
		goose.WithTableName(migrationsTable),
		goose.WithDisableGlobalRegistry(true),
	}
	if j.dialect.postgres {
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return err
		}
		dialect, opts = goose.DialectPostgres, append(opts, goose.WithSessionLocker(locker))
	}
	p, err := goose.NewProvider(dialect, j.write, sub, opts...)
	if err != nil {
		return err
	}
	has, knows, err := p.GetVersions(ctx)
	if err != nil {
		return err
	}
	if has > knows {
		return fmt.Errorf("journal (%s): tables are at version %d, this program knows %d: %w", j.dialect.name, has, knows, errNewer)
	}
	_, err = p.Up(ctx)
	return err
}
