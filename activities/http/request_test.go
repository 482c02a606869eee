package http

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/sops"
)

// seen is what a server was asked.
type seen struct {
	method, uri, body string
	header            http.Header
}

// recorder answers with an empty JSON object and remembers the last request.
func recorder(t *testing.T) (*services, *seen) {
	t.Helper()
	last := &seen{}
	s := setup(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*last = seen{method: r.Method, uri: r.URL.RequestURI(), body: string(body), header: r.Header}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"items": [{"id": 7}]}`)
	}))
	return s, last
}

func TestRequest(t *testing.T) {
	t.Parallel()

	t.Run("AsksBelowTheTargetAndReadsJSON", func(t *testing.T) {
		t.Parallel()
		s, last := recorder(t)
		out, err := s.request(t.Context(), RequestInput{Target: "api", Path: "/v1/things?sort=name", Query: map[string]string{"q": "a b&c"}})
		require.NoError(t, err)
		require.Equal(t, "/v1/things?q=a+b%26c&sort=name", last.uri)
		require.Equal(t, map[string]any{"items": []any{map[string]any{"id": 7.0}}}, out.JSON)
		require.Equal(t, "application/json", out.ContentType)
		require.True(t, out.Sent)
		require.True(t, strings.HasSuffix(out.URL, "/v1/things"), out.URL)
	})

	t.Run("KeepsEscapedPathsAsTheyAre", func(t *testing.T) {
		t.Parallel()
		s, last := recorder(t)
		_, err := s.request(t.Context(), RequestInput{Target: "api", Path: "/things/a%2Fb"})
		require.NoError(t, err)
		require.Equal(t, "/things/a%2Fb", last.uri)
	})

	t.Run("SendsTextAsItIsAndTheRestAsJSON", func(t *testing.T) {
		t.Parallel()
		s, last := recorder(t)
		_, err := s.request(t.Context(), RequestInput{Target: "api", Method: "POST", Body: "plain words"})
		require.NoError(t, err)
		require.Equal(t, "plain words", last.body)
		_, err = s.request(t.Context(), RequestInput{Target: "api", Method: "PUT", Body: map[string]any{"n": 1}})
		require.NoError(t, err)
		require.JSONEq(t, `{"n":1}`, last.body)
		require.Equal(t, "application/json", last.header.Get("Content-Type"))
	})

	t.Run("DoesNotLetAStepReplaceTheTargetsHeaders", func(t *testing.T) {
		t.Parallel()
		s, last := recorder(t)
		_, err := s.request(t.Context(), RequestInput{Target: "api", Headers: map[string]string{"authorization-key": "mine", "X-Own": "1"}})
		require.NoError(t, err)
		require.Equal(t, []string{"Bearer " + token}, last.header["Authorization-Key"])
		require.Equal(t, "1", last.header.Get("X-Own"))
	})

	t.Run("SendsNothingThatChangesInADryRun", func(t *testing.T) {
		t.Parallel()
		s, last := recorder(t)
		out, err := s.request(t.Context(), RequestInput{Target: "api", Method: "DELETE", Path: "/things/7", DryRun: true})
		require.NoError(t, err)
		require.False(t, out.Sent)
		require.Empty(t, last.method)
		out, err = s.request(t.Context(), RequestInput{Target: "api", DryRun: true})
		require.NoError(t, err)
		require.True(t, out.Sent, "a GET changes nothing")
	})

	t.Run("BoundsTheAnswer", func(t *testing.T) {
		t.Parallel()
		s := setup(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for range 4096 {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		}))
		out, err := s.request(t.Context(), RequestInput{Target: "api", MaxBody: 100})
		require.NoError(t, err)
		require.Len(t, out.Body, 100)
		require.True(t, out.Truncated)
		require.Nil(t, out.JSON)
	})

	t.Run("MakesAnswersThatAreNoTextText", func(t *testing.T) {
		t.Parallel()
		s := setup(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte{'a', 0xff, 'b'}) }))
		out, err := s.request(t.Context(), RequestInput{Target: "api"})
		require.NoError(t, err)
		require.Equal(t, "a\uFFFDb", out.Body)
	})

	t.Run("HidesSecretsThatTheServiceEchoes", func(t *testing.T) {
		t.Parallel()
		s := setup(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(map[bool]int{true: 400, false: 200}[r.URL.Path == "/fail"])
			_ = json.NewEncoder(w).Encode(r.Header)
		}))
		out, err := s.request(t.Context(), RequestInput{Target: "api"})
		require.NoError(t, err)
		require.NotNil(t, out.JSON)
		_, failed := s.request(t.Context(), RequestInput{Target: "api", Path: "/fail"})
		require.Error(t, failed)
		testenv.AssertNoSecret(t, token, out, failed)
		testenv.AssertNoSecret(t, "orderly:"+password, out, failed)
	})

	t.Run("SendsTheSameIdempotencyKeyOnEveryAttempt", func(t *testing.T) {
		t.Parallel()
		s, last := recorder(t)
		var suite testsuite.WorkflowTestSuite
		suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
		env := suite.NewTestActivityEnvironment()
		env.RegisterActivityWithOptions(s.request, activity.RegisterOptions{Name: "http.request"})
		var keys []string
		for _, method := range []string{"POST", "POST", "GET"} {
			_, err := env.ExecuteActivity("http.request", RequestInput{Target: "api", Method: method})
			require.NoError(t, err)
			keys = append(keys, last.header.Get("Idempotency-Key"))
		}
		require.NotEmpty(t, keys[0])
		require.Contains(t, keys[0], "/")
		require.Equal(t, strings.Split(keys[0], "/")[0], strings.Split(keys[1], "/")[0])
		require.Empty(t, keys[2])
	})
}

func TestRequestFailures(t *testing.T) {
	t.Parallel()

	for status, kind := range map[int]string{400: "Denied", 401: "Denied", 403: "Denied", 404: "NotFound", 410: "NotFound", 422: "Denied", 302: "Denied"} {
		t.Run(fmt.Sprintf("Status%dIsFinal", status), func(t *testing.T) {
			t.Parallel()
			s := setup(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				fmt.Fprint(w, "no such\nluck")
			}))
			_, err := s.request(t.Context(), RequestInput{Target: "api", Path: "/x"})
			testenv.RequirePermanent(t, err, kind)
			require.ErrorContains(t, err, "no such luck")
		})
	}

	for _, status := range []int{408, 425, 429, 500, 502, 503, 504} {
		t.Run(fmt.Sprintf("Status%dIsTriedAgainWhenTheServiceSays", status), func(t *testing.T) {
			t.Parallel()
			s := setup(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "17")
				w.WriteHeader(status)
			}))
			_, err := s.request(t.Context(), RequestInput{Target: "api", Method: "POST"})
			var app *temporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.False(t, app.NonRetryable())
			require.Equal(t, 17*time.Second, app.NextRetryDelay())
		})
	}

	t.Run("AStatusThatIsExpectedIsNoFailure", func(t *testing.T) {
		t.Parallel()
		s := setup(t, http.NotFoundHandler())
		out, err := s.request(t.Context(), RequestInput{Target: "api", Method: "DELETE", ExpectStatus: []int{204, 404}})
		require.NoError(t, err)
		require.Equal(t, 404, out.Status)
	})

	t.Run("NothingIsSentToTheHostOfARedirect", func(t *testing.T) {
		t.Parallel()
		other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			t.Error("the target's headers went to another host")
		}))
		t.Cleanup(other.Close)
		s := setup(t, http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
		for _, method := range []string{"GET", "POST"} {
			_, err := s.request(t.Context(), RequestInput{Target: "api", Method: method})
			testenv.RequirePermanent(t, err, "Denied")
		}
	})

	t.Run("AServiceThatHangsIsGivenUp", func(t *testing.T) {
		t.Parallel()
		s := setup(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		_, err := s.request(t.Context(), RequestInput{Target: "api", Timeout: sops.Duration(30 * time.Millisecond)})
		require.ErrorContains(t, err, "no answer within 30ms")
		testenv.AssertNoSecret(t, password, err)
	})

	t.Run("AServiceThatIsAwayIsTriedAgain", func(t *testing.T) {
		t.Parallel()
		_, err := target(t, closedAddress(t)).request(t.Context(), RequestInput{Target: "api"})
		require.ErrorContains(t, err, "connection refused")
		var app *temporal.ApplicationError
		require.NotErrorAs(t, err, &app)
		testenv.AssertNoSecret(t, password, err)
		testenv.AssertNoSecret(t, token, err)
	})

	t.Run("CancellationStaysCancellation", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		s := setup(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
		}))
		_, err := s.request(ctx, RequestInput{Target: "api"})
		require.ErrorIs(t, err, context.Canceled)
	})

	for name, in := range map[string]RequestInput{
		"AnotherHost":         {Path: "//evil.example/"},
		"AnAddress":           {Path: "http://evil.example/"},
		"APathOutOfTheTarget": {Path: "../admin"},
		"AHopByHopHeader":     {Headers: map[string]string{"transfer-encoding": "chunked"}},
		"AnotherHostHeader":   {Headers: map[string]string{"Host": "evil.example"}},
		"AHeaderWithALine":    {Headers: map[string]string{"X-A": "1\r\nX-B: 2"}},
		"AHeaderThatIsNone":   {Headers: map[string]string{"X A": "1"}},
		"TooLargeABody":       {MaxBody: 1 << 30},
		"TooLongATimeout":     {Timeout: sops.Duration(time.Hour)},
	} {
		t.Run("Refuses"+name, func(t *testing.T) {
			t.Parallel()
			in.Target = "api"
			_, err := target(t, "http://127.0.0.1:1").request(t.Context(), in)
			testenv.RequirePermanent(t, err, "InvalidInput")
		})
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 2, 14, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "5": 5 * time.Second, "-5": 0, "soon": 0, "99999999999": time.Hour,
		now.Add(90 * time.Second).Format(http.TimeFormat): 90 * time.Second,
		now.Add(-time.Hour).Format(http.TimeFormat):       0,
	} {
		require.Equal(t, want, retryAfter(http.Header{"Retry-After": {value}}, now), value)
	}
}

func TestShownHidesTheTargetsOwnPath(t *testing.T) {
	t.Parallel()
	s := target(t, "http://hooks.example/services/T000/B000-secret?sig=s1gnature")
	e, err := s.Get("api")
	require.NoError(t, err)
	at, err := e.at("/post", map[string]string{"a": "b"})
	require.NoError(t, err)
	require.Equal(t, "http://hooks.example/services/T000/B000-secret/post?a=b&sig=s1gnature", at.String())
	require.Equal(t, "http://hooks.example/…/post", e.shown(at))
	require.Equal(t, "signed …", e.hide("signed s1gnature"))
}
