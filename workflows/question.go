package workflows

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/sops"
)

// A question is an ask that the engine itself puts, for which the procedure has no step: what is to become of
// what failed, and whether something may be undone. The record keeps it like a step, so that everything that
// people do with steps works on it: answers, clocks, ladders, the inbox.

// lastQuestion is the one that was put last about something; nil when none was.
func (r *run) lastQuestion(path string) *Step {
	for _, q := range slices.Backward(r.record.Questions) {
		if q.Path == path || strings.HasPrefix(q.Path, path+"#") {
			return q
		}
	}
	return nil
}

// newQuestion lays a question out. One about the same thing as an earlier one is numbered.
func (r *run) newQuestion(ctx workflow.Context, q Step) *Step {
	n := 0
	for _, other := range r.record.Questions {
		if other.Path == q.Path || strings.HasPrefix(other.Path, q.Path+"#") {
			n++
		}
	}
	if n > 0 {
		q.Path = fmt.Sprintf("%s#%d", q.Path, n+1)
	}
	now := workflow.Now(ctx).UTC()
	q.State, q.Started = Running, &now
	r.record.Questions = append(r.record.Questions, &q)
	r.showAttributes(ctx)
	r.checklist()
	return &q
}

// awaitQuestion waits for the answer and closes the question.
func (r *run) awaitQuestion(ctx workflow.Context, q *Step) error {
	err := r.awaitAnswer(ctx, q)
	if errors.Is(err, errDraining) {
		return err
	}
	now := workflow.Now(ctx).UTC()
	q.State, q.Ended = outcome(err), &now
	r.stopClock(ctx, clockOfStep(q.Path), err == nil && q.Ask.Expired == nil)
	r.checklist()
	return err
}

// The answers to what is to become of something that failed.
const (
	decideRetry    = "retry"
	decideSkip     = "skip"
	decideRollback = "rollback"
	decideStop     = "stop"
	decideAbort    = "abort"
)

const (
	prefixHold = "hold:"
	whatNow    = " failed: what now?"
)

// isHold says whether a step is a question what is to become of something that failed.
func (s *Step) isHold() bool { return strings.HasPrefix(s.ID, prefixHold) }

// decisionOf is what somebody answers to such a question.
func decisionOf(m Complete) string {
	if m.Skip {
		return decideSkip
	}
	text, _ := m.Form["decision"].(string)
	return text
}

// decidedText says what was decided about what, and what follows from it.
func (s *Step) decidedText(decision string, by Party, at time.Time) string {
	return fmt.Sprintf("%s: %s, decided by %s %s; %s", strings.TrimSuffix(s.Title, whatNow), decision, by.Name, clockTime(at), map[string]string{
		decideRetry: "it is tried again", decideSkip: "it is passed over", decideRollback: "what was changed is put back",
		decideStop: "the run fails", decideAbort: "nothing more is undone",
	}[decision])
}

// hold asks the owners what is to become of something that failed, and pages them until somebody says it.
func (r *run) hold(ctx workflow.Context, rec *Step, title string, choices []string) (string, *Deed, error) {
	path := prefixHold + rec.Path
	q := r.lastQuestion(path)
	if q == nil || q.State != Running {
		q = r.newQuestion(ctx, Step{ID: prefixHold + rec.ID, Path: path, Title: title + whatNow, Kind: string(sops.KindAsk), Ask: &Ask{
			Question: shorten(rec.Error, maxText), Of: r.owners(), OnExpire: expireHold,
			Fields: map[string]sops.FormField{
				"decision": {Type: "choice", Title: "What now?", Options: choices, Required: true},
				"reason":   {Type: "text", Title: "Why?"},
			},
		}})
		if owner := r.owner(); owner != nil && q.Ask.ofOwner() {
			q.Ask.Also = append(q.Ask.Also, *owner)
		}
		r.event(ctx, Event{Kind: "ask", Step: q.Path, Text: fmt.Sprintf("%s waits for a decision of %s: %s", title, q.Ask.whom(), strings.Join(choices, ", "))})
		r.pageOwners(ctx, q, title+" failed: "+rec.Error)
	}
	if err := r.awaitQuestion(ctx, q); err != nil {
		return "", nil, err
	}
	if err := ctx.Err(); err != nil { // whoever aborts the run has decided
		return "", nil, err
	}
	switch a := q.Ask; {
	case a.Done == nil && r.record.decided() != "": // about another step that was held as well
		return r.record.decided(), &Deed{At: workflow.Now(ctx).UTC(), Text: a.Closed}, nil
	case a.Done == nil: // the incident is over: nobody has to see to it any more
		return decideSkip, &Deed{At: workflow.Now(ctx).UTC(), Text: a.Closed}, nil
	case a.Skipped:
		return decideSkip, a.Done, nil
	default:
		decision, _ := a.Form["decision"].(string)
		deed := *a.Done
		if why, _ := a.Form["reason"].(string); why != "" {
			deed.Text = why
		}
		return decision, &deed, nil
	}
}

// owners are those who decide about what fails: whoever has the incident, else the procedure's owners, else
// those whom org.yaml's own policy pages first.
func (r *run) owners() []string {
	if r.record.Incident != nil {
		return []string{entryOwner}
	}
	if len(r.proc.Owners) > 0 {
		return r.proc.Owners
	}
	if tiers := r.rules().Policies[r.rules().Defaults.Policy].Tiers; len(tiers) > 0 {
		return tiers[0].Page
	}
	return nil
}

// pageOwners pages the owners and, when nobody answers, whom org.yaml's own policy names.
func (r *run) pageOwners(ctx workflow.Context, q *Step, why string) {
	const patience = 15 * time.Minute
	if r.pin.Rules == nil || len(q.Ask.Of) == 0 {
		r.find(ctx, Finding{
			At: workflow.Now(ctx).UTC(), Step: q.Path, Severity: critical, Check: "people",
			Text: "nobody can be paged about it: no org.yaml says who the owners are", Act: strings.Join(r.record.AnswerCommands(q), " or "),
		})
		return
	}
	l := &Ladder{
		ID: clockOfStep(q.Path), Cause: shorten(oneLine(why), maxSummary), Due: workflow.Now(ctx).UTC(),
		Page: r.asked(q.Ask), Wait: sops.Duration(patience), Follow: r.rules().Defaults.Policy,
	}
	if r.record.Incident != nil {
		l.Follow = r.record.Incident.Level
	}
	if _, ok := r.rules().Policies[l.Follow]; !ok {
		l.Follow = ""
	}
	if len(l.Page) == 0 {
		l.Page, l.Policy = nil, l.Follow
	}
	r.record.Ladders = append(r.record.Ladders, l)
	r.nameNext(l)
	r.climb(ctx, l)
	r.showAttributes(ctx)
}

// undoQuestion asks whether something may be undone.
func (r *run) undoQuestion(ctx workflow.Context, a *sops.Approval, u *Step) *Step {
	q := r.newQuestion(ctx, Step{ID: u.ID, Path: u.Path, Title: u.Title, Kind: string(sops.KindApprove), Ask: &Ask{
		Question: shorten(fmt.Sprintf("May %s undo it? What is newer may be lost. The run is rolled back because: %s", u.Action, r.record.Rollback.Why.String()), maxText),
		Of:       a.By, Quorum: max(a.Quorum, 1), OnExpire: orElse(a.OnExpire, expireHold),
	}})
	r.startClock(ctx, clockOfStep(q.Path), q.Title, *q.Started, a.Within)
	r.sendAsk(ctx, q, notify.KindAsk)
	return q
}
