package backups

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/internal/testenv/faults"
)

// through gives a store that reaches the bucket through a proxy.
func through(t *testing.T) (place, *faults.Proxy) {
	t.Helper()
	var proxy *faults.Proxy
	p := setup(t, func(c *config.S3) {
		at, err := url.Parse(c.Endpoint)
		require.NoError(t, err)
		proxy = faults.Start(t, at.Host)
		c.Endpoint = "http://" + proxy.Address()
	})
	p.limits = limits{patience: 3 * time.Second, slowest: 4 << 20, pause: 10 * time.Millisecond}
	return p, proxy
}

// direct reaches the same bucket without the proxy.
func (p place) direct(t *testing.T) place {
	t.Helper()
	s, err := Open("backups", settings(p.bucket))
	require.NoError(t, err)
	p.Store = s
	return p
}

// megabytes writes so many megabytes of noise and calls after each.
func megabytes(n int, after func(int)) func(io.Writer) error {
	piece := noise(1 << 20)
	return func(w io.Writer) error {
		for i := range n {
			piece[i%len(piece)]++
			if _, err := w.Write(piece); err != nil {
				return err
			}
			after(i)
		}
		return nil
	}
}

func TestAGigabyteSurvivesABadNetwork(t *testing.T) {
	t.Parallel()
	p, proxy := through(t)
	// Every connection breaks in the middle of its second or third part; some crawl, and for a while some hang.
	proxy.Add(t, faults.Toxic{Name: "break", Type: "limit_data", Stream: "upstream", Toxicity: 1, Attributes: map[string]any{"bytes": 5 * minPart / 2}})
	proxy.Add(t, faults.Toxic{Name: "crawl", Type: "bandwidth", Stream: "upstream", Toxicity: 0.2, Attributes: map[string]any{"rate": 20000}})
	f, err := p.Write(t.Context(), p.key, Spec{}, megabytes(1024, func(i int) {
		switch i {
		case 300:
			proxy.Add(t, faults.Toxic{Name: "hang", Type: "timeout", Stream: "upstream", Toxicity: 0.3, Attributes: map[string]any{"timeout": 0}})
		case 400:
			proxy.Remove(t, "hang")
		}
	}))
	require.NoError(t, err)
	require.EqualValues(t, 1<<30, f.Bytes)
	require.Zero(t, p.direct(t).uploads(t))
	proxy.Remove(t, "break")
	proxy.Add(t, faults.Toxic{Name: "cut", Type: "limit_data", Stream: "downstream", Toxicity: 1, Attributes: map[string]any{"bytes": 200 << 20}})
	r, err := (&Backup{Manifest: Manifest{Key: p.key}, store: p.Store}).Open(t.Context(), f)
	require.NoError(t, err)
	defer r.Close()
	_, err = io.Copy(io.Discard, r)
	require.NoError(t, err, "a download goes on where its connection broke")
}

// TestMemoryDoesNotGrowWithTheSize runs alone: tests side by side share their memory.
//
//nolint:paralleltest // see above
func TestMemoryDoesNotGrowWithTheSize(t *testing.T) {
	p := setup(t, encrypted(t))
	var peak uint64
	_, err := p.Write(t.Context(), p.key, Spec{Compress: true, Expected: 1 << 40}, megabytes(600, func(i int) {
		if i%20 == 0 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak = max(peak, m.Sys-m.HeapReleased)
		}
	}))
	require.NoError(t, err)
	t.Logf("peak %d MB", peak>>20)
	require.Less(t, peak, uint64(256<<20))
}

func TestAServerThatAnswers500NowAndThenIsAskedAgain(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	p := setup(t, func(c *config.S3) {
		c.Endpoint = faults.Answer(t, c.Endpoint, func(*http.Request) int {
			return map[int64]int{0: http.StatusInternalServerError, 2: http.StatusServiceUnavailable}[asked.Add(1)%4]
		})
	})
	b := p.write(t, Spec{}, noise(4*minPart+1))
	require.Len(t, b.Files, 1)
	require.Zero(t, p.uploads(t))
}

func TestAServerThatAlwaysAnswers500FailsCleanly(t *testing.T) {
	t.Parallel()
	p := setup(t, func(c *config.S3) {
		c.Endpoint = faults.Answer(t, c.Endpoint, func(r *http.Request) int {
			if r.Method == http.MethodPut && strings.Contains(r.URL.RawQuery, "partNumber=3") {
				return http.StatusInternalServerError
			}
			return 0
		})
	})
	p.limits.pause = time.Millisecond
	_, err := p.Write(t.Context(), p.key, Spec{}, megabytes(64, func(int) {}))
	require.ErrorContains(t, err, "upload part 3 of "+p.key+"/dump.pgdump")
	require.NotErrorIs(t, err, ErrRefused, "it may be better later")
	testenv.AssertNoSecret(t, p.bucket.SecretKey, err)
	require.Zero(t, p.uploads(t))
}

func TestALostAnswerToTheCompletionIsFoundOut(t *testing.T) {
	t.Parallel()
	var done atomic.Bool
	p := setup(t, func(c *config.S3) {
		behind := c.Endpoint
		c.Endpoint = faults.Answer(t, behind, func(r *http.Request) int {
			if r.Method != http.MethodPost || !strings.Contains(r.URL.RawQuery, "uploadId=") || done.Load() {
				return 0
			}
			// The server does it, and the answer gets lost.
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return http.StatusBadGateway
			}
			again, err := http.NewRequestWithContext(r.Context(), r.Method, behind+r.URL.RequestURI(), bytes.NewReader(body))
			if err != nil {
				return http.StatusBadGateway
			}
			again.Header, again.Host = r.Header.Clone(), r.Host
			answer, err := http.DefaultClient.Do(again)
			if err == nil {
				_ = answer.Body.Close()
				done.Store(answer.StatusCode == http.StatusOK)
			}
			return http.StatusInternalServerError
		})
	})
	p.write(t, Spec{}, noise(3*minPart))
	require.True(t, done.Load())
	require.Zero(t, p.uploads(t))
}

func TestABucketThatGoesAwayLeavesWorkForTheNextAttempt(t *testing.T) {
	t.Parallel()
	p, proxy := through(t)
	_, err := p.Write(t.Context(), p.key, Spec{}, megabytes(100, func(i int) {
		if i == 40 {
			proxy.Stop()
		}
	}))
	require.ErrorContains(t, err, `s3 "backups"`)
	require.NotErrorIs(t, err, ErrRefused)
	d := p.direct(t)
	require.Equal(t, 1, d.uploads(t), "nobody could tell the server")
	require.NoError(t, d.Clear(t.Context(), p.key))
	require.Zero(t, d.uploads(t))
}

func TestWrongCredentialsAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	p := setup(t, func(c *config.S3) { c.SecretKey = config.NewSecret("not-the-secret-key") })
	_, err := p.Write(t.Context(), p.key, Spec{}, megabytes(20, func(int) {}))
	require.ErrorIs(t, err, ErrRefused)
	testenv.AssertNoSecret(t, "not-the-secret-key", err)
}
