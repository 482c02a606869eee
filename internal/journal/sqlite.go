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
	"time"

	"modernc.org/sqlite" // also the "sqlite" driver
	sqlite3 "modernc.org/sqlite/lib"
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
		"_pragma": {fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "journal_mode(wal)", "synchronous(normal)"},
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
	if err := firstContact(ctx, write); err != nil {
		return nil, errors.Join(fmt.Errorf("open journal %s: %w", path, err), j.Close())
	}
	return j, nil
}

const (
	// busyTimeout is how long a statement waits for another process's lock.
	busyTimeout = 10 * time.Second
	// contactEvery is how often a journal that others are opening too is tried again.
	contactEvery = 20 * time.Millisecond
)

// firstContact opens a connection, which sets the pragmas. Where several programs open a new file at once,
// SQLite refuses some the switch to WAL at once, whatever the busy_timeout: waiting could be a deadlock.
// Whoever is refused has to ask again.
func firstContact(ctx context.Context, db *sql.DB) error {
	ctx, cancel := context.WithTimeout(ctx, busyTimeout)
	defer cancel()
	again := time.NewTicker(contactEvery)
	defer again.Stop()
	for {
		err := db.PingContext(ctx)
		if !isBusy(err) {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return err
		}
	}
}

// isBusy says whether another connection holds what this one needs.
func isBusy(err error) bool {
	const primary = 0xff // the rest of a code says more about the same error
	failed, ok := errors.AsType[*sqlite.Error](err)
	return ok && failed.Code()&primary == sqlite3.SQLITE_BUSY
}

// makePrivate makes the file, readable by its owner only: records hold what people wrote and what
// systems answered. SQLite gives its side files the same mode.
func makePrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}
