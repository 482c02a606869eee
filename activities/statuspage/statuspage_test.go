package statuspage

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"

	"github.com/orderly-ops/orderly/activities/action"
	client "github.com/orderly-ops/orderly/activities/http"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/testenv"
)

const key = "k3y-of-the-page"

// site is a status page's API: it checks the key and keeps incidents.
type site struct {
	mu        sync.Mutex
	incidents []map[string]any // the newest last
	posts     int
	after     func(w http.ResponseWriter) bool // answers in place of the page once something was posted
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Header.Get("Authorization") != "OAuth "+key {
		http.Error(w, `{"error":"Could not authenticate"}`, http.StatusUnauthorized)
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/pages/p1/incidents", s.open)
	mux.HandleFunc("GET /v1/pages/p1/incidents/unresolved", s.unresolved)
	mux.HandleFunc("GET /v1/pages/p1/incidents/{id}", s.show)
	mux.HandleFunc("PATCH /v1/pages/p1/incidents/{id}", s.change)
	mux.ServeHTTP(w, r)
}

func (s *site) open(w http.ResponseWriter, r *http.Request) {
	given := body(r)
	s.posts++
	id := fmt.Sprintf("inc%d", s.posts)
	given["id"], given["shortlink"] = id, "https://stspg.example/"+id
	given["incident_updates"] = []any{map[string]any{"status": given["status"], "body": given["body"]}}
	s.incidents = append(s.incidents, given)
	s.answer(w, given)
}

func (s *site) unresolved(w http.ResponseWriter, _ *http.Request) {
	open := []map[string]any{}
	for _, i := range s.incidents {
		if i["status"] != "resolved" {
			open = append(open, i)
		}
	}
	_ = json.NewEncoder(w).Encode(open)
}

func (s *site) show(w http.ResponseWriter, r *http.Request) {
	for _, i := range s.incidents {
		if i["id"] == r.PathValue("id") {
			_ = json.NewEncoder(w).Encode(i)
			return
		}
	}
	http.Error(w, `{"error":"Not found"}`, http.StatusNotFound)
}

func (s *site) change(w http.ResponseWriter, r *http.Request) {
	given := body(r)
	s.posts++
	for _, i := range s.incidents {
		if i["id"] != r.PathValue("id") {
			continue
		}
		if given["status"] != nil {
			i["status"] = given["status"]
		}
		newest := map[string]any{"status": i["status"], "body": given["body"]}
		i["incident_updates"] = append([]any{newest}, i["incident_updates"].([]any)...)
		i["components"] = given["components"]
		s.answer(w, i)
	}
}

func (s *site) answer(w http.ResponseWriter, i map[string]any) {
	if s.after != nil && s.after(w) {
		return
	}
	_ = json.NewEncoder(w).Encode(i)
}

func body(r *http.Request) map[string]any {
	var given struct {
		Incident map[string]any `json:"incident"`
	}
	_ = json.NewDecoder(r.Body).Decode(&given)
	return given.Incident
}

func setup(t *testing.T) (*site, *pages) {
	t.Helper()
	s := &site{}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	p := &pages{client.NewClient(map[string]config.Endpoint{
		"status": {URL: config.NewSecret(server.URL + "/v1"), Headers: map[string]config.Secret{"Authorization": config.NewSecret("OAuth " + key)}},
		"wrong":  {URL: config.NewSecret(server.URL + "/v1"), Headers: map[string]config.Secret{"Authorization": config.NewSecret("OAuth nothing")}},
	})}
	t.Cleanup(func() { require.NoError(t, p.client.Close()) })
	return s, p
}

var page = Where{Target: "status", Page: "p1"}

// opening is what the tests open.
func opening() OpenInput {
	return OpenInput{
		Where: page, Name: "Log-in is down", Impact: "critical", Message: "We look into it.",
		Components: map[string]string{"c2": "major_outage", "c1": "partial_outage"},
	}
}

// inRun calls fn as an activity of one run; each call of it is a run of its own.
func inRun[In any](t *testing.T, fn func(context.Context, In) (Incident, error)) func(In) (Incident, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: "it"})
	return func(given In) (out Incident, err error) {
		value, err := env.ExecuteActivity("it", given)
		if err == nil {
			require.NoError(t, value.Get(&out))
		}
		return out, err
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	t.Run("ShowsTheIncidentToVisitors", func(t *testing.T) {
		t.Parallel()
		s, p := setup(t)
		out, err := inRun(t, p.open)(opening())
		require.NoError(t, err)
		require.Equal(t, Incident{ID: "inc1", URL: "https://stspg.example/inc1", Name: "Log-in is down", Status: "investigating", Posted: true}, out)
		kept := s.incidents[0]
		require.Equal(t, []any{"c1", "c2"}, kept["component_ids"])
		require.Equal(t, "critical", kept["impact_override"])
		require.Equal(t, "We look into it.", kept["body"])
	})
	t.Run("FindsTheOneThatTheSameRunHasOpened", func(t *testing.T) {
		t.Parallel()
		s, p := setup(t)
		open := inRun(t, p.open)
		s.after = func(w http.ResponseWriter) bool { // it is opened, and the answer gets lost
			w.WriteHeader(http.StatusBadGateway)
			return true
		}
		_, err := open(opening())
		testenv.RequireTransient(t, err)
		s.after = nil
		again, err := open(opening())
		require.NoError(t, err)
		require.Equal(t, "inc1", again.ID)
		require.False(t, again.Posted)
		require.Len(t, s.incidents, 1)
	})
	t.Run("PostsNothingInADryRun", func(t *testing.T) {
		t.Parallel()
		s, p := setup(t)
		in := opening()
		in.DryRun = true
		out, err := p.open(t.Context(), in)
		require.NoError(t, err)
		require.False(t, out.Posted)
		require.Zero(t, s.posts)
	})
	t.Run("FailsForGoodWhenThePageRefusesUs", func(t *testing.T) {
		t.Parallel()
		_, p := setup(t)
		in := opening()
		in.Target = "wrong"
		_, err := inRun(t, p.open)(in)
		testenv.RequirePermanent(t, err, action.ErrDenied)
		testenv.AssertNoSecret(t, key, err.Error())
	})
	t.Run("SaysSomething", func(t *testing.T) {
		t.Parallel()
		_, p := setup(t)
		_, err := p.open(t.Context(), OpenInput{Where: page, Name: "x"})
		testenv.RequirePermanent(t, err, action.ErrInput)
	})
	t.Run("KnowsWhatIsNoStatusPage", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }))
		t.Cleanup(server.Close)
		p := &pages{client.NewClient(map[string]config.Endpoint{"status": {URL: config.NewSecret(server.URL)}})}
		_, err := inRun(t, p.open)(opening())
		testenv.RequirePermanent(t, err, action.ErrOutput)
	})
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	t.Run("TellsVisitorsOnce", func(t *testing.T) {
		t.Parallel()
		s, p := setup(t)
		opened, err := p.open(t.Context(), opening())
		require.NoError(t, err)
		in := UpdateInput{Where: page, ID: opened.ID, Status: "monitoring", Message: "A remedy is in place.", Components: map[string]string{"c1": "operational"}}
		for i := range 2 {
			out, err := p.update(t.Context(), in)
			require.NoError(t, err)
			require.Equal(t, "monitoring", out.Status)
			require.Equal(t, i == 0, out.Posted)
		}
		require.Len(t, s.incidents[0]["incident_updates"], 2, "the first word, and this one once")
	})
	t.Run("OfAnUnknownIncidentFailsForGood", func(t *testing.T) {
		t.Parallel()
		_, p := setup(t)
		_, err := p.update(t.Context(), UpdateInput{Where: page, ID: "../../x", Message: "m"})
		require.Error(t, err)
		_, err = p.update(t.Context(), UpdateInput{Where: page, ID: "inc9", Message: "m"})
		testenv.RequirePermanent(t, err, action.ErrNotFound)
		_, err = p.update(t.Context(), UpdateInput{Where: page, Message: "m"})
		testenv.RequirePermanent(t, err, action.ErrInput)
	})
}

func TestResolve(t *testing.T) {
	t.Parallel()
	s, p := setup(t)
	opened, err := p.open(t.Context(), opening())
	require.NoError(t, err)
	in := ResolveInput{Where: page, ID: opened.ID, Message: "It is over."}
	for i := range 2 {
		out, err := p.resolve(t.Context(), in)
		require.NoError(t, err)
		require.Equal(t, "resolved", out.Status)
		require.Equal(t, i == 0, out.Posted)
	}
	require.Equal(t, 2, s.posts)
	in.ID, in.DryRun = "", true
	out, err := p.resolve(t.Context(), in)
	require.NoError(t, err, "a drill has opened nothing")
	require.False(t, out.Posted)
}
