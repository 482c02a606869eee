package main

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/starter/screen"
	"github.com/orderly-ops/orderly/workflows"
)

// inboxItem is one thing that waits for somebody. Its fields are stable.
type inboxItem struct {
	Kind       string     `json:"kind"` // acknowledge, next, check, ask, approve, respond, update, resolve
	Due        *time.Time `json:"due,omitempty"`
	Title      string     `json:"title"`
	For        []string   `json:"for,omitempty"` // entries of org.yaml
	Severity   string     `json:"severity,omitempty"`
	About      string     `json:"about"` // the incident, or the procedure's title
	WorkflowID string     `json:"workflow_id"`
	RunID      string     `json:"run_id"`
	Command    string     `json:"command"`
	// Choices are the commands of what can be decided, where that is not only yes or no.
	Choices []string `json:"choices,omitempty"`
}

// kinds orders what is due at the same time.
var kinds = []string{"acknowledge", "next", "check", "respond", "ask", "approve", "update", "resolve"}

// compare puts the soonest due first, what has no time last, and leaves nothing to chance.
func (item inboxItem) compare(other inboxItem) int {
	due := func(i inboxItem) int64 {
		if i.Due == nil {
			return 1<<63 - 1
		}
		return i.Due.UnixNano()
	}
	return cmp.Or(
		cmp.Compare(due(item), due(other)),
		cmp.Compare(slices.Index(kinds, item.Kind), slices.Index(kinds, other.Kind)),
		strings.Compare(item.WorkflowID, other.WorkflowID),
		strings.Compare(item.Command, other.Command),
	)
}

// items are what of a run waits for the reader.
func (me reader) items(r *workflows.Record) []inboxItem {
	if r.State.Done() {
		return nil
	}
	items := append(me.pages(r), me.asks(r)...)
	items = append(items, me.owned(r)...)
	for i := range items {
		items[i].WorkflowID, items[i].RunID, items[i].About = r.WorkflowID, r.RunID, r.Title
		if r.Incident != nil {
			items[i].About, items[i].Severity = r.Incident.Summary, r.Incident.Severity
		}
		if items[i].Title == "" {
			items[i].Title = items[i].About
		}
	}
	return items
}

// asks are the steps that wait for an answer.
func (me reader) asks(r *workflows.Record) (items []inboxItem) {
	for _, s := range r.Waiting() {
		if !me.asked(r, s) {
			continue
		}
		item := inboxItem{
			Kind: s.Kind, Due: dueOf(screen.ClockOf(r, "step:"+s.Path)), Title: s.Title, For: s.Ask.Of,
			Command: r.AnswerCommand(s),
		}
		if choices := r.AnswerCommands(s); len(choices) > 1 {
			item.Choices = choices
		}
		items = append(items, item)
	}
	return items
}

func (me reader) asked(r *workflows.Record, s *workflows.Step) bool {
	decided := slices.ContainsFunc(s.Ask.Decisions, func(d workflows.Decision) bool { return d.By.ID == me.id })
	switch {
	case me.everybody():
		return true
	case decided:
		return false
	}
	return me.behind(s.Ask.Of, servicesOf(r)) || slices.Contains(s.Ask.Asked, me.id) ||
		slices.ContainsFunc(s.Ask.Also, func(p workflows.Party) bool { return p.ID == me.id }) ||
		s.Kind == string(sops.KindAsk) && me.paged(r, "step:"+s.Path)
}

// pages are what the reader or a role of theirs was paged for and nobody has acknowledged, and what pages
// them next.
func (me reader) pages(r *workflows.Record) (items []inboxItem) {
	for _, l := range r.Ladders {
		if l.Stopped != nil || l.Closed {
			continue
		}
		due := l.Due
		item := inboxItem{Kind: "acknowledge", Due: &due, Title: l.Cause, Command: screen.Command("orderly", "ack", r.WorkflowID)}
		if c := screen.ClockOf(r, "acknowledge"); c != nil && l.ID == "incident" {
			item.Due = &c.Due
		}
		next := me.tier(l, l.Policy, l.Tier)
		switch {
		case me.paged(r, l.ID):
		case me.calledUp(r, l) != nil:
			item.For = me.calledUp(r, l)
		case me.behind(next, servicesOf(r)):
			item.Kind, item.Due, item.Title, item.For = "next", &due, "you are paged then if nobody acknowledges", next
		default:
			continue
		}
		items = append(items, item)
	}
	return items
}

// paged says whether a ladder has paged the reader.
func (me reader) paged(r *workflows.Record, ladder string) bool {
	return me.everybody() || slices.ContainsFunc(r.Pages, func(p *workflows.Page) bool {
		return p.Ladder == ladder && slices.ContainsFunc(p.People, func(who workflows.PagedPerson) bool { return who.ID == me.id })
	})
}

// calledUp are the entries of the last tier that was paged behind which the reader stands; nil for none.
func (me reader) calledUp(r *workflows.Record, l *workflows.Ladder) []string {
	for _, p := range slices.Backward(r.Pages) {
		if p.Ladder != l.ID || p.Tier < 1 {
			continue
		}
		if entries := me.tier(l, p.Policy, p.Tier-1); me.behind(entries, servicesOf(r)) {
			return entries
		}
	}
	return nil
}

// tier is who is paged by a tier, counted from 0, as org.yaml has it here.
func (me reader) tier(l *workflows.Ladder, policy string, n int) []string {
	if l.Page != nil {
		return l.Page
	}
	if me.org == nil || n >= len(me.org.Policies[policy].Tiers) {
		return nil
	}
	return me.org.Policies[policy].Tiers[n].Page
}

// owned is what the reader's own incident needs next.
func (me reader) owned(r *workflows.Record) (items []inboxItem) {
	inc := r.Incident
	if inc == nil || inc.Owner == nil || inc.State.Over() || !me.everybody() && inc.Owner.ID != me.id {
		return nil
	}
	add := func(kind, title string, due *time.Time, verb ...string) {
		item := inboxItem{Kind: kind, Due: due, Title: title, Command: screen.Command(append([]string{"orderly", verb[0], r.WorkflowID}, verb[1:]...)...)}
		if me.everybody() {
			item.For = []string{inc.Owner.ID}
		}
		items = append(items, item)
	}
	if inc.Checked != nil {
		add("check", "still on it?", inc.Lease, "ack")
	}
	for _, c := range openClocks(r) {
		switch c.Kind {
		case "respond":
			add("respond", c.Title, &c.Due, "done", stepRespond)
		case "update":
			add("update", c.Title, &c.Due, "update", "…")
		}
	}
	add("resolve", "", dueOf(screen.ClockOf(r, "resolve")), "resolve", "…")
	return items
}

func dueOf(c *workflows.Clock) *time.Time {
	if c == nil {
		return nil
	}
	return &c.Due
}

func servicesOf(r *workflows.Record) []string {
	if r.Incident == nil {
		return nil
	}
	return r.Incident.Services
}
