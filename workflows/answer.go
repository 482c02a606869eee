package workflows

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/sops"
)

// complete says that something was done, or will not be.
func (r *run) complete(ctx workflow.Context, m Complete) (Answer, error) {
	if m.Step == clockRespond && r.record.Incident != nil && r.record.stepAt(clockRespond) == nil {
		return r.completeRespond(ctx, m)
	}
	s, err := r.asking(m.Step, sops.KindAsk)
	if err != nil {
		return Answer{}, err
	}
	by, err := r.who(ctx, m.By, r.mayAnswer(s))
	if err != nil && (by.ID == "" || !slices.Contains(s.Ask.Asked, by.ID)) {
		return Answer{}, err
	}
	if err := r.answerable(s); err != nil {
		return r.doneOtherwise(s, m, by, err)
	}
	a := s.Ask
	form, err := r.filledIn(s, m)
	if err != nil {
		return Answer{}, err
	}
	defer r.involve(ctx, by)
	a.Done = &Deed{At: workflow.Now(ctx).UTC(), By: by, Text: shorten(m.Reason, maxText)}
	a.Skipped, a.Form = m.Skip, form
	word := "done"
	if m.Skip {
		word = "skipped"
	}
	now := fmt.Sprintf("%s: %s by %s %s", s.Title, word, by.Name, clockTime(a.Done.At))
	if s.isHold() {
		now = s.decidedText(decisionOf(m), by, a.Done.At)
	}
	text := now
	if m.Reason != "" {
		text += ": " + m.Reason
	}
	r.event(ctx, Event{Kind: "ask", Step: s.Path, By: by.Name, Text: text})
	return Answer{Now: now, Changed: true, By: by.Name}, nil
}

// doneOtherwise answers who was there before. Whoever decides otherwise than somebody has already must not believe
// that it counts.
func (r *run) doneOtherwise(s *Step, m Complete, by Party, err error) (Answer, error) {
	a := s.Ask
	if !s.isHold() || a.Done == nil {
		return r.doneBefore(s, by, err)
	}
	decided := decisionOf(Complete{Skip: a.Skipped, Form: a.Form})
	if now := s.decidedText(decided, a.Done.By, a.Done.At); decisionOf(m) != decided {
		return Answer{}, refused("too late: %s", now)
	}
	return r.doneBefore(s, by, err)
}

// filledIn checks the form; whoever skips a step has none to fill in.
func (r *run) filledIn(s *Step, m Complete) (map[string]any, error) {
	if m.Skip {
		return nil, nil
	}
	form := s.Ask.Fields
	for _, name := range workflow.DeterministicKeys(m.Form) {
		if text, ok := m.Form[name].(string); ok && len(text) > maxMessageText {
			return nil, refused("%s: longer than %d bytes; put it into a ticket or an artifact and say where it is", name, maxMessageText)
		}
	}
	answers, err := sops.CheckForm(form, m.Form)
	if err != nil {
		return nil, refused("%s: %s", s.Path, err)
	}
	return answers, r.acceptable(form, answers)
}

// acceptable checks answers that change the incident before any of them does.
func (r *run) acceptable(form map[string]sops.FormField, answers map[string]any) error {
	for _, name := range workflow.DeterministicKeys(form) {
		text, _ := answers[name].(string)
		if text == "" {
			continue
		}
		var err error
		switch form[name].Sets {
		case "severity":
			_, err = r.severity(r.record.Incident.Scale, text)
		case "level":
			if _, ok := r.rules().Policies[text]; !ok {
				err = r.noPolicy(text)
			}
		case "services":
			err = r.knownServices(listOf(text))
		}
		if err != nil {
			return refused("%s: %s", name, cause(err))
		}
	}
	return nil
}

// adoptAnswers lets the answers of a form change the incident, as the message of that name would.
func (r *run) adoptAnswers(ctx workflow.Context, s *sops.Step, a *Ask) {
	inc := r.record.Incident
	if inc == nil || inc.State.Over() {
		return
	}
	for _, name := range workflow.DeterministicKeys(s.Form) {
		text, _ := a.Form[name].(string)
		if text == "" {
			continue
		}
		switch s.Form[name].Sets {
		case "severity":
			_, _ = r.regrade(ctx, a.Done.By, text, "as answered in "+s.ID) // it was checked when it was answered
		case "level":
			r.changePolicy(ctx, text, r.above(text, inc.Level))
		case "services":
			inc.Services = listOf(text)
			r.event(ctx, Event{Kind: "incident", By: a.Done.By.Name, Text: "services affected: " + text})
		case "user_impact":
			inc.UserImpact = shorten(text, maxSummary)
			r.event(ctx, Event{Kind: "incident", By: a.Done.By.Name, Text: "user impact: " + text})
		case "business_impact":
			inc.BusinessImpact = shorten(text, maxSummary)
			r.event(ctx, Event{Kind: "incident", By: a.Done.By.Name, Text: "business impact: " + text})
		case "summary":
			inc.Summary = shorten(oneLine(text), maxSummary)
			r.event(ctx, Event{Kind: "incident", By: a.Done.By.Name, Text: "summary: " + inc.Summary})
		}
	}
	r.showAttributes(ctx)
}

func listOf(text string) (out []string) {
	for _, part := range strings.Split(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// completeRespond says that a first mitigation is in place.
func (r *run) completeRespond(ctx workflow.Context, m Complete) (Answer, error) {
	if err := r.goesOn(); err != nil {
		return Answer{}, err
	}
	by, err := r.responder(ctx, m.By)
	if err != nil {
		return Answer{}, err
	}
	defer r.involve(ctx, by)
	if d := r.record.Incident.Mitigated; d != nil {
		return Answer{Now: "already mitigated " + clockTime(d.At), By: by.Name}, nil
	}
	r.mitigated(ctx, by, orElse(m.Reason, "said by "+by.Name))
	return Answer{Now: joinDue("first mitigation noted", r.stillDue()), Changed: true, By: by.Name}, nil
}

// decide answers an `approve`.
func (r *run) decide(ctx workflow.Context, m Decide) (Answer, error) {
	s, err := r.asking(m.Step, sops.KindApprove)
	if err != nil {
		return Answer{}, err
	}
	by, err := r.whoOf(ctx, m.By, r.mayAnswer(s))
	if err != nil {
		return Answer{}, err
	}
	if by.Unknown {
		return Answer{}, refused("there is no org.yaml that says who may decide: an approval waits until there is one again")
	}
	for _, d := range s.Ask.Decisions {
		if d.By.ID == by.ID {
			return Answer{Now: fmt.Sprintf("%s had %s %s", d.By.Name, d.word(), clockTime(d.At)), By: by.Name}, nil
		}
	}
	if err := r.answerable(s); err != nil {
		return r.doneBefore(s, by, err)
	}
	if err := r.notRequester(ctx, s, by); err != nil {
		return Answer{}, err
	}
	defer r.involve(ctx, by)
	d := Decision{At: workflow.Now(ctx).UTC(), By: by, Approve: m.Approve, Reason: shorten(m.Reason, maxText)}
	s.Ask.Decisions = append(s.Ask.Decisions, d)
	now := fmt.Sprintf("%s: %s by %s %s", s.Title, d.word(), by.Name, clockTime(d.At))
	if left := s.Ask.Quorum - len(s.Ask.Decisions); m.Approve && left > 0 {
		now += fmt.Sprintf("; %d more needed", left)
	}
	text := now
	if m.Reason != "" {
		text += ": " + m.Reason
	}
	r.event(ctx, Event{Kind: "ask", Step: s.Path, By: by.Name, Text: text})
	r.checklist()
	return Answer{Now: now, Changed: true, By: by.Name}, nil
}

func (d Decision) word() string {
	if d.Approve {
		return "approved"
	}
	return "rejected"
}

// notRequester keeps whoever started the run from approving it, where the step says so.
func (r *run) notRequester(ctx workflow.Context, s *Step, by Party) error {
	step := r.stepOf(s)
	if step == nil || step.Not != "requester" {
		return nil
	}
	for _, name := range []string{r.record.By, r.record.Requester} {
		if name == "" {
			continue
		}
		requester, err := r.who(ctx, name, nil)
		if by.ID == name || err == nil && requester.ID == by.ID {
			return refused("%s has started this run: somebody else has to decide", by.Name)
		}
	}
	return nil
}

// asking finds a step that people answer, by path or, where that is clear, by id.
func (r *run) asking(name string, kind sops.Kind) (*Step, error) {
	var found []*Step
	var open []string
	for _, s := range r.waiting() {
		if s.Kind != string(kind) {
			continue
		}
		open = append(open, s.Path)
		switch name {
		case s.Path:
			return s, nil
		case s.ID:
			found = append(found, s)
		}
	}
	if len(found) == 1 {
		return found[0], nil // also where an earlier question of that name was answered
	}
	if s := r.record.stepAt(name); s != nil {
		if s.Kind != string(kind) {
			return nil, refused("step %q is not one to %s", name, map[sops.Kind]string{sops.KindAsk: "complete", sops.KindApprove: "decide"}[kind])
		}
		if s.Ask == nil {
			return nil, refused("step %q is %s: nobody is asked yet", name, s.State)
		}
		return s, nil
	}
	if len(found) == 0 {
		return nil, refused("no step %q waits for this; waiting are %s", name, orElse(strings.Join(open, ", "), "none"))
	}
	return nil, refused("%d steps %q wait: say which of %s", len(found), name, strings.Join(open, ", "))
}

// mayAnswer are those who may answer a step: those it is of, and whoever it may be escalated to.
func (r *run) mayAnswer(s *Step) []string {
	if s.Ask.Quorum > 0 {
		return r.asked(s.Ask) // an approval is not taken over by whoever is paged for it
	}
	entries := r.asked(s.Ask)
	if r.ladder(clockOfStep(s.Path)) == nil {
		return entries
	}
	return append(entries, r.responders()...)
}

// answerable refuses an answer that comes too late.
func (r *run) answerable(s *Step) error {
	a := s.Ask
	switch {
	case a.waits() && s.State == Running:
		return nil
	case a.Done != nil:
		word := "done"
		if a.Skipped {
			word = "skipped"
		}
		return refused("already %s by %s %s", word, a.Done.By.Name, clockTime(a.Done.At))
	case a.Closed != "":
		return refused("too late: %s", a.Closed)
	case len(a.Decisions) > 0:
		d := a.Decisions[len(a.Decisions)-1]
		return refused("already %s by %s %s", d.word(), d.By.Name, clockTime(d.At))
	case a.Expired != nil:
		return refused("too late: it was due until %s", clockTime(*a.Expired))
	default:
		return refused("too late: the step has %s", s.State)
	}
}

// doneBefore answers who was there before: that is no error, whoever asks.
func (r *run) doneBefore(s *Step, by Party, err error) (Answer, error) {
	if s.Ask.Done == nil && len(s.Ask.Decisions) == 0 {
		return Answer{}, err
	}
	return Answer{Now: cause(err), By: by.Name}, nil
}
