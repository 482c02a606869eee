package docker

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/testenv"
)

// setup gives actions whose target "local" is the real test engine.
func setup(t testing.TB) *actions { return at(t, testenv.Docker(t), answerWithin) }

// at gives actions whose target "local" is at an address, and who wait so long for an answer.
func at(t testing.TB, host string, patience time.Duration) *actions {
	t.Helper()
	open := func(name string, s config.Docker) (*engine, error) {
		e, err := openEngine(name, s)
		if err == nil {
			e.patience = patience
		}
		return e, err
	}
	a := &actions{
		engines: action.NewClients("docker", map[string]config.Docker{"local": {Host: host}}, open, (*engine).close),
		now:     time.Now,
	}
	t.Cleanup(func() { require.NoError(t, a.engines.Close()) })
	return a
}

// only chooses the containers of one test.
func only(t testing.TB) Filter { return Filter{Labels: []string{"orderly.test=" + t.Name()}} }

func running(s *container.State) bool { return s.Running }

func exited(s *container.State) bool { return s.Status == container.StateExited }

func health(status string) func(*container.State) bool {
	return func(s *container.State) bool { return s.Health != nil && s.Health.Status == status }
}

// everyAction calls each action on a host, to see how it takes trouble with the engine.
func everyAction(a *actions) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"containers": func(ctx context.Context) error {
			_, err := a.containers(ctx, ContainersInput{Host: "local"})
			return err
		},
		"stats": func(ctx context.Context) error {
			_, err := a.stats(ctx, StatsInput{Host: "local"})
			return err
		},
		"logs": func(ctx context.Context) error {
			_, err := a.logs(ctx, LogsInput{Host: "local", Container: "web"})
			return err
		},
		"restart": func(ctx context.Context) error {
			_, err := a.restart(ctx, RestartInput{Host: "local", Container: "web"})
			return err
		},
		"snapshot": func(ctx context.Context) error {
			_, err := a.snapshot(ctx, SnapshotInput{Host: "local"})
			return err
		},
		"restore": func(ctx context.Context) error {
			_, err := a.restore(ctx, RestoreInput{Host: "local", Snapshot: "one"})
			return err
		},
		"update": func(ctx context.Context) error {
			_, err := a.update(ctx, UpdateInput{Host: "local", Container: "web", Image: "web@sha256:" + strings.Repeat("0", 64)})
			return err
		},
		"prune": func(ctx context.Context) error {
			_, err := a.prune(ctx, PruneInput{Host: "local", Images: "unused", KeepSnapshot: "one"})
			return err
		},
		"images-outdated": func(ctx context.Context) error {
			_, err := a.imagesOutdated(ctx, OutdatedInput{Host: "local"})
			return err
		},
		"isolate": func(ctx context.Context) error {
			_, err := a.isolate(ctx, IsolateInput{Host: "local", Container: "web"})
			return err
		},
		"rejoin": func(ctx context.Context) error {
			_, err := a.rejoin(ctx, RejoinInput{Host: "local", Container: "web"})
			return err
		},
		"export": func(ctx context.Context) error {
			_, err := a.export(ctx, ExportInput{Host: "local", Container: "web"})
			return err
		},
	}
}

func TestEngineThatIsGone(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"RefusesConnections": "tcp://" + refusing(t),
		"HasNoSocket":        "unix://" + filepath.Join(t.TempDir(), "none.sock"),
		"NeverAnswers":       "unix://" + silent(t),
	}
	for name, host := range cases {
		a := at(t, host, 300*time.Millisecond)
		a.keep = shelf{"one": `{"version": 1, "host": "local", "containers": []}`}
		for verb, call := range everyAction(a) {
			t.Run(name+"/"+verb, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				err := call(ctx)
				require.NoError(t, ctx.Err(), "it must give up by itself")
				testenv.RequireTransient(t, err)
				require.ErrorContains(t, err, `docker "local" (`+host+`)`)
				require.NotContains(t, err.Error(), "docker daemon running?", "the library's advice is not ours")
			})
		}
	}
}

func TestUnknownTargetSaysWhichThereAre(t *testing.T) {
	t.Parallel()
	a := at(t, "tcp://127.0.0.1:1", answerWithin)
	_, err := a.containers(t.Context(), ContainersInput{Host: "locall"})
	testenv.RequirePermanent(t, err, action.ErrNotConfigured)
	require.ErrorContains(t, err, `did you mean "local"?`)
}

func TestHostOverSSHIsRefusedPlainly(t *testing.T) {
	t.Parallel()
	_, err := at(t, "ssh://example.org", answerWithin).containers(t.Context(), ContainersInput{Host: "local"})
	testenv.RequirePermanent(t, err, action.ErrNotConfigured)
	require.ErrorContains(t, err, "ssh is not supported")
}

func TestUnknownContainerSuggestsItsNearest(t *testing.T) {
	t.Parallel()
	c := testenv.RunContainer(t, testenv.ContainerSpec{Created: true})
	a := setup(t)
	wrong := c.Name + "x"
	_, err := a.logs(t.Context(), LogsInput{Host: "local", Container: wrong})
	testenv.RequirePermanent(t, err, action.ErrNotFound)
	require.ErrorContains(t, err, `did you mean "`+c.Name+`"?`)
	_, err = a.restart(t.Context(), RestartInput{Host: "local", Container: wrong, DryRun: true})
	testenv.RequirePermanent(t, err, action.ErrNotFound)
}

func TestActionsCanBeDescribedWithoutHosts(t *testing.T) {
	t.Parallel()
	for _, d := range Actions(nil, nil) {
		require.NotEmpty(t, d.Doc)
		require.NoError(t, d.Close())
		if d.Destructive {
			_, ok := d.Input.Field("dry_run")
			require.True(t, ok, d.Name)
		}
	}
}

// refusing is an address where nobody listens.
func refusing(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

// silent is the path of a socket that takes connections and never answers.
func silent(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s.sock")
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	testenv.KeepSilent(t, l)
	return path
}

func TestAHostnameThatLooksLikeAnIDIsKept(t *testing.T) {
	t.Parallel()
	const id = "db0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd"
	for hostname, want := range map[string]string{"db": "db", id[:12]: ""} { // the engine gives a container its short id
		s := spec{ID: id, Config: &container.Config{Hostname: hostname}, Host: &container.HostConfig{}}
		(&engine{}).unbind(t.Context(), &s)
		require.Equal(t, want, s.Config.Hostname)
	}
}
