package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/sops"
)

// remind tells those who are asked again, every so often.
func (r *run) remind(ctx workflow.Context, s *sops.Step, rec *Step) {
	if s.Remind == 0 || r.reminding[rec.Path] {
		return
	}
	if r.reminding == nil {
		r.reminding = map[string]bool{}
	}
	r.reminding[rec.Path] = true
	a := rec.Ask
	if a.Reminder == nil {
		next := workflow.Now(ctx).UTC().Add(time.Duration(s.Remind))
		a.Reminder = &next
	}
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	workflow.GoNamed(ctx, "remind "+rec.Path, func(ctx workflow.Context) {
		for a.waits() {
			over, err := r.awaitUntil(ctx, *a.Reminder, "remind: "+rec.Title, func() bool { return !a.waits() })
			if err != nil || over || r.stay(ctx) != nil {
				return
			}
			a.Reminded++
			next := nextRepeat(*a.Reminder, time.Duration(s.Remind), workflow.Now(ctx))
			a.Reminder = &next
			r.event(ctx, Event{Kind: "ask", Step: rec.Path, Text: fmt.Sprintf("%s: reminded (%d)", rec.Title, a.Reminded)})
			r.sendAsk(ctx, rec, notify.KindReminder)
			r.considerDraining(ctx)
		}
	})
}

// expireStep is what happens when a step that waits for people was not answered in time. It says whether
// the clock was one of those.
func (r *run) expireStep(ctx workflow.Context, c *Clock) bool {
	path, ok := strings.CutPrefix(c.ID, "step:")
	if !ok {
		return false
	}
	s := r.record.stepAt(path)
	if s == nil || s.Ask == nil {
		return false
	}
	if !s.Ask.waits() {
		return true
	}
	now := workflow.Now(ctx).UTC()
	s.Ask.Expired = &now
	if s.Ask.OnExpire == expireHold {
		r.stepLadder(ctx, s)
	}
	return true
}

// stepLadder pages people for a step that nobody has answered: with the step's policy, the incident's or
// the org's; without any, those who were asked, again and again.
func (r *run) stepLadder(ctx workflow.Context, rec *Step) *Ladder {
	id := clockOfStep(rec.Path)
	if l := r.ladder(id); l != nil {
		return l
	}
	step := r.stepOf(rec)
	policy := r.rules().Defaults.Policy
	if r.record.Incident != nil {
		policy = r.record.Incident.Level
	}
	if step != nil && step.Policy != "" {
		policy = step.Policy
	}
	due := workflow.Now(ctx).UTC()
	if c := r.clock(id); c != nil && c.Due.Before(due) {
		due = c.Due // its tiers are due from when the step was, however late that was noticed
	}
	l := &Ladder{ID: id, Cause: rec.Title + ": nobody has answered", Policy: policy, Due: due}
	if before := r.ladder(fmt.Sprintf("%s#%d", id, rec.Tries)); before != nil {
		l.Pages = before.Pages // no two pages have one number
	}
	if _, ok := r.rules().Policies[policy]; !ok {
		l.Policy, l.Page, l.Wait = "", r.asked(rec.Ask), r.patience(step)
	}
	r.record.Ladders = append(r.record.Ladders, l)
	r.nameNext(l)
	r.climb(ctx, l)
	r.showAttributes(ctx)
	return l
}

// patience is how often those who were asked are paged where no policy says it.
func (r *run) patience(s *sops.Step) sops.Duration {
	const otherwise = sops.Duration(15 * time.Minute)
	if s == nil {
		return otherwise
	}
	return orElse(orElse(s.Remind, s.Within), otherwise)
}
