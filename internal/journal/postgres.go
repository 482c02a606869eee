package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// openPostgres opens a pool of at most eight connections: a worker writes little, and many workers share
// one server.
func openPostgres(ctx context.Context, dsn string) (*Journal, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		// The parser's text quotes parts of the dsn, so it is not passed on.
		return nil, errors.New("open journal: the dsn is not a PostgreSQL URL; " +
			"write postgres://user:password@host:5432/database and percent-encode special characters")
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 10 * time.Second
	}
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "orderly-journal"
	}
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(4)
	db.SetConnMaxIdleTime(5 * time.Minute)
	db.SetConnMaxLifetime(time.Hour)
	j := &Journal{
		read: db, write: db, password: cfg.Password,
		dialect: dialect{
			postgres: true,
			name:     fmt.Sprintf("postgres %s:%d/%s", cfg.Host, cfg.Port, cfg.Database),
			day:      "to_char(measured AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
		},
	}
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(j.failed("open", withoutConfig(ctx, err)), db.Close())
	}
	return j, nil
}

// withoutConfig keeps what a connection error says and drops what it holds: pgx's carries the whole
// configuration, password included, for anybody who prints it with %+v.
func withoutConfig(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", err.Error(), ctx.Err())
	}
	return errors.New(err.Error())
}
