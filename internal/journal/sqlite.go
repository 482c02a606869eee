package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the "sqlite" driver
)

// openSQLite opens a file. Write-ahead logging lets readers go on while one writes, and keeps the file
// whole when the process is killed; with it, synchronous=normal can lose the last commits only when the
// machine itself loses power. busy_timeout comes first: switching to WAL needs the lock already.
func openSQLite(ctx context.Context, path string) (*Journal, error) {
	if err := makePrivate(path); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	pragmas := url.Values{
		"_pragma": {"busy_timeout(10000)", "journal_mode(wal)", "synchronous(normal)"},
		"_txlock": {"immediate"},
	}
	dsn := (&url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: pragmas.Encode()}).String()
	read, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("open journal %s: %w", path, err)
	}
	write, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open journal %s: %w", path, err), read.Close())
	}
	read.SetMaxOpenConns(4)
	write.SetMaxOpenConns(1)
	j := &Journal{read: read, write: write, dialect: dialect{name: path, day: "substr(measured, 1, 10)"}}
	if err := write.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open journal %s: %w", path, err), j.Close())
	}
	return j, nil
}

// makePrivate makes the file, readable by its owner only: records hold what people wrote and what
// systems answered. SQLite gives its side files the same mode.
func makePrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil { //nolint:gosec // the operator says where the journal is
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // as above
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}
