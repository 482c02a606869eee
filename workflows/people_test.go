package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// minutes makes a duration of the language.
func minutes(n int) sops.Duration { return sops.Duration(time.Duration(n) * time.Minute) }

// rules are how the tests' org escalates: the coordinator has 5 minutes, then the lead 10, then all leads 5,
// then the boss every 5.
func rules() *sops.Rules {
	return &sops.Rules{
		Digest: "sha256:rules",
		Policies: map[string]sops.Policy{
			"level-1": {Tiers: []sops.Tier{{Page: []string{"coordinator"}, Wait: minutes(5)}, {Page: []string{"lead"}, Wait: minutes(10)}},
				Updates: minutes(30), Lease: minutes(30), Next: "level-2"},
			"level-2": {Tiers: []sops.Tier{{Page: []string{"leads"}, Wait: minutes(5)}}, Updates: minutes(30), Next: "level-3",
				Stakeholders: []string{"board"}},
			"level-3": {Tiers: []sops.Tier{{Page: []string{"boss"}, Wait: minutes(5)}}, Channels: []string{"war-room"}},
			"quiet":   {Tiers: []sops.Tier{{Page: []string{"coordinator"}, Wait: minutes(5)}}},
		},
		Severities: map[string][]sops.Severity{"platform": {
			{ID: "P0", Respond: sops.Span{Duration: minutes(2)}, Policy: "level-3"},
			{ID: "P1", Respond: sops.Span{Duration: minutes(30)}, Resolve: sops.Span{Duration: minutes(240)}, Policy: "level-2"},
			{ID: "P2", Respond: sops.Span{Duration: minutes(120)}, Policy: "level-1"},
		}},
		Services: map[string]sops.Service{"api": {Owner: "lead"}, "db": {Owner: "lead"}},
		Defaults: sops.OrgDefaults{Policy: "level-1", Scale: "platform"},
	}
}

// people is an org that can be paged: everybody of it, and how reachable they are.
type people struct {
	b *bench

	mu     sync.Mutex
	roles  map[string][]string // entry → people
	unwell map[string]bool     // people over whom nothing reaches
	down   func() bool         // the whole way out is down
	pages  []paged
	told   []workflows.TellRequest
	boards []workflows.BoardRequest
	rooms  []workflows.RoomRequest
	// onPage is called while a page is being handed out.
	onPage func(workflows.PageRequest)
}

// paged is a page as somebody got it.
type paged struct {
	At     time.Duration // since the test began
	Person string
	Text   string
	ID     string
}

func newPeople(b *bench) *people {
	p := &people{b: b, unwell: map[string]bool{}, roles: map[string][]string{
		"coordinator": {"ann"}, "lead": {"bob"}, "leads": {"bob", "carol"}, "boss": {"dora"},
		"service.owner": {"bob"},
	}}
	b.local(workflows.ActivityPage, p.page)
	b.local(workflows.ActivityDeliver, p.deliver)
	b.local(workflows.ActivityPerson, p.person)
	b.local(workflows.ActivityTell, p.tell)
	b.local(workflows.ActivityBoard, p.board)
	b.local(workflows.ActivityRoom, p.room)
	return p
}

func (p *people) behind(entry string) []string {
	if members, ok := p.roles[entry]; ok {
		return members
	}
	return []string{entry}
}

func (p *people) page(_ context.Context, q workflows.PageRequest) (workflows.PageResult, error) {
	if p.onPage != nil {
		p.onPage(q)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var result workflows.PageResult
	var seen []string
	for _, entry := range q.Page {
		for _, id := range p.behind(entry) {
			if slices.Contains(q.Except, id) || slices.Contains(seen, id) {
				continue
			}
			seen = append(seen, id)
			result.People = append(result.People, p.send(id, q.Message))
		}
		if len(p.behind(entry)) == 0 {
			result.Nobody = append(result.Nobody, entry+": nobody is on call")
		}
	}
	return result, nil
}

func (p *people) send(id string, m notify.Message) workflows.PagedPerson {
	out := notify.Outcome{Recipient: id, Name: name(id), Transport: "slack", State: notify.Sent}
	if p.unwell[id] || p.down != nil && p.down() {
		out.State, out.Error = notify.Failed, "503"
	} else {
		p.pages = append(p.pages, paged{At: p.b.env.Now().Sub(began), Person: id, Text: m.Headline, ID: m.ID})
	}
	return workflows.PagedPerson{ID: id, Name: name(id), Outcomes: []notify.Outcome{out}}
}

func (p *people) deliver(_ context.Context, q workflows.DeliverRequest) (workflows.PageResult, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var result workflows.PageResult
	for _, owed := range q.Owed {
		result.People = append(result.People, p.send(owed.ID, q.Message))
	}
	return result, nil
}

func (p *people) person(_ context.Context, q workflows.PersonRequest) (workflows.Person, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := strings.ToLower(q.By)
	known := []string{"ann", "bob", "carol", "dora", "eve", "frank"}
	if !slices.Contains(known, id) {
		return workflows.Person{Problem: fmt.Sprintf("org.yaml has nobody called %q", q.By)}, nil
	}
	found := workflows.Person{ID: id, Name: name(id)}
	for _, entry := range q.Behind {
		if slices.Contains(p.behind(entry), id) {
			found.As = entry
			break
		}
	}
	return found, nil
}

func (p *people) tell(_ context.Context, q workflows.TellRequest) (workflows.PageResult, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told = append(p.told, q)
	return workflows.PageResult{}, nil
}

func (p *people) board(_ context.Context, q workflows.BoardRequest) (workflows.BoardResult, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.boards = append(p.boards, q)
	refs := map[string]string{}
	for _, c := range q.Channels {
		refs[c] = "ref of " + c
	}
	return workflows.BoardResult{Refs: refs}, nil
}

func (p *people) room(_ context.Context, q workflows.RoomRequest) (workflows.Room, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rooms = append(p.rooms, q)
	if q.Name == "nowhere" {
		return workflows.Room{}, nil
	}
	return workflows.Room{ID: "C1", Name: q.Name + "-2026-11-21"}, nil
}

// name is what people call somebody.
func name(id string) string { return strings.ToUpper(id[:1]) + id[1:] }

// tellings are the headlines that were told to an entry.
func (p *people) tellings(entry string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, q := range p.told {
		if slices.Contains(q.To, entry) {
			out = append(out, q.Message.Headline)
		}
	}
	return out
}

// sequence is who was paged when: "0s ann", "5m0s bob".
func (p *people) sequence() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]string, len(p.pages))
	for i, page := range p.pages {
		out[i] = fmt.Sprintf("%s %s", page.At.Round(time.Millisecond), page.Person)
	}
	return out
}

// answered is what an Update was answered with.
type answered struct {
	answer workflows.Answer
	err    error
	done   bool
}

// send sends a message as an Update and keeps the answer.
func (b *bench) send(name string, payload any) *answered {
	out := &answered{}
	b.env.UpdateWorkflow(name, fmt.Sprintf("%s-%p", name, out), out, payload)
	return out
}

func (a *answered) Accept()          {}
func (a *answered) Reject(err error) { a.err, a.done = err, true }
func (a *answered) Complete(success any, err error) {
	a.err, a.done = err, true
	if answer, ok := success.(workflows.Answer); ok {
		a.answer = answer
	}
}

// ask sends a message at a time and hands the answer on when the test is over.
func (b *bench) ask(d time.Duration, name string, payload any) func() *answered {
	var out *answered
	b.after(d, func() { out = b.send(name, payload) })
	return func() *answered {
		b.t.Helper()
		require.NotNil(b.t, out, "it was never sent")
		require.True(b.t, out.done, "it was never answered")
		return out
	}
}

// signal sends a message as a signal when that much time has passed.
func (b *bench) signal(d time.Duration, name string, payload any) {
	b.after(d, func() { b.env.SignalWorkflow(name, payload) })
}

// texts are the lines of the timeline of a kind.
func texts(rec *workflows.Record, kind string) []string {
	var out []string
	for _, e := range rec.Timeline {
		if e.Kind == kind {
			out = append(out, e.Text)
		}
	}
	return out
}

func clockOf(t *testing.T, rec *workflows.Record, id string) *workflows.Clock {
	t.Helper()
	for _, c := range rec.Clocks {
		if c.ID == id {
			return c
		}
	}
	require.Failf(t, "no such clock", "%s", id)
	return nil
}

// successor is a run that has continued as new, about to go on in a worker that was away meanwhile.
type successor struct {
	b            *bench
	workflowType string
	args         []any
}

// successor runs the bench until it continues as new and gives what goes on at that time.
func (b *bench) successor(workflowType, source string, at time.Time, args ...any) *successor {
	b.t.Helper()
	b.env.ExecuteWorkflow(workflowType, args...)
	again, ok := errors.AsType[*workflow.ContinueAsNewError](b.env.GetWorkflowError())
	require.True(b.t, ok, "it has not continued as new: %v", b.env.GetWorkflowError())
	next := setup(b.t, source)
	next.env.SetStartTime(at)
	next.people.pages = nil
	return &successor{b: next, workflowType: workflowType, args: decoded(b.t, again)}
}

func (s *successor) start() *workflows.Record { return s.b.start(s.workflowType, s.args...) }
