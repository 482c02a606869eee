package workflows

import (
	"encoding/json"
	"time"

	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// event writes a line of the timeline.
func (r *run) event(ctx workflow.Context, e Event) {
	e.At = workflow.Now(ctx).UTC()
	if e.Phase == "" {
		e.Phase = r.phase
	}
	r.record.addEvent(e)
	r.announce(e)
}

// saveFor is how long a run waits for the journal at its end before it ends without.
const saveFor = 10 * time.Minute

// save keeps the record in the journal. A journal that is away must not hold a finished run up for
// ever (the next health check would be skipped): the record stays in Temporal in any case.
func (r *run) save(ctx workflow.Context) {
	_ = workflow.Await(ctx, func() bool { return !r.saves.busy })
	err := r.saveOnce(ctx, saveAttempts)
	if err == nil {
		return
	}
	// Whoever watches must see why a run that has ended well is still open.
	r.event(ctx, Event{Kind: "run", Text: "its record could not be kept in the journal yet; tried again for " + took(saveFor) + ": " + cause(err)})
	options := workflow.ActivityOptions{
		ActivityID:             "orderly.save",
		ScheduleToCloseTimeout: saveFor,
		StartToCloseTimeout:    ownTimeout,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 30 * time.Second},
		Summary:                "Keep the record",
	}
	// This argument goes through Temporal, so it has to be small enough; the one above does not.
	fitting, err := r.record.fitting()
	if err == nil {
		err = workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), ActivitySave, fitting).Get(ctx, nil)
	}
	if err != nil {
		logger := log.With(workflow.GetLogger(ctx), "run", r.record.WorkflowID)
		logger.Error("the record could not be kept in the journal", "error", cause(err))
		r.event(ctx, Event{Kind: "run", Text: "the record could not be kept in the journal: " + cause(err)})
	}
}

// saves puts the records that are kept while the run goes on in order: an older one must not come last.
type saves struct {
	wanted, done int
	busy         bool
	last         time.Time
}

// Up to so many undo entries the record is kept at each; beyond that so often at most.
const (
	maxSavedEach = 50
	savePause    = 5 * time.Second
)

// saveOnce gives the journal the record as it is at this moment: encoded here, because a local activity is handed
// its arguments as they are, and the run goes on beside it.
func (r *run) saveOnce(ctx workflow.Context, attempts int32) error {
	r.record.Revision++
	data, err := json.Marshal(r.record)
	if err != nil {
		return err
	}
	return workflow.ExecuteLocalActivity(local(ctx, "Keep the record", attempts), ActivitySave, json.RawMessage(data)).Get(ctx, nil)
}

// saveMeanwhile keeps the record while the run goes on, so that what it still has to undo is known even if
// Temporal's own memory of it were lost. A journal that is away holds nothing up.
func (r *run) saveMeanwhile(ctx workflow.Context) {
	now := workflow.Now(ctx)
	if len(r.record.Undo) > maxSavedEach && now.Sub(r.saves.last) < savePause {
		return // Temporal has it; a large record is not written a thousand times
	}
	r.saves.last = now
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	r.saves.wanted++
	mine := r.saves.wanted
	if workflow.Await(ctx, func() bool { return !r.saves.busy }) != nil || r.saves.done >= mine {
		return // one that began later has taken this along
	}
	r.saves.busy, mine = true, r.saves.wanted
	err := r.saveOnce(ctx, 1)
	r.saves.busy, r.saves.done = false, mine
	if err != nil && !r.unsaved {
		r.event(ctx, Event{Kind: "run", Text: "its record could not be kept in the journal for now: " + cause(err)})
	}
	r.unsaved = err != nil
}

// Summary is the short form of the record that is a run's result.
func (rec *Record) Summary() Summary {
	s := Summary{
		Procedure: rec.Procedure, State: rec.State, Started: rec.Started, Digest: rec.Digest,
		Failure: rec.Failure, Incident: rec.Incident.summary(),
	}
	s.Findings, s.FindingsLeftOut = rec.listed()
	if rec.Rollback != nil {
		s.Undone, s.Left = rec.undoneAndLeft()
	}
	if rec.Ended != nil {
		s.Ended = *rec.Ended
	}
	for _, p := range rec.Phases {
		s.Steps.add(p.Steps)
	}
	s.Steps.add(rec.Finally)
	for _, c := range rec.Clocks {
		if c.Breached != nil && len(s.Breached) < maxListed {
			s.Breached = append(s.Breached, c.ID)
		}
	}
	return s
}

func (t *Tally) add(steps []*Step) {
	for _, s := range steps {
		switch s.State {
		case Succeeded:
			t.Succeeded++
		case Failed:
			t.Failed++
		case Skipped:
			t.Skipped++
		}
		t.add(s.Steps)
		for _, item := range s.Items {
			t.add(item.Steps)
		}
	}
}

// Updated is when the record last changed, in the run's own time.
func (rec *Record) Updated() time.Time {
	if n := len(rec.Timeline); n > 0 {
		return rec.Timeline[n-1].At
	}
	return rec.Started
}
