package server

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// startPostgres makes a new cluster in dir and serves it. It asks for a password, as real ones do, and
// keeps nothing safe on disk: it is as fast as it can be and gone with the tests.
func startPostgres(ctx context.Context, dir string) (*server, error) {
	p := postgres{dir: dir, data: filepath.Join(dir, "data")}
	word, err := p.init(ctx)
	if err != nil {
		return nil, err
	}
	return p.serve(ctx, word)
}

// init makes the cluster and gives the password of its user orderly.
func (p *postgres) init(ctx context.Context) (word string, err error) {
	if err := p.prepare(); err != nil {
		return "", err
	}
	secret := filepath.Join(p.dir, "password")
	word = password()
	if err := os.WriteFile(secret, []byte(word), 0o600); err != nil {
		return "", err
	}
	if err := p.give(secret); err != nil {
		return "", err
	}
	return word, p.run(ctx, "initdb", "--pgdata", p.data, "--username", "orderly", "--pwfile", secret,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync")
}

// postgres is one cluster and the user that its programs run as.
type postgres struct {
	dir, data string
	uid, gid  uint32
	other     bool // programs run as uid:gid; PostgreSQL refuses to run as root
	maxFile   int  // MB that a file of the server may have; 0 is no limit
}

// prepare makes the cluster's folder.
func (p *postgres) prepare() error {
	if os.Geteuid() == 0 {
		if err := p.becomePostgres(); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	return p.give(p.dir)
}

func (p *postgres) becomePostgres() error {
	u, err := user.Lookup("postgres")
	if err != nil {
		return errors.New("there is no user postgres to run PostgreSQL as: run .ci/deps")
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return err
	}
	p.uid, p.gid, p.other = uint32(uid), uint32(gid), true
	return nil
}

// give hands a file to the user that the server runs as.
func (p *postgres) give(path string) error {
	if !p.other {
		return nil
	}
	return os.Chown(path, int(p.uid), int(p.gid))
}

// command makes one of PostgreSQL's programs ready to run.
func (p *postgres) command(ctx context.Context, name string, args ...string) (*exec.Cmd, error) {
	// Debian keeps them out of the PATH, one folder per major version.
	folders, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return nil, err
	}
	slices.Sort(folders)
	slices.Reverse(folders)
	path, err := program(name, folders...)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = p.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.dir, "LC_ALL=C"}
	if p.other {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: p.uid, Gid: p.gid}}
	}
	return cmd, nil
}

func (p *postgres) run(ctx context.Context, name string, args ...string) error {
	cmd, err := p.command(ctx, name, args...)
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}

func (p *postgres) serve(ctx context.Context, word string) (*server, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	return p.serveAt(ctx, word, port)
}

func (p *postgres) serveAt(ctx context.Context, word, port string) (*server, error) {
	// The server outlives the context of its start: stop ends it.
	cmd, err := p.command(context.WithoutCancel(ctx), "postgres", "-D", p.data, "-p", port,
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
		"-c", "max_connections=300", "-c", "shared_buffers=64MB",
		// What a new standby still has to read must not be removed before it asks for it.
		"-c", "wal_keep_size=512MB")
	if err != nil {
		return nil, err
	}
	p.limit(cmd)
	proc, err := launch(p.dir, cmd, syscall.SIGINT) // "fast shutdown": it does not wait for clients
	if err != nil {
		return nil, err
	}
	dsn := url.URL{
		Scheme: "postgres", User: url.UserPassword("orderly", word), Host: "127.0.0.1:" + port,
		Path: "/postgres", RawQuery: "sslmode=disable",
	}
	err = proc.ready(ctx, func(ctx context.Context) error {
		conn, err := pgx.Connect(ctx, dsn.String())
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	})
	if err != nil {
		return nil, err
	}
	return &server{env: map[string]string{leaders["postgres"]: dsn.String()}, stop: proc.stop}, nil
}
