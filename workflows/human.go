package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/sops"
)

// Ask is what a step that waits for people knows of them.
type Ask struct {
	Question string   `json:"question"`
	Of       []string `json:"of"`              // entries of org.yaml who may answer
	Also     []Party  `json:"also,omitempty"`  // people it was handed over to, or who own the incident
	Asked    []string `json:"asked,omitempty"` // ids of those who were told
	// Quorum is how many have to agree; 0 for an `ask`.
	Quorum    int            `json:"quorum,omitempty"`
	Decisions []Decision     `json:"decisions,omitempty"`
	Done      *Deed          `json:"done,omitempty"`
	Skipped   bool           `json:"skipped,omitempty"` // by the person in Done
	Form      map[string]any `json:"form,omitempty"`
	// Fields is the form to fill in.
	Fields  map[string]sops.FormField `json:"fields,omitempty"`
	Expired *time.Time                `json:"expired,omitempty"`
	// Closed is why nobody has to answer any more.
	Closed   string     `json:"closed,omitempty"`
	Reminder *time.Time `json:"reminder,omitempty"` // the next
	Reminded int        `json:"reminded,omitempty"`
	// OnExpire is what happens when nobody answers in time: hold, fail or skip.
	OnExpire string `json:"on_expire,omitempty"`
}

// Decision is what one person has decided.
type Decision struct {
	At      time.Time `json:"at"`
	By      Party     `json:"by"`
	Approve bool      `json:"approve"`
	Reason  string    `json:"reason,omitempty"`
}

// What people are called who are found anew each time.
const entryOwner = "incident.owner"

func (a *Ask) ofOwner() bool { return slices.Contains(a.Of, entryOwner) }

// whom says who is asked: people by name where that is known.
func (a *Ask) whom() string {
	var who []string
	for _, e := range a.Of {
		if e != entryOwner || len(a.Also) == 0 {
			who = append(who, e)
		}
	}
	for _, p := range a.Also {
		who = append(who, p.Name)
	}
	return strings.Join(who, ", ")
}

// waits says whether an answer can still be given.
func (a *Ask) waits() bool { return a != nil && a.Done == nil && a.Closed == "" && !a.settled() }

// settled says that it was decided, or that time decided.
func (a *Ask) settled() bool {
	if a.Quorum > 0 {
		if approved, decided := a.decision(); decided || approved {
			return true
		}
	}
	return a.Expired != nil && a.OnExpire != expireHold
}

// decision counts: a quorum of approvals approves, one rejection rejects.
func (a *Ask) decision() (approved, decided bool) {
	n := 0
	for _, d := range a.Decisions {
		if !d.Approve {
			return false, true
		}
		n++
	}
	return n >= a.Quorum, n >= a.Quorum
}

// The values of on_expire.
const (
	expireHold = "hold"
	expireFail = "fail"
	expireSkip = "skip"
)

// ask waits until a person says that something is done.
func (r *run) ask(ctx workflow.Context, s *sops.Step, rec *Step, f *frame) error {
	if err := r.question(ctx, s, rec, f); err != nil {
		return err
	}
	if err := r.awaitAnswer(ctx, rec); err != nil {
		return err
	}
	a := rec.Ask
	switch {
	case a.Done != nil && a.Skipped:
		return &skipped{fmt.Sprintf("skipped by %s: %s", a.Done.By.Name, a.Done.Text)}
	case a.Done != nil:
		return r.answered(ctx, s, rec)
	case a.Closed != "":
		return &skipped{a.Closed}
	case a.OnExpire == expireSkip:
		return &skipped{"nobody did it in time"}
	default:
		return permanent("Expired", "nobody did it in time")
	}
}

// answered makes outputs of the form, and tells the incident what it was told.
func (r *run) answered(ctx workflow.Context, s *sops.Step, rec *Step) error {
	a := rec.Ask
	out := map[string]any{}
	for _, name := range workflow.DeterministicKeys(a.Form) {
		out[name] = a.Form[name]
	}
	out["by"], out["at"] = a.Done.By.Name, a.Done.At
	data, err := json.Marshal(out)
	if err != nil {
		return err
	}
	rec.Outputs = data
	rec.Reason = "done by " + a.Done.By.Name
	r.adoptAnswers(ctx, s, a)
	return nil
}

// approve waits until people have decided. Time never approves.
func (r *run) approve(ctx workflow.Context, s *sops.Step, rec *Step, f *frame) error {
	if err := r.question(ctx, s, rec, f); err != nil {
		return err
	}
	if err := r.awaitAnswer(ctx, rec); err != nil {
		return err
	}
	by, reason, err := rec.Ask.verdict()
	if err != nil {
		return err
	}
	rec.Reason = "approved by " + strings.Join(by, ", ")
	rec.Outputs, err = json.Marshal(map[string]any{"approved": true, "by": by, "reason": reason})
	return err
}

// verdict is what an approval has come to: who decided, and the reason that was given last. Without an
// approval there is an error.
func (a *Ask) verdict() (by []string, reason string, err error) {
	approved, decided := a.decision()
	for _, d := range a.Decisions {
		if d.Approve == approved {
			by, reason = append(by, d.By.Name), orElse(d.Reason, reason)
		}
	}
	switch {
	case decided && approved:
		return by, reason, nil
	case decided:
		return by, reason, permanent("Rejected", "rejected by %s: %s", strings.Join(by, ", "), reason)
	case a.Closed != "":
		return by, reason, &skipped{a.Closed}
	default:
		return by, reason, permanent("Expired", "nobody decided in time")
	}
}

// skipped ends a step without its being done; it is no failure.
type skipped struct{ reason string }

func (s *skipped) Error() string { return s.reason }

// question lays the ask out and tells those who are asked, once.
func (r *run) question(ctx workflow.Context, s *sops.Step, rec *Step, f *frame) error {
	if rec.Ask != nil {
		r.remind(ctx, s, rec)
		return nil
	}
	text := s.Ask
	a := &Ask{Of: s.By, OnExpire: orElse(s.OnExpire, expireHold)}
	var err error
	if s.Kind() == sops.KindAsk {
		if a.Of, err = r.askedOf(ctx, s, f); err != nil {
			return err
		}
	} else {
		text, a.Quorum = s.Approve, max(s.Quorum, 1)
	}
	if a.Question, err = text.Render(r.scope(ctx, f)); err != nil {
		return expressionError("the question", err)
	}
	a.Question = strings.TrimSpace(shorten(a.Question, maxText))
	rec.Ask, a.Fields = a, s.Form
	if r.quit {
		a.Closed = closedByAbort
		return nil
	}
	if r.tooLateToAsk() {
		a.Closed = "the incident was " + string(r.record.Incident.State)
		return nil
	}
	if owner := r.owner(); owner != nil && a.ofOwner() {
		a.Also = append(a.Also, *owner)
	}
	r.sendAsk(ctx, rec, notify.KindAsk)
	if s.Within == 0 && s.Policy != "" {
		r.stepLadder(ctx, rec)
	}
	r.remind(ctx, s, rec)
	r.showAttributes(ctx)
	return nil
}

// tooLateToAsk says that the incident is over and the step belongs to it: what an incident leaves to do
// comes after the step that waits for its resolution.
func (r *run) tooLateToAsk() bool {
	return r.record.Incident != nil && r.record.Incident.State.Over() && !r.last && r.record.Rollback == nil && r.belongsToResponse()
}

// askedOf is who a person's step is of. Where an expression gives nobody, the procedure's owners are asked:
// a question is never lost because a name was left out.
func (r *run) askedOf(ctx workflow.Context, s *sops.Step, f *frame) ([]string, error) {
	of, err := s.Of.Render(r.scope(ctx, f))
	if err != nil {
		return nil, expressionError("who is asked", err)
	}
	if of = strings.TrimSpace(of); of != "" {
		return []string{of}, nil
	}
	r.find(ctx, Finding{At: workflow.Now(ctx).UTC(), Severity: "warning", Check: "people", Text: "nobody is named to be asked, so the owners of the procedure are"})
	return slices.Clone(r.proc.Owners), nil
}

// belongsToResponse says that the steps of this moment are the response itself, and not what it leaves to do.
func (r *run) belongsToResponse() bool {
	late := true
	r.record.walk(func(s *Step) bool {
		if step := r.stepOf(s); s.Kind == string(sops.KindWait) && s.State == Succeeded && step.Wait.For == "resolved" {
			late = false
		}
		return late
	})
	return late
}

// asked are the entries who are told of an ask: those it is of, as long as that says who.
func (r *run) asked(a *Ask) []string {
	var entries []string
	for _, e := range a.Of {
		if e != entryOwner {
			entries = append(entries, e)
		}
	}
	for _, p := range a.Also {
		entries = append(entries, p.ID)
	}
	if len(entries) == 0 && r.record.Incident != nil { // it is the owner's, and nobody owns it yet
		if tiers := r.rules().Policies[r.record.Incident.Level].Tiers; len(tiers) > 0 {
			entries = tiers[0].Page
		}
	}
	return entries
}

// sendAsk tells those who are asked.
func (r *run) sendAsk(ctx workflow.Context, rec *Step, kind notify.Kind) {
	r.send(ctx, &TellRequest{To: r.asked(rec.Ask), Step: rec.Path, Message: r.askMessage(ctx, rec, kind)})
}

// told notes who was told of an ask, by name.
func (r *run) told(ctx workflow.Context, path string, result PageResult) {
	s := r.record.stepAt(path)
	if s == nil || s.Ask == nil {
		return
	}
	var names []string
	for _, p := range result.People {
		if !slices.Contains(s.Ask.Asked, p.ID) && p.reached() {
			s.Ask.Asked = append(s.Ask.Asked, p.ID)
			names = append(names, p.text())
		}
	}
	if len(names) > 0 {
		r.event(ctx, Event{Kind: "ask", Step: path, Text: s.Title + ": asked " + strings.Join(names, ", ")})
	}
}

func (r *run) askMessage(ctx workflow.Context, rec *Step, kind notify.Kind) notify.Message {
	a := rec.Ask
	m := r.newMessage(ctx, kind, fmt.Sprintf("%s:%s:%d:%d", kind, activityID(rec), a.Reminded, len(a.Also)), rec.Title)
	if kind == notify.KindReminder {
		m.Headline = "Still waiting: " + m.Headline
	}
	m.Body = a.Question
	m.Lines = []string{r.record.about()}
	if c := r.clock(clockOfStep(rec.Path)); c.running() {
		m.Lines = append(m.Lines, "Due "+r.record.dueTime(c.Due))
	}
	m.Commands = []string{r.record.AnswerCommand(rec)}
	return m
}

// askAlso asks one more person.
func (r *run) askAlso(ctx workflow.Context, rec *Step, p Party) {
	if slices.Contains(rec.Ask.Also, p) {
		return
	}
	rec.Ask.Also = append(rec.Ask.Also, p)
	r.send(ctx, &TellRequest{To: []string{p.ID}, Step: rec.Path, Message: r.askMessage(ctx, rec, notify.KindAsk)})
	r.showAttributes(ctx)
}

// awaitAnswer waits until an answer, time or the incident's end has settled the step.
func (r *run) awaitAnswer(ctx workflow.Context, rec *Step) error {
	err := r.await(ctx, func() bool { return !rec.Ask.waits() })
	if errors.Is(err, errDraining) {
		return err
	}
	if err != nil {
		rec.Ask.Closed = "the step was cancelled"
	}
	r.closeLadder(ctx, clockOfStep(rec.Path))
	r.showAttributes(ctx)
	return err
}

// waiting are the steps that wait for people, in the order of the procedure.
func (r *run) waiting() []*Step { return r.record.Waiting() }

// Waiting are the steps that wait for people, and the engine's own questions, in the order of the procedure.
func (rec *Record) Waiting() (out []*Step) {
	rec.walk(func(s *Step) bool {
		if s.State == Running && s.Ask.waits() {
			out = append(out, s)
		}
		return true
	})
	return out
}

// asksOf are the waiting steps that somebody was asked, as far as the run knows.
func (r *run) asksOf(p Party) (out []*Step) {
	for _, s := range r.waiting() {
		if s.Ask.Quorum > 0 {
			continue // an approval is nobody's to pass on
		}
		if slices.ContainsFunc(s.Ask.Also, func(o Party) bool { return o.ID == p.ID }) || slices.Contains(s.Ask.Asked, p.ID) {
			out = append(out, s)
		}
	}
	return out
}
