package docker

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/testenv"
)

// mortal leads to the engine until so many changes have been made; then nothing gets through any more, not
// even the answer to the last of them. To the host that is what a worker's sudden death looks like.
type mortal struct {
	host string
	left atomic.Int64
}

func newMortal(t testing.TB) *mortal {
	m := &mortal{}
	engine := strings.TrimPrefix(testenv.Docker(t), "unix://")
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "docker"}) },
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", engine)
		}},
		ModifyResponse: func(r *http.Response) error {
			if r.Request.Method != http.MethodGet && r.Request.Method != http.MethodHead && m.left.Add(-1) <= 0 {
				panic(http.ErrAbortHandler)
			}
			return nil
		},
	}
	path := filepath.Join(t.TempDir(), "m.sock")
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", path)
	require.NoError(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m.left.Load() <= 0 {
			panic(http.ErrAbortHandler)
		}
		proxy.ServeHTTP(w, r)
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	m.host = "unix://" + path
	return m
}

// dyingAfter calls the action again and again and lets it die one change later each time, until it gets to
// its end. Each time mend has to make the host good again.
func dyingAfter(t *testing.T, kept shelf, call func(a *actions) error, mend func()) {
	m := newMortal(t)
	deaths := 0
	for ended := false; !ended; deaths++ {
		a := at(t, m.host, answerWithin)
		a.keep = kept
		m.left.Store(int64(deaths + 1))
		err := call(a)
		ended = err == nil
		if !ended {
			testenv.RequireTransient(t, err)
			testenv.AssertNoSecret(t, password, err)
		}
		mend()
		require.Less(t, deaths, 30)
	}
	require.Greater(t, deaths, 5, "it makes several changes")
}

func TestUpdateThatDiesAnywhereIsGoneOnWith(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	a, kept := keeping(t)
	in := UpdateInput{Host: "local", Container: p.api, Image: p.two, Timeout: second}
	want := map[string]string{p.one: p.state()}
	dyingAfter(t, kept, func(a *actions) error { _, err := a.update(t.Context(), in); return err }, func() {
		_, err := a.update(t.Context(), in)
		require.NoError(t, err)
		require.Empty(t, p.leftovers())
		require.Equal(t, in.Image, p.image())
		if want[in.Image] == "" {
			want[in.Image] = p.state()
		}
		require.Equal(t, want[in.Image], p.state(), "it always comes to the same")
		if in.Image = p.two; p.image() == p.two {
			in.Image = p.one // and back
		}
	})
}

func TestUpdateThatDiesAnywhereIsUndoneByRestore(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	a, kept := keeping(t)
	before := p.state()
	s := p.snap(a)
	in := UpdateInput{Host: "local", Container: p.api, Image: p.two, Timeout: second}
	dyingAfter(t, kept, func(a *actions) error { _, err := a.update(t.Context(), in); return err }, func() {
		p.restore(a, s, before)
	})
}

func TestUpdateThatFailsAndDiesAnywhereIsUndone(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	a, kept := keeping(t)
	before := p.state()
	s := p.snap(a)
	in := UpdateInput{Host: "local", Container: p.api, Image: p.ill, Within: second, Timeout: second}
	m := newMortal(t)
	for changes := int64(1); changes < 30; changes++ {
		dying := at(t, m.host, answerWithin)
		dying.keep = kept
		m.left.Store(changes)
		_, _ = dying.update(t.Context(), in)
		survived := m.left.Load() > 0
		if changes%2 == 0 { // undone by the procedure, or by the next attempt itself
			p.restore(a, s, before)
		} else {
			_, err := a.update(t.Context(), in)
			require.ErrorContains(t, err, "the previous container is back")
		}
		require.Equal(t, before, p.state())
		require.Empty(t, p.leftovers())
		if survived {
			return
		}
	}
	t.Fatal("the update never came to its end")
}

func TestRestoreThatDiesAnywhereIsGoneOnWith(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	a, kept := keeping(t)
	before := p.state()
	s := p.snap(a)
	change := func() {
		_, err := a.update(t.Context(), UpdateInput{Host: "local", Container: p.api, Image: p.two, Timeout: second})
		require.NoError(t, err)
		require.NoError(t, testenv.DockerClient(t).ImageTag(t.Context(), p.two, p.ref))
	}
	change()
	in := RestoreInput{Host: "local", Snapshot: s.Key, Timeout: second}
	dyingAfter(t, kept, func(a *actions) error { _, err := a.restore(t.Context(), in); return err }, func() {
		p.restore(a, s, before)
		change()
	})
}

func TestIsolationThatDiesAnywhereIsUndone(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	a, kept := keeping(t)
	before := p.state()
	m := newMortal(t)
	for changes := int64(1); changes <= 4; changes++ {
		dying := at(t, m.host, answerWithin)
		dying.keep = kept
		m.left.Store(changes)
		_, _ = dying.isolate(t.Context(), IsolateInput{Host: "local", Container: p.api, Pause: true})
		m.left.Store(changes)
		_, _ = dying.rejoin(t.Context(), RejoinInput{Host: "local", Container: p.api})
		_, err := a.rejoin(t.Context(), RejoinInput{Host: "local", Container: p.api})
		require.NoError(t, err)
		require.Equal(t, before, p.state())
	}
}

func TestEngineThatIsRestartedDuringAnUpdate(t *testing.T) {
	engine := testenv.OwnDocker(t)
	a, _ := keeping(t)
	for _, policy := range []container.RestartPolicyMode{"always", "no"} {
		t.Run(string(policy), func(t *testing.T) {
			p := newPlatformWith(t, policy)
			slow := p.build(":slow", `HEALTHCHECK --interval=2s --timeout=5s --retries=9 CMD ["/probe", "-check"]`)
			before := p.state()
			s := p.snap(a)
			ended := make(chan error, 1)
			go func() {
				_, err := a.update(t.Context(), UpdateInput{Host: "local", Container: p.api, Image: slow, Within: 60 * second, Timeout: second})
				ended <- err
			}()
			require.Eventually(t, func() bool { return p.runs(slow) }, 2*time.Minute, 20*time.Millisecond)
			engine.Stop()
			engine.Start()
			if err := <-ended; err != nil { // it was at a change just then: the next attempt goes on
				testenv.RequireTransient(t, err)
				_, err = a.update(t.Context(), UpdateInput{Host: "local", Container: p.api, Image: slow, Within: 60 * second, Timeout: second})
				require.NoError(t, err)
			}
			require.True(t, p.runs(slow))
			require.Empty(t, p.leftovers())

			engine.Stop()
			_, err := a.restore(t.Context(), RestoreInput{Host: "local", Snapshot: s.Key, Timeout: second})
			testenv.RequireTransient(t, err)
			engine.Start()
			p.restore(a, s, before)
		})
	}
}

// runs says that the API runs with an image.
func (p *platform) runs(image string) bool {
	c, err := testenv.DockerClient(p.t).ContainerInspect(p.t.Context(), p.api)
	return err == nil && c.Image == image && c.State.Running
}
