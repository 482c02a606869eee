package http

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/sops"
)

// patience keeps a busy machine from looking like a service that hangs.
const patience = sops.Duration(time.Minute)

func TestCheck(t *testing.T) {
	t.Parallel()

	t.Run("MeasuresAServiceThatIsWell", func(t *testing.T) {
		t.Parallel()
		s := setup(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			user, pass, _ := r.BasicAuth()
			if r.URL.Path != "/health" || user != "orderly" || pass != password || r.Header.Get("Authorization-Key") != "Bearer "+token {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			fmt.Fprint(w, `{"status":"up"}`)
		}))
		out, err := s.check(t.Context(), CheckInput{Target: "api", Timeout: patience, Contains: `"up"`, Matches: `"status":\s*"up"`})
		require.NoError(t, err)
		require.True(t, out.OK, out.Reason)
		require.True(t, out.Reachable)
		require.Equal(t, []StatusCount{{Code: 200, Count: 5}}, out.Statuses)
		require.Equal(t, 5, out.Succeeded)
		require.Positive(t, out.Min)
		require.LessOrEqual(t, out.Min, out.P50)
		require.LessOrEqual(t, out.P50, out.P95)
		require.Equal(t, out.Max, out.P95, "of five samples the slowest")
		require.Nil(t, out.TLS)
		require.True(t, strings.HasPrefix(out.URL, "http://127.0.0.1:") && strings.HasSuffix(out.URL, "/health"), out.URL)
		testenv.AssertNoSecret(t, password, out)
		testenv.AssertNoSecret(t, token, out)
	})

	t.Run("CountsStatusesAndTellsTheFailuresApart", func(t *testing.T) {
		t.Parallel()
		var asked atomic.Int64
		s := setup(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if asked.Add(1) > 2 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}))
		out, err := s.check(t.Context(), CheckInput{Target: "api", Timeout: patience, Samples: 5, Every: sops.Duration(time.Millisecond)})
		require.NoError(t, err)
		require.False(t, out.OK)
		require.True(t, out.Reachable)
		require.Equal(t, []StatusCount{{200, 2}, {503, 3}}, out.Statuses)
		require.Equal(t, []Failure{{Reason: "status", Text: "status 503 Service Unavailable", Count: 3}}, out.Failures)
		require.Equal(t, "3 of 5 samples failed: status 503 Service Unavailable", out.Reason)
	})

	t.Run("TakesOnlyTheStatusesNamedAsWell", func(t *testing.T) {
		t.Parallel()
		s := setup(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }))
		out, err := s.check(t.Context(), CheckInput{Target: "api", Timeout: patience, ExpectStatus: []int{404}})
		require.NoError(t, err)
		require.True(t, out.OK)
	})

	t.Run("SaysThatTheBodyIsNotAsExpected", func(t *testing.T) {
		t.Parallel()
		s := setup(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "degraded") }))
		for _, in := range []CheckInput{{Contains: "well"}, {Matches: "^well$"}} {
			in.Target, in.Timeout = "api", patience
			out, err := s.check(t.Context(), in)
			require.NoError(t, err)
			require.False(t, out.OK)
			require.Equal(t, "body", out.Failures[0].Reason)
		}
	})

	t.Run("FailsTheStepOnlyWhenItMust", func(t *testing.T) {
		t.Parallel()
		s := target(t, closedAddress(t))
		out, err := s.check(t.Context(), CheckInput{Target: "api", Timeout: patience})
		require.NoError(t, err)
		require.False(t, out.OK)
		require.False(t, out.Reachable)
		require.Equal(t, "refused", out.Failures[0].Reason)
		_, err = s.check(t.Context(), CheckInput{Target: "api", Timeout: patience, Must: true})
		require.ErrorContains(t, err, "is not ok: 5 of 5 samples failed")
		testenv.AssertNoSecret(t, password, out, err)
		testenv.AssertNoSecret(t, token, out, err)
	})

	t.Run("EndsInBoundedTimeWhenNobodyAnswers", func(t *testing.T) {
		t.Parallel()
		s := setup(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		out, err := s.check(t.Context(), CheckInput{Target: "api", Timeout: sops.Duration(50 * time.Millisecond)})
		require.NoError(t, err)
		require.Equal(t, []Failure{{Reason: "timeout", Text: "no answer within 50ms", Count: 5}}, out.Failures)
		require.False(t, out.Reachable)
	})

	t.Run("StopsWhenItIsCancelled", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		s := setup(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
		}))
		_, err := s.check(ctx, CheckInput{Target: "api", Timeout: patience})
		require.ErrorIs(t, err, context.Canceled)
	})

	t.Run("NoticesAConnectionThatIsClosedOrReset", func(t *testing.T) {
		t.Parallel()
		s := setup(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_ = conn.(*net.TCPConn).SetLinger(0)
				_ = conn.Close()
			}
		}))
		out, err := s.check(t.Context(), CheckInput{Target: "api", Timeout: patience, Samples: 1})
		require.NoError(t, err)
		require.Equal(t, "closed", out.Failures[0].Reason, out.Failures[0].Text)
	})

	t.Run("ReadsNoMoreThanAMebibyte", func(t *testing.T) {
		t.Parallel()
		s := setup(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			block := make([]byte, 64<<10)
			for range 1024 { // 64 MiB, unless the reader goes away
				if _, err := w.Write(block); err != nil {
					return
				}
			}
			fmt.Fprint(w, "the end")
		}))
		out, err := s.check(t.Context(), CheckInput{Target: "api", Timeout: patience, Samples: 1, Contains: "the end"})
		require.NoError(t, err)
		require.Equal(t, "body", out.Failures[0].Reason)
	})

	t.Run("TakesARedirectAsTheAnswer", func(t *testing.T) {
		t.Parallel()
		s := setup(t, http.RedirectHandler("/elsewhere", http.StatusFound))
		out, err := s.check(t.Context(), CheckInput{Target: "api", Timeout: patience, Samples: 1})
		require.NoError(t, err)
		require.Equal(t, 302, out.Status)
	})

	t.Run("FollowsRedirectsOnTheSameHostOnly", func(t *testing.T) {
		t.Parallel()
		other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			t.Error("the target's headers went to another host")
		}))
		t.Cleanup(other.Close)
		s := setup(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/health":
				http.Redirect(w, r, "/second", http.StatusFound)
			case "/second":
				http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
			}
		}))
		out, err := s.check(t.Context(), CheckInput{Target: "api", Timeout: patience, Samples: 1, FollowRedirects: true})
		require.NoError(t, err)
		require.Equal(t, 307, out.Status)
	})

	t.Run("RefusesAHostThatDoesNotExist", func(t *testing.T) {
		t.Parallel()
		s := target(t, "http://orderly.invalid")
		out, err := s.check(t.Context(), CheckInput{Target: "api", Timeout: patience, Samples: 1})
		require.NoError(t, err)
		require.Equal(t, "dns", out.Failures[0].Reason, out.Failures[0].Text)
	})
}

func TestCheckOverTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that refuse the certificate
	server.StartTLS()
	t.Cleanup(server.Close)

	t.Run("TellsHowLongTheCertificateLasts", func(t *testing.T) {
		t.Parallel()
		s := target(t, server.URL)
		trust(t, s, server)
		out, err := s.check(t.Context(), CheckInput{Target: "api", Timeout: patience})
		require.NoError(t, err)
		require.True(t, out.OK, out.Reason)
		require.NotNil(t, out.TLS)
		require.Greater(t, out.TLS.DaysLeft, 365)
		require.Equal(t, "O=Acme Co", out.TLS.Issuer)
		require.True(t, out.TLS.Valid)
	})

	t.Run("TellsOfACertificateThatIsNotAccepted", func(t *testing.T) {
		t.Parallel()
		out, err := target(t, server.URL).check(t.Context(), CheckInput{Target: "api", Timeout: patience, Samples: 1})
		require.NoError(t, err)
		require.Equal(t, "tls", out.Failures[0].Reason, out.Failures[0].Text)
		require.False(t, out.Reachable)
		require.NotNil(t, out.TLS)
		require.False(t, out.TLS.Valid)
	})
}

func TestCheckRefusesWhatCannotBeDone(t *testing.T) {
	t.Parallel()
	s := target(t, "http://127.0.0.1:1")
	for name, in := range map[string]CheckInput{
		"TooManySamples":          {Samples: 51},
		"TooLongASpread":          {Samples: 50, Every: sops.Duration(time.Minute)},
		"TooLongATimeout":         {Timeout: sops.Duration(time.Hour)},
		"ABodyForHead":            {Method: "HEAD", Contains: "x"},
		"APatternThatIsNone":      {Matches: "("},
		"AnotherHost":             {Path: "//evil.example/health"},
		"AnAddress":               {Path: "https://evil.example/health"},
		"APathOutOfTheTarget":     {Path: "/a/../../secret"},
		"AnEncodedPathOut":        {Path: "/a/%2e%2e/%2e%2e/secret"},
		"BackslashesForABrowser":  {Path: `/\evil.example`},
		"ALineBreakInTheRequest":  {Path: "/health\r\nX-Evil: 1"},
		"AnAddressWithCredential": {Path: "x:y@evil.example"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in.Target = "api"
			_, err := s.check(t.Context(), in)
			testenv.RequirePermanent(t, err, "InvalidInput")
			testenv.AssertNoSecret(t, password, err)
		})
	}

	t.Run("ATargetThatIsNotConfigured", func(t *testing.T) {
		t.Parallel()
		_, err := s.check(t.Context(), CheckInput{Target: "apu"})
		testenv.RequirePermanent(t, err, "NotConfigured")
		require.ErrorContains(t, err, `did you mean "api"?`)
	})

	t.Run("ATargetWithoutAProperURL", func(t *testing.T) {
		t.Parallel()
		const secret = "s3cret-word"
		for _, address := range []string{"ftp://u:" + secret + "@host", "://" + secret, secret, "http://u:" + secret + "@/x", "http://u:" + secret + "@ho st/"} {
			s := newServices(map[string]config.Endpoint{"api": {URL: config.NewSecret(address)}})
			_, err := s.check(t.Context(), CheckInput{Target: "api", Timeout: patience})
			testenv.RequirePermanent(t, err, "NotConfigured")
			testenv.AssertNoSecret(t, secret, err)
		}
	})
}

func TestLatency(t *testing.T) {
	t.Parallel()
	ms := func(values ...int) []time.Duration {
		var out []time.Duration
		for _, v := range values {
			out = append(out, time.Duration(v)*time.Millisecond)
		}
		return out
	}
	twenty := make([]int, 20)
	for i := range twenty {
		twenty[i] = 20 - i
	}
	require.Equal(t, latency{}, summarise(nil))
	require.Equal(t, latency{mean: 7, p50: 7, p95: 7, min: 7, max: 7}, summarise(ms(7)))
	require.Equal(t, latency{mean: 2.5, p50: 2, p95: 4, min: 1, max: 4}, summarise(ms(4, 1, 3, 2)))
	require.Equal(t, latency{mean: 10.5, p50: 10, p95: 19, min: 1, max: 20}, summarise(ms(twenty...)))
}
