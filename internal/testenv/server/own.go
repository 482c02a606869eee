package server

import (
	"context"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
)

// Postgres is a PostgreSQL server that one test has for itself, to do to it what others would mind.
type Postgres struct {
	dir  *Set
	p    postgres
	now  *server
	word string
	port string
}

// StartPostgres makes a cluster and serves it. maxFile is how many megabytes a file of it may have, and with
// that a table: more looks to the server like a full disk. 0 is no limit.
func StartPostgres(ctx context.Context, maxFile int) (*Postgres, error) {
	dir, err := newFolder()
	if err != nil {
		return nil, err
	}
	own := &Postgres{dir: &Set{dir: dir}, p: postgres{dir: filepath.Join(dir, "postgres"), maxFile: maxFile}}
	own.p.data = filepath.Join(own.p.dir, "data")
	if err := own.start(ctx); err != nil {
		own.dir.Stop()
		return nil, err
	}
	return own, nil
}

func (o *Postgres) start(ctx context.Context) (err error) {
	if o.word, err = o.p.init(ctx); err != nil {
		return err
	}
	if o.port, err = freePort(ctx); err != nil {
		return err
	}
	o.now, err = o.p.serveAt(ctx, o.word, o.port)
	return err
}

// DSN is the server's URL. Its user is a superuser.
func (o *Postgres) DSN() string { return o.now.env[leaders["postgres"]] }

// Address is its host:port.
func (o *Postgres) Address() string {
	at, err := url.Parse(o.DSN())
	if err != nil { // we have made it
		return ""
	}
	return at.Host
}

// Restart stops the server, ending every session, and starts it again at the same address.
func (o *Postgres) Restart(ctx context.Context) (err error) {
	o.now.stop()
	o.now, err = o.p.serveAt(ctx, o.word, o.port)
	return err
}

// Stop ends the server and removes its cluster.
func (o *Postgres) Stop() {
	if o.now != nil {
		o.now.stop()
	}
	o.dir.Stop()
}

// limit has a shell set the limit before it becomes the server. PostgreSQL ignores the signal that comes
// with it and sees its write fail.
func (p *postgres) limit(cmd *exec.Cmd) {
	if p.maxFile == 0 {
		return
	}
	const blocks = 2048 // of 512 bytes, as POSIX has it, in a megabyte
	cmd.Args = append([]string{"sh", "-c", `ulimit -f "$0" && exec "$@"`, strconv.Itoa(p.maxFile * blocks), cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
}
