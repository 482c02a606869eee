// Package server starts the private servers that tests meet: PostgreSQL, Redis, an S3 server and a Docker
// Engine. Each listens on a free loopback port or a socket of its own, keeps everything in one temporary
// folder and is stopped by the process id it was started with, so that several test runs can share a
// machine with each other and with its own servers.
package server

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// Kinds are the servers there are, by the names that `with -only` takes.
var Kinds = []string{"postgres", "redis", "s3", "docker"}

// server is one started server: the environment that leads tests to it, and how to end it. stop is nil
// when somebody else started it.
type server struct {
	env  map[string]string
	stop func()
}

// starters makes the servers by kind. Each gets a folder of its own.
var starters = map[string]func(ctx context.Context, dir string) (*server, error){
	"postgres": startPostgres,
	"redis":    startRedis,
	"s3":       startS3,
	"docker":   startDocker,
}

// leaders is the variable that says of each kind that tests are already led to a server.
var leaders = map[string]string{
	"postgres": "ORDERLY_TEST_POSTGRES_DSN",
	"redis":    "ORDERLY_TEST_REDIS_URL",
	"s3":       "ORDERLY_TEST_S3_ENDPOINT",
	"docker":   "ORDERLY_TEST_DOCKER_HOST",
}

// Set is the servers of one test run.
type Set struct {
	dir     string
	servers []*server
}

// Start brings up the named kinds side by side and waits until each answers. A kind whose environment
// variable is set already is left to whoever set it. On an error nothing is left running.
func Start(ctx context.Context, kinds []string) (*Set, error) {
	dir, err := newFolder()
	if err != nil {
		return nil, err
	}
	s := &Set{dir: dir}
	if err := s.startAll(ctx, kinds); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func (s *Set) startAll(ctx context.Context, kinds []string) error {
	found := make([]*server, len(kinds))
	group, ctx := errgroup.WithContext(ctx)
	for i, kind := range kinds {
		start, known := starters[kind]
		if !known {
			return fmt.Errorf("unknown server %q (there are %s)", kind, strings.Join(Kinds, ", "))
		}
		if os.Getenv(leaders[kind]) != "" {
			continue
		}
		group.Go(func() (err error) {
			if found[i], err = start(ctx, filepath.Join(s.dir, kind)); err != nil {
				return fmt.Errorf("%s: %w", kind, err)
			}
			return nil
		})
	}
	err := group.Wait()
	s.servers = slices.DeleteFunc(found, func(one *server) bool { return one == nil })
	return err
}

// Env is the variables, as KEY=value, that lead tests to the servers.
func (s *Set) Env() []string {
	var env []string
	for _, one := range s.servers {
		for key, value := range one.env {
			env = append(env, key+"="+value)
		}
	}
	slices.Sort(env)
	return env
}

// Stop ends what Start started, the youngest first, and removes its folder.
func (s *Set) Stop() {
	for _, one := range slices.Backward(s.servers) {
		if one.stop != nil {
			one.stop()
		}
	}
	_ = os.RemoveAll(s.dir) // a temporary folder; what is left of it goes with the machine's clean-up
}

// password makes one for a server that lives as long as the tests do.
func password() string { return rand.Text() }
