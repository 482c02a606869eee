package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"
)

// Window is a maintenance window that is open: a run of a procedure with a maintenance block.
type Window struct {
	WorkflowID string   `json:"workflow_id"`
	RunID      string   `json:"run_id"`
	Services   []string `json:"services"`
	// Root is the run that it is part of: itself, or the start of its schedule.
	Root  string    `json:"root,omitempty"`
	Until time.Time `json:"until"` // when its time is over, whether the run has ended or not
}

// WindowRequest asks whether a window is still open.
type WindowRequest struct {
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"`
}

// WindowState answers a WindowRequest.
type WindowState struct {
	Open  bool      `json:"open"`
	Until time.Time `json:"until,omitzero"` // as it is by now
}

// OpenWindow is what a run that is a maintenance window knows of it.
type OpenWindow struct {
	Services []string     `json:"services"`
	Until    time.Time    `json:"until"`
	Alerts   []*AlertSeen `json:"alerts,omitempty"` // what would have paged people
}

// HeldBack says that an incident does not page because of a maintenance window.
type HeldBack struct {
	Window Window     `json:"window"`
	Since  time.Time  `json:"since"`
	Ended  *time.Time `json:"ended,omitempty"`
	Why    string     `json:"why,omitempty"` // it ended
}

// windowPoll is how often a held-back incident looks whether the window is still open: that is how late it may
// page after the maintenance has ended early.
const windowPoll = time.Minute

// maxWindowAlerts bounds the incidents that a window keeps.
const maxWindowAlerts = 100

// declareWindow opens the window of a run with a maintenance block. A drill holds nothing back.
func (r *run) declareWindow(ctx workflow.Context) error {
	block := r.proc.Maintenance
	if block == nil || r.record.Drill {
		return nil
	}
	value, err := block.Services.Eval(r.scope(ctx, nil))
	if err != nil {
		return expressionError("maintenance: services", err)
	}
	items, _ := value.([]any)
	w := &OpenWindow{Until: r.record.Started.Add(time.Duration(r.proc.Within))}
	for _, item := range items {
		s, ok := item.(string)
		if !ok || s == "" || slices.Contains(w.Services, s) {
			continue
		}
		if err := r.knownServices([]string{s}); err != nil && r.pin.Rules != nil {
			r.find(ctx, Finding{At: r.record.Started, Severity: "warning", Check: "maintenance", Text: "nothing is held back for it: " + cause(err),
				Act: "name the services that this maintenance is of as org.yaml does"})
			continue
		}
		w.Services = append(w.Services, s)
	}
	r.record.Window = w
	return nil
}

// showWindow lets incidents find the window.
func (r *run) showWindow(ctx workflow.Context) {
	w := r.record.Window
	if w == nil || r.record.Continued > 0 {
		return
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, AttrServices.ValueSet(w.Services), AttrMaintenance.ValueSet(w.Until)); err != nil {
		workflow.GetLogger(ctx).Warn("search attributes not updated", "error", err)
	}
	r.event(ctx, Event{Kind: "run", Text: fmt.Sprintf("maintenance of %s until %s: incidents of these are held back", orElse(strings.Join(w.Services, ", "), "nothing"), r.record.dueTime(w.Until))})
}

// moveWindow keeps the window open for as long as the run is given.
func (r *run) moveWindow(ctx workflow.Context, c *Clock) {
	w := r.record.Window
	if w == nil || c.ID != clockOfRun {
		return
	}
	w.Until = c.Due
	if err := workflow.UpsertTypedSearchAttributes(ctx, AttrMaintenance.ValueSet(w.Until)); err != nil {
		workflow.GetLogger(ctx).Warn("search attributes not updated", "error", err)
	}
}

// alertInWindow notes an incident that is held back because of this run.
func (r *run) alertInWindow(ctx workflow.Context, m Alert) (Answer, error) {
	if r.record.State.Done() {
		return Answer{}, refused("too late: the run has %s", r.record.State)
	}
	w, now := r.record.Window, workflow.Now(ctx).UTC()
	i := slices.IndexFunc(w.Alerts, func(a *AlertSeen) bool { return a.Key == m.Key })
	switch {
	case i >= 0 && w.Alerts[i].Status == m.Status:
		w.Alerts[i].Last, w.Alerts[i].Count = now, w.Alerts[i].Count+1
		return Answer{Now: "it is known"}, nil
	case i >= 0:
		w.Alerts[i].Status, w.Alerts[i].Last = m.Status, now
	case len(w.Alerts) >= maxWindowAlerts:
		return Answer{}, refused("%d incidents are held back already", maxWindowAlerts)
	default:
		w.Alerts = append(w.Alerts, &AlertSeen{
			Key: m.Key, Status: m.Status, Summary: shorten(oneLine(m.Summary), maxSummary), Labels: bounded(m.Labels), First: now, Last: now, Count: 1,
		})
	}
	if m.Status == AlertFiring {
		r.find(ctx, Finding{
			At: now, Severity: "warning", Check: "maintenance", Text: "held back until this has ended: " + shorten(oneLine(orElse(m.Summary, m.Key)), maxSummary),
			Act: "see whether the maintenance is what causes it; to page now: " + Command("orderly", "escalate", m.Key),
		})
	} else {
		r.event(ctx, Event{Kind: "alert", Text: "no longer held back: " + m.Key})
	}
	r.checklist()
	return Answer{Now: "noted: it is held back until the maintenance has ended", Changed: true}, nil
}

// awaitWindow keeps an incident quiet as long as all of its services are under maintenance. It is about to page
// as soon as the maintenance has ended or its time is over, somebody takes the incident on or escalates it, or
// it is graver than what may wait.
func (r *run) awaitWindow(ctx workflow.Context) {
	inc := r.record.Incident
	if inc == nil || len(r.record.Ladders) > 0 || inc.State.Over() {
		return
	}
	if inc.HeldBack == nil {
		w := r.windowFor(ctx)
		if w == nil || !r.reportToWindow(ctx, w, AlertFiring) {
			return
		}
		inc.HeldBack, inc.Since = &HeldBack{Window: *w, Since: workflow.Now(ctx).UTC()}, r.record.Started
		r.record.Board = &Board{}
		r.event(ctx, Event{Kind: "incident", Text: fmt.Sprintf("held back until %s at the latest: %s is under maintenance (%s)",
			r.record.dueTime(w.Until), strings.Join(inc.Services, ", "), w.WorkflowID)})
		r.checklist()
	}
	for r.heldBack() {
		next := workflow.Now(ctx).Add(windowPoll)
		if until := inc.HeldBack.Window.Until; until.Before(next) {
			next = until
		}
		freed := func() bool { return !r.heldBack() || inc.State != IncidentOpen || !r.mayWait() }
		freedNow, err := r.awaitUntil(ctx, next, "is it still under maintenance?", freed)
		switch {
		case err != nil:
			r.release(ctx, "the run was cancelled")
		case freedNow && r.heldBack():
			r.release(ctx, "it is "+strings.TrimSpace(inc.Severity+" "+string(inc.State)))
		case !r.heldBack():
		case !r.windowOpen(ctx):
			r.release(ctx, "the maintenance has ended")
			r.resolveQuiet(ctx)
		case !workflow.Now(ctx).Before(inc.HeldBack.Window.Until):
			r.release(ctx, "the time of the maintenance is over")
			r.resolveQuiet(ctx)
		}
	}
	// Nothing waits for this: what has begun to page by now must not be begun again.
	steady, _ := workflow.NewDisconnectedContext(ctx)
	workflow.GoNamed(steady, "no longer held back", func(ctx workflow.Context) {
		r.reportToWindow(ctx, &inc.HeldBack.Window, AlertResolved)
	})
}

// neededNobody says that an incident was over before anybody was called: its steps are not taken.
func (r *run) neededNobody() bool {
	inc := r.record.Incident
	return inc != nil && inc.HeldBack != nil && inc.State.Over() && len(r.record.Ladders) == 0
}

// heldBack says whether the incident is kept from paging.
func (r *run) heldBack() bool {
	inc := r.record.Incident
	return inc != nil && inc.HeldBack != nil && inc.HeldBack.Ended == nil
}

// release lets the incident page.
func (r *run) release(ctx workflow.Context, why string) {
	inc, now := r.record.Incident, workflow.Now(ctx).UTC()
	inc.HeldBack.Ended, inc.HeldBack.Why = &now, why
	r.event(ctx, Event{Kind: "incident", Text: "no longer held back: " + why})
	r.checklist()
}

// resolveQuiet resolves an incident whose alerts were over before the maintenance was: it needs nobody.
func (r *run) resolveQuiet(ctx workflow.Context) {
	inc := r.record.Incident
	if len(inc.Alerts) == 0 || !inc.quiet() || inc.State != IncidentOpen {
		return
	}
	inc.Resolved = &Deed{At: workflow.Now(ctx).UTC(), Text: "all alerts were over before the maintenance had ended"}
	inc.State = IncidentResolved
	r.event(ctx, Event{Kind: "incident", Text: "resolved: " + inc.Resolved.Text})
}

// letGo is what an escalation does to an incident that is held back.
func (r *run) letGo(ctx workflow.Context, by Party, reason string) Answer {
	text := "escalated by " + by.Name
	if reason != "" {
		text += ": " + reason
	}
	r.release(ctx, text)
	return Answer{Now: "it is no longer held back: people are being paged", Changed: true, By: by.Name}
}

// windowFor is an open window that all the services of the incident are in; nil without one. What the maintenance
// itself has started, it does not hold back.
func (r *run) windowFor(ctx workflow.Context) *Window {
	inc, now, info := r.record.Incident, workflow.Now(ctx), workflow.GetInfo(ctx)
	if len(inc.Services) == 0 || r.record.Drill || !r.mayWait() {
		return nil
	}
	for i, w := range r.pin.Windows {
		outside := func(s string) bool { return !slices.Contains(w.Services, s) }
		root := info.RootWorkflowExecution
		own := w.WorkflowID == r.record.By || root != nil && (root.ID == w.WorkflowID || root.ID == w.Root)
		if w.Until.After(now) && !own && !slices.ContainsFunc(inc.Services, outside) {
			return &r.pin.Windows[i]
		}
	}
	return nil
}

// mayWait says that the incident is not of the highest level, which is never held back.
func (r *run) mayWait() bool { return r.rules().Policies[r.record.Incident.Level].Next != "" }

// reportToWindow tells the maintenance run of the incident, and says whether it took it.
func (r *run) reportToWindow(ctx workflow.Context, w *Window, status string) bool {
	inc := r.record.Incident
	m := Alert{Key: r.record.WorkflowID, Status: status, Summary: inc.Summary, Labels: map[string]string{"services": strings.Join(inc.Services, ","), "level": inc.Level}}
	return workflow.SignalExternalWorkflow(ctx, w.WorkflowID, w.RunID, MessageAlert, m).Get(ctx, nil) == nil
}

// windowOpen asks whether the maintenance goes on. When that can't be found out, it does not: people are paged.
func (r *run) windowOpen(ctx workflow.Context) bool {
	w := r.record.Incident.HeldBack.Window
	var state WindowState
	request := WindowRequest{WorkflowID: w.WorkflowID, RunID: w.RunID}
	err := workflow.ExecuteLocalActivity(local(ctx, "is it still under maintenance?", 2), ActivityWindow, request).Get(ctx, &state)
	if state.Until.After(w.Until) {
		r.record.Incident.HeldBack.Window.Until = state.Until // it was given more time
	}
	return err == nil && state.Open
}

// listWindow says what is held back, or by what.
func (rec *Record) listWindow(b *strings.Builder) {
	if w := rec.Window; w != nil {
		fmt.Fprintf(b, "\n🔧 Maintenance of %s until %s\n", escape(strings.Join(w.Services, ", ")), rec.dueTime(w.Until))
		for _, a := range w.Alerts {
			fmt.Fprintf(b, "\n- held back: %s (%s)", escape(a.title()), escape(a.Status))
		}
		if len(w.Alerts) > 0 {
			b.WriteString("\n")
		}
	}
	if inc := rec.Incident; inc != nil && inc.HeldBack != nil && inc.HeldBack.Ended == nil {
		fmt.Fprintf(b, "\n🔧 Held back until %s at the latest by %s\n", rec.dueTime(inc.HeldBack.Window.Until), escape(inc.HeldBack.Window.WorkflowID))
	}
}
