package workflows

import (
	"errors"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/sops"
)

// run is one execution of a procedure while it is in a worker's memory. Everything that has to survive
// is in record; the rest can be made again from it.
type run struct {
	engine *Engine
	input  startInput
	pin    Pinned
	proc   *sops.Procedure
	record *Record

	phase    string                         // id of the phase that runs, for the timeline
	changed  bool                           // the checklist is out of date
	draining bool                           // no new step begins: the run is about to continue as new
	last     bool                           // no continuing as new any more: the last steps run, or it is not possible
	message  message                        // what the current workflow task gives away
	children int                            // runs waited for; they would be lost by continuing as new
	clocks   map[string]workflow.CancelFunc // the timers behind open clocks, by clock id
	desk     desk
	ready    bool                // the record is there: messages can be taken
	leaving  bool                // this execution is about to end: nothing begins that it could not finish
	busy     int                 // pages that are being handed out
	stuck    int                 // those of them that could not be, and are about to be tried again
	steps    workflow.Context    // of the steps
	cancel   workflow.CancelFunc // of the steps
	rooming  bool                // somebody looks after the incident's own channel
	opening  bool                // it is being opened
	shown    map[string]any      // search attributes as they were written last
	// reminding are the paths of the steps whose people are reminded.
	reminding map[string]bool
	quit      bool                // it was aborted while its last steps ran: nobody is asked any more
	ending    bool                // its last steps run
	unsaved   bool                // the journal could not be reached the last time
	halting   workflow.CancelFunc // of the steps alone, while they run
	saves     saves
	keeping   keeping
	outliving []Child             // runs that it waited for when it was terminated
	ceasing   workflow.CancelFunc // of the steps that follow the undo, while they run
	outcome   State               // what the run comes to, as its last steps see it
	next      *Alert              // what fired when it was too late for this run
	first     *Alert              // what fired when it was too late for the run before
}

// begin pins the procedure, checks the inputs and lays out the record.
func (r *run) begin(ctx workflow.Context) error {
	pin, err := load(ctx)
	if err != nil {
		return err
	}
	r.pin = pin
	if r.proc, err = r.engine.parse(pin); err != nil {
		return err
	}
	if needsRules(r.proc) && pin.Rules == nil {
		return permanent(ErrProcedure, "%s pages or asks people, but there is no org.yaml that says who they are", r.proc.ID)
	}
	inputs, err := r.proc.CheckInputs(r.input.inputs)
	if err != nil {
		return permanent(ErrInput, "%s: %v", r.proc.ID, err)
	}
	key := r.input.key
	if key == "" {
		if key, err = r.proc.RunKey(inputs, workflow.Now(ctx)); err != nil {
			return permanent(ErrInput, "%s: key: %v", r.proc.ID, err)
		}
	}
	if err := CheckKey(key); err != nil {
		return permanent(ErrInput, "%s: %v", r.proc.ID, err)
	}
	r.record = newRecord(r.engine.version, r.proc, pin)
	info := workflow.GetInfo(ctx)
	r.record.WorkflowID, r.record.RunID = info.WorkflowExecution.ID, info.WorkflowExecution.RunID
	r.record.Key, r.record.By, r.record.Drill = key, r.input.by, r.input.drill
	r.record.Inputs, r.record.Requester = inputs, r.input.requester
	r.record.Rules = r.rules().Digest
	r.record.Started = workflow.Now(ctx).UTC()
	if err := r.declare(ctx); err != nil {
		return err
	}
	if err := r.declareWindow(ctx); err != nil {
		return err
	}
	r.event(ctx, Event{Kind: "run", By: r.record.By, Text: startText(r.record)})
	return nil
}

// execute carries the procedure out, keeps the record, and says how it ended.
func (r *run) execute(ctx workflow.Context) (*Summary, error) {
	r.clocks = map[string]workflow.CancelFunc{}
	ctx, r.cancel = workflow.WithCancel(ctx)
	r.steps = ctx
	r.showChecklist(ctx)
	r.beginKeeping(ctx)
	r.rearmClocks(ctx)
	r.showWindow(ctx)
	r.awaitWindow(ctx)
	r.attendPeople(ctx)
	err := r.body(ctx)
	if errors.Is(err, errDraining) {
		if next := r.continueAsNew(ctx); next != nil {
			return nil, next
		}
		err = r.body(ctx)
	}
	// What comes last is done whatever happened, cancellation included.
	last, _ := workflow.NewDisconnectedContext(ctx)
	if r.record.Failure == nil {
		r.record.Failure = failureOf(err)
	}
	if r.incidentOpen() { // it was cancelled: nobody is paged for it any more
		r.event(last, Event{Kind: "incident", Text: "given up: the run was cancelled"})
		r.closeIncident(last, IncidentAborted)
	}
	r.outcome = outcome(err)
	if err == nil && r.record.Aborted != nil {
		r.outcome = Cancelled
	}
	r.end(last, err, r.finally(last))
	r.lastWords(last)
	r.takeMessages(last)
	if err := r.attributes(last); err != nil {
		workflow.GetLogger(ctx).Warn("search attributes not updated", "error", err)
	}
	r.save(last)
	r.takeMessages(last)
	if r.next != nil {
		return nil, workflow.NewContinueAsNewError(last, workflow.GetInfo(ctx).WorkflowType.Name, r.input.raw, nil, r.next)
	}
	return r.result(err)
}

// body is all that a run does but for its last steps. An incident stays open until somebody resolves it.
func (r *run) body(ctx workflow.Context) error {
	err := r.stoppedBefore()
	if err == nil && !r.neededNobody() {
		err = r.steer(ctx)
	}
	if errors.Is(err, errDraining) {
		return err
	}
	if err = r.rollBackAfter(ctx, err); errors.Is(err, errDraining) {
		return err
	}
	err = r.awaitResolved(ctx, err)
	if errors.Is(err, errDraining) || r.record.Rollback != nil {
		return err
	}
	return r.rollBackAfter(ctx, err) // an incident may be aborted when its steps have ended
}

// stoppedBefore is what ended the steps in an earlier execution.
func (r *run) stoppedBefore() error {
	f, rb := r.record.Failure, r.record.Rollback
	switch {
	case f == nil && rb != nil && rb.Cancelled:
		return temporal.NewCanceledError()
	case f == nil && rb != nil:
		f = &rb.Why
	case f == nil:
		return nil
	}
	return &stepError{Phase: f.Phase, Step: f.Step, Cause: errors.New(f.Message)}
}

// steer runs the steps, which the run itself ends when their time is over.
func (r *run) steer(ctx workflow.Context) error {
	ctx, r.halting = workflow.WithCancel(ctx)
	if r.record.Halted != nil { // in the execution before: what was under way is seen to its end
		r.halting()
	}
	for _, c := range r.record.Clocks {
		if c.running() && c.Breached != nil {
			r.halt(ctx, c) // its time was over between two executions
		}
	}
	err := r.phases(ctx)
	r.halting = nil
	return r.halted(err)
}

// phases runs the phases in order; the run's own clock covers them all.
func (r *run) phases(ctx workflow.Context) error {
	r.startClock(ctx, clockOfRun, "the run", r.record.Started, r.proc.Within)
	root := r.rootFrame()
	for i := range r.proc.Phases {
		if err := r.runPhase(ctx, &r.proc.Phases[i], r.record.Phases[i], root); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) runPhase(ctx workflow.Context, p *sops.Phase, rec *Phase, root *frame) error {
	if rec.State.Done() {
		return nil
	}
	r.phase = p.ID
	if rec.State == Pending {
		holds, err := r.condition(ctx, p.If, root)
		if err != nil {
			now := workflow.Now(ctx).UTC()
			rec.State, rec.Started, rec.Ended = Failed, &now, &now
			r.event(ctx, Event{Kind: "phase", Text: rec.Title + ": failed: " + cause(err)})
			return &stepError{Phase: p.ID, Cause: err}
		}
		if !holds {
			r.skipPhase(ctx, p, rec)
			return nil
		}
		now := workflow.Now(ctx).UTC()
		rec.State, rec.Started = Running, &now
		r.event(ctx, Event{Kind: "phase", Text: rec.Title + ": started"})
		if err := r.attributes(ctx); err != nil {
			return err
		}
		r.startClock(ctx, clockOfPhase(p.ID), rec.Title, now, p.Within)
	}
	err := r.sequence(ctx, p.Steps, rec.Steps, root)
	if errors.Is(err, errDraining) {
		return err
	}
	now := workflow.Now(ctx).UTC()
	rec.State, rec.Ended = outcome(err), &now
	r.event(ctx, Event{Kind: "phase", Text: rec.Title + ": " + ended(rec.State, rec.Started, now)})
	r.stopClock(ctx, clockOfPhase(p.ID), err == nil)
	r.checklist()
	if len(r.record.Undo) > 0 {
		r.saveMeanwhile(ctx)
	}
	return err
}

func (r *run) skipPhase(ctx workflow.Context, p *sops.Phase, rec *Phase) {
	rec.State = Skipped
	skipAll(rec.Steps, "its phase was skipped")
	r.event(ctx, Event{Kind: "phase", Text: rec.Title + ": skipped, because its condition does not hold: " + p.If.Source})
	r.checklist()
}

// finally runs the last steps: all of them, whatever became of the ones before. They are carried out in
// the execution that they began in: a run does not continue as new here, so that a cancellation or
// failure needs no way across.
func (r *run) finally(ctx workflow.Context) error {
	r.last, r.ending = true, true
	if len(r.proc.Finally) > 0 {
		r.phase = "finally"
	}
	root := r.rootFrame()
	var first error
	for i := range r.proc.Finally {
		if err := r.step(ctx, &r.proc.Finally[i], r.record.Finally[i], root); first == nil {
			first = err
		}
	}
	return first
}

// end settles the run's state. A failure of the last steps fails a run that had gone well.
func (r *run) end(ctx workflow.Context, err, finally error) {
	rec := r.record
	if err == nil && finally != nil {
		err = finally
		rec.Failure = failureOf(finally)
	}
	if err == nil && rec.Aborted != nil {
		err = temporal.NewCanceledError()
	}
	now := workflow.Now(ctx).UTC()
	rec.State, rec.Ended = outcome(err), &now
	r.countRun(ctx)
	r.closeLadders(ctx)
	r.stopAllClocks(ctx, err == nil)
	text := rec.Title + ": " + ended(rec.State, &rec.Started, now)
	switch {
	case rec.Failure != nil:
		text += ": " + rec.Failure.String()
	case rec.Aborted != nil:
		text += ": aborted by " + rec.Aborted.By.Name + ": " + rec.Aborted.Text
	}
	r.event(ctx, Event{Kind: "run", Text: text})
	workflow.SetCurrentDetails(ctx, rec.Checklist())
}

// result is what Temporal is told: a summary, a cancellation, or a failure that names phase, step and
// cause.
func (r *run) result(err error) (*Summary, error) {
	switch r.record.State {
	case Succeeded:
		s := r.record.Summary()
		return &s, nil
	case Cancelled:
		if temporal.IsCanceledError(err) {
			return nil, err
		}
		return nil, temporal.NewCanceledError(r.record.Summary())
	default:
		return nil, temporal.NewNonRetryableApplicationError(r.record.Failure.String(), ErrStep, nil, r.record.Summary())
	}
}

// outcome is the state that an error leads to.
func outcome(err error) State {
	switch {
	case err == nil:
		return Succeeded
	case temporal.IsCanceledError(err):
		return Cancelled
	default:
		return Failed
	}
}

// newRecord lays out a record: every phase and step is in it from the start, so that whoever watches
// sees what is still to come.
func newRecord(version string, p *sops.Procedure, pin Pinned) *Record {
	rec := &Record{
		Engine: version, Procedure: p.ID, Title: p.Title, File: pin.File, Digest: pin.Digest,
		State: Running, Finally: newSteps(p.Finally, ""), Timeline: []Event{},
	}
	for i := range p.Phases {
		phase := &p.Phases[i]
		rec.Phases = append(rec.Phases, &Phase{
			ID: phase.ID, Title: phase.Name(), State: Pending, Steps: newSteps(phase.Steps, ""),
		})
	}
	return rec
}

func newSteps(steps []sops.Step, prefix string) []*Step {
	out := make([]*Step, 0, len(steps))
	for i := range steps {
		s := &steps[i]
		rec := &Step{ID: s.ID, Path: prefix + s.ID, Title: s.Name(), Kind: string(s.Kind()), State: Pending}
		switch s.Kind() {
		case sops.KindUses:
			rec.Action = s.Uses
		case sops.KindRun, sops.KindStart:
			rec.Action = s.Run + s.Start
		case sops.KindParallel:
			rec.Steps = newSteps(s.Parallel, prefix)
		}
		out = append(out, rec)
	}
	return slices.Clip(out)
}

func startText(rec *Record) string {
	text := rec.Title + ": started"
	if rec.By != "" {
		text += " by " + rec.By
	}
	if rec.Drill {
		text += " as a drill"
	}
	return text
}

// ended says how and after how long something ended.
func ended(s State, started *time.Time, now time.Time) string {
	if started == nil {
		return string(s)
	}
	return string(s) + " after " + took(now.Sub(*started))
}
