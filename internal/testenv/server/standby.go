package server

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

// Standby is a running replica of a PostgreSQL server.
type Standby struct{ set *Set }

// StartStandby copies the server that dsn leads to and serves the copy as its streaming replica.
func StartStandby(ctx context.Context, dsn string) (*Standby, error) {
	dir, err := newFolder()
	if err != nil {
		return nil, err
	}
	set := &Set{dir: dir}
	one, err := startStandby(ctx, filepath.Join(dir, "standby"), dsn)
	if err != nil {
		set.Stop()
		return nil, err
	}
	set.servers = []*server{one}
	return &Standby{set: set}, nil
}

// DSN is the replica's URL.
func (s *Standby) DSN() string { return s.set.servers[0].env[leaders["postgres"]] }

// Stop ends the replica and removes its copy.
func (s *Standby) Stop() { s.set.Stop() }

func startStandby(ctx context.Context, dir, dsn string) (*server, error) {
	primary, err := url.Parse(dsn)
	if err != nil {
		return nil, errors.New("the primary's address is not a URL")
	}
	p := postgres{dir: dir, data: filepath.Join(dir, "data")}
	if err := p.prepare(); err != nil {
		return nil, err
	}
	if err := p.run(ctx, "pg_basebackup", "--pgdata", p.data, "--dbname", dsn, "--write-recovery-conf",
		"--checkpoint", "fast", "--wal-method", "stream", "--no-sync"); err != nil {
		return nil, fmt.Errorf("copy the primary: %w", err)
	}
	word, _ := primary.User.Password()
	return p.serve(ctx, word)
}

// newFolder makes the temporary folder of a test run.
func newFolder() (string, error) {
	dir, err := os.MkdirTemp("", "orderly-test-")
	if err != nil {
		return "", err
	}
	// The PostgreSQL server runs as another user and has to reach its own folder through this one.
	if err := os.Chmod(dir, 0o711); err != nil { //nolint:gosec // only the way through is open, not the listing
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return dir, nil
}
