// Package statuspage opens, updates and resolves incidents on a public status page. It speaks the API of
// Atlassian Statuspage, version 1, which other services offer as well:
//
//	POST  [/pages/<page>]/incidents             {"incident": {name, status, body, components, metadata, …}}
//	GET   [/pages/<page>]/incidents/unresolved  the open ones
//	GET   [/pages/<page>]/incidents/<id>
//	PATCH [/pages/<page>]/incidents/<id>        {"incident": {status, body, components}}
//
// The page's address and its key are an http target of orderly.yaml:
//
//	targets: {http: {status: {url: "https://api.statuspage.io/v1", health: /pages, headers: {Authorization: "OAuth ${STATUSPAGE_KEY}"}}}}
//
// health is what checks of all HTTP targets ask for; they would take the API for ill without it.
package statuspage

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"

	"go.temporal.io/sdk/activity"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/http"
	"github.com/orderly-ops/orderly/internal/config"
)

// Actions declares the actions of this package for the HTTP targets of orderly.yaml.
func Actions(targets map[string]config.Endpoint) []action.Definition {
	p := &pages{http.NewClient(targets)}
	closed := action.ClosedBy(p.client.Close)
	return []action.Definition{
		action.Define("statuspage.open",
			"Open an incident on the public status page. One that this run has opened and not resolved is found again instead of being opened twice.",
			p.open, action.Destructive(), action.Timeout(timeout), action.Heartbeat(heartbeat), action.Attempts(attempts), closed),
		action.Define("statuspage.update",
			"Tell the visitors of the status page how an incident goes on. The same words are posted once, however often they are sent.",
			p.update, action.Destructive(), action.Timeout(timeout), action.Heartbeat(heartbeat), action.Attempts(attempts), closed),
		action.Define("statuspage.resolve",
			"Say on the status page that an incident is over. Doing so again changes nothing.",
			p.resolve, action.Destructive(), action.Timeout(timeout), action.Heartbeat(heartbeat), action.Attempts(attempts), closed),
	}
}

type pages struct{ client *http.Client }

// Where is which page: every input has it.
type Where struct {
	Target string `json:"target" target:"http" doc:"The status page's API, as in https://api.statuspage.io/v1, with its key as a header."`
	Page   string `json:"page,omitempty" doc:"Id of the page." default:"the target's url is that of the page"`
}

// OpenInput is the input of statuspage.open.
type OpenInput struct {
	Where
	Name       string            `json:"name" doc:"What visitors read as the incident's title."`
	Status     string            `json:"status,omitempty" enum:"investigating,identified,monitoring" doc:"How it stands." default:"investigating"`
	Impact     string            `json:"impact,omitempty" enum:"none,minor,major,critical" doc:"How grave it is shown to be." default:"what the page makes of the components"`
	Components map[string]string `json:"components,omitempty" doc:"Id of each component affected, and how it is: degraded_performance, partial_outage, major_outage, under_maintenance or operational."`
	Message    string            `json:"message" doc:"What visitors are told."`
	DryRun     bool              `json:"dry_run,omitempty" doc:"Post nothing."`
}

// UpdateInput is the input of statuspage.update.
type UpdateInput struct {
	Where
	ID         string            `json:"id" doc:"The incident: the output id of statuspage.open."`
	Status     string            `json:"status,omitempty" enum:"investigating,identified,monitoring" doc:"How it stands." default:"as it was"`
	Components map[string]string `json:"components,omitempty" doc:"Id of each component whose state changes, and how it is now."`
	Message    string            `json:"message" doc:"What visitors are told."`
	DryRun     bool              `json:"dry_run,omitempty" doc:"Post nothing."`
}

// ResolveInput is the input of statuspage.resolve.
type ResolveInput struct {
	Where
	ID         string            `json:"id" doc:"The incident: the output id of statuspage.open."`
	Components map[string]string `json:"components,omitempty" doc:"Id of each component whose state changes, and how it is now: operational."`
	Message    string            `json:"message" doc:"What visitors are told."`
	DryRun     bool              `json:"dry_run,omitempty" doc:"Post nothing."`
}

// Incident is the output of all three: an incident as the page shows it.
type Incident struct {
	ID     string `json:"id" doc:"Its id; empty for a dry run."`
	URL    string `json:"url" doc:"Where visitors see it; empty where the page does not say."`
	Name   string `json:"name" doc:"Its title."`
	Status string `json:"status" doc:"How it stands."`
	Posted bool   `json:"posted" doc:"Something was posted; false when it had been before, and for a dry run."`
}

func (p *pages) open(ctx context.Context, in OpenInput) (Incident, error) {
	if strings.TrimSpace(in.Name) == "" || strings.TrimSpace(in.Message) == "" {
		return Incident{}, action.Permanent(action.ErrInput, "statuspage.open: name and message have to say something")
	}
	status := in.Status
	if status == "" {
		status = "investigating"
	}
	if in.DryRun {
		return Incident{Name: in.Name, Status: status}, nil
	}
	api := endpoint{p.client, in.Where}
	marker := markerOf(ctx)
	found, err := api.opened(ctx, marker)
	if err != nil || found != nil {
		return found.shown(false), err
	}
	post := incidentPost{
		Name: in.Name, Status: status, Body: in.Message, Impact: in.Impact,
		Metadata: &metadata{Orderly: orderly{Run: marker}},
	}
	post.affect(in.Components)
	made, err := api.send(ctx, "POST", "/incidents", post)
	return made.shown(true), err
}

func (p *pages) update(ctx context.Context, in UpdateInput) (Incident, error) {
	return p.change(ctx, change{
		doing: "statuspage.update", where: in.Where, id: in.ID, dry: in.DryRun,
		status: in.Status, message: in.Message, components: in.Components,
	})
}

func (p *pages) resolve(ctx context.Context, in ResolveInput) (Incident, error) {
	return p.change(ctx, change{
		doing: "statuspage.resolve", where: in.Where, id: in.ID, dry: in.DryRun,
		status: resolved, message: in.Message, components: in.Components,
	})
}

const resolved = "resolved"

// change is what becomes of an incident that is open.
type change struct {
	doing      string
	where      Where
	id         string
	dry        bool
	status     string // "" leaves it
	message    string
	components map[string]string
}

func (p *pages) change(ctx context.Context, c change) (Incident, error) {
	if c.dry {
		return Incident{ID: c.id, Status: c.status}, nil
	}
	if c.id == "" || strings.TrimSpace(c.message) == "" {
		return Incident{}, action.Permanent(action.ErrInput, "%s: id and message have to say something", c.doing)
	}
	api := endpoint{p.client, c.where}
	at := "/incidents/" + url.PathEscape(c.id)
	now, err := api.send(ctx, "GET", at, incidentPost{})
	if err != nil {
		return Incident{}, err
	}
	if c.saidIn(now) {
		return now.shown(false), nil
	}
	post := incidentPost{Status: c.status, Body: c.message}
	post.affect(c.components)
	changed, err := api.send(ctx, "PATCH", at, post)
	return changed.shown(true), err
}

// saidIn says that the incident stands like this already and that these were its last words: an attempt
// before this one posted them and did not hear of it. One that is over stays over.
func (c change) saidIn(now *incident) bool {
	if now.Status == resolved || now.Status == "postmortem" {
		return true
	}
	if len(now.Updates) == 0 {
		return false
	}
	last := now.Updates[0] // the newest comes first
	return last.Body == c.message && (c.status == "" || c.status == now.Status)
}

// markerOf tells the incidents of one run from all others.
func markerOf(ctx context.Context) string {
	if !activity.IsActivity(ctx) {
		return ""
	}
	run := activity.GetInfo(ctx).WorkflowExecution
	return run.ID + "#" + run.RunID
}

// endpoint is the API of one page.
type endpoint struct {
	client *http.Client
	where  Where
}

// opened finds the incident that carries a marker among those that are not over.
func (e endpoint) opened(ctx context.Context, marker string) (*incident, error) {
	if marker == "" {
		return nil, nil
	}
	answer, err := e.request(ctx, "GET", "/incidents/unresolved", nil)
	if err != nil {
		return nil, err
	}
	var all []incident
	if err := json.Unmarshal([]byte(answer), &all); err != nil {
		return nil, action.Permanent(action.ErrOutput, "statuspage: the list of open incidents can't be read: is the url that of a status page's API?")
	}
	for i := range all {
		if all[i].Metadata.Orderly.Run == marker {
			return &all[i], nil
		}
	}
	return nil, nil
}

// send makes a request that is answered with an incident.
func (e endpoint) send(ctx context.Context, method, path string, post incidentPost) (*incident, error) {
	var body any
	if method != "GET" {
		body = map[string]incidentPost{"incident": post}
	}
	answer, err := e.request(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	var got incident
	if err := json.Unmarshal([]byte(answer), &got); err != nil || got.ID == "" {
		return nil, action.Permanent(action.ErrOutput, "statuspage: the answer is no incident: is the url that of a status page's API?")
	}
	return &got, nil
}

func (e endpoint) request(ctx context.Context, method, path string, body any) (string, error) {
	if e.where.Page != "" {
		path = "/pages/" + url.PathEscape(e.where.Page) + path
	}
	out, err := e.client.Request(ctx, http.RequestInput{
		Target: e.where.Target, Method: method, Path: path, Body: body, MaxBody: maxAnswer,
	})
	if err != nil {
		return "", err
	}
	if out.Truncated {
		return "", action.Permanent(action.ErrOutput, "statuspage: the answer is longer than %d KiB", maxAnswer>>10)
	}
	return out.Body, nil
}
