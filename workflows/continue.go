package workflows

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/sops"
)

// errDraining unwinds the interpreter when the run is to continue as new. The record stays as it is:
// the next execution goes on from it.
var errDraining = errors.New("the run is about to continue as new")

// Carried is what one execution hands to the next: all of it, compressed, because a month of timeline
// must fit into one payload (2 MB).
type Carried struct {
	Gzip []byte `json:"gzip"`
}

type carriedState struct {
	Pin    Pinned  `json:"pin"`
	Record *Record `json:"record"`
	// Undo is there when a run that has ended is gone on with only to undo what it still owes.
	Undo *Deed `json:"undo,omitempty"`
}

// maxCarried keeps a margin below Temporal's limit of 2 MB a payload, base64 included.
const maxCarried = 1_400_000

// safePoint is passed before each step begins: here the run may halt to continue as new.
func (r *run) safePoint(ctx workflow.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if r.last {
		return nil
	}
	r.considerDraining(ctx)
	if r.draining {
		return errDraining
	}
	return nil
}

// considerDraining asks for a halt when Temporal suggests a new execution. Runs that this one waits for could
// not be carried over, so it goes on until they have ended.
func (r *run) considerDraining(ctx workflow.Context) {
	if !r.last && !r.draining && r.children == 0 && workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
		r.draining = true
	}
}

// await waits for something that people or other parts of the run bring about, or until the run is to
// continue as new.
func (r *run) await(ctx workflow.Context, holds func() bool) error {
	if err := workflow.Await(ctx, func() bool { return holds() || r.draining }); err != nil {
		return err
	}
	if !holds() {
		return errDraining
	}
	return nil
}

// stay holds up what must not begin when this execution is about to end; the next one does it.
func (r *run) stay(ctx workflow.Context) error {
	return workflow.Await(ctx, func() bool { return !r.leaving })
}

// leave brings to an end what this execution has begun and takes every message that has arrived: none may
// be lost between two executions.
func (r *run) leave(ctx workflow.Context) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	r.leaving = true
	for {
		r.takeMessages(ctx)
		_ = workflow.Await(ctx, func() bool { return r.busy == 0 && workflow.AllHandlersFinished(ctx) }) // can't be cancelled
		if !r.unread() {
			return
		}
	}
}

// unread says whether a signal has arrived that nobody has taken.
func (r *run) unread() bool {
	for _, in := range r.desk.in {
		if in.channel.Len() > 0 {
			return true
		}
	}
	return false
}

// continueAsNew hands the record to a new execution of the same run. It gives nil when the run has to go
// on where it is: because it was cancelled meanwhile (Temporal would not tell the next execution), or
// because the record is too large. Temporal ends an execution at 51,200 events; the suggestion comes long
// before.
func (r *run) continueAsNew(ctx workflow.Context) error {
	r.leave(ctx)
	defer func() { r.leaving = false }() // where it goes on in this execution
	r.draining, r.last = false, true
	if ctx.Err() != nil && r.record.Rollback == nil {
		return nil // whoever goes on meets the cancellation again
	}
	r.record.Continued++
	carried, err := pack(carriedState{Pin: r.pin, Record: r.record})
	if err == nil {
		return workflow.NewContinueAsNewError(ctx, workflow.GetInfo(ctx).WorkflowType.Name, r.input.raw, carried)
	}
	r.record.Continued--
	r.find(ctx, Finding{
		At: workflow.Now(ctx).UTC(), Severity: "warning", Check: "record",
		Text: "the record of this run can't be carried on to a new execution: " + err.Error(),
		Act:  "see that the run ends soon, and keep large outputs as artifacts: Temporal ends it at 51,200 events",
	})
	return nil
}

// resume takes over from the execution before.
func (r *run) resume(ctx workflow.Context, c *Carried) error {
	state, err := unpack(c)
	if err != nil {
		return permanent(ErrInput, "the second argument of a run is the engine's own: %v", err)
	}
	r.pin, r.record = state.Pin, state.Record
	if r.proc, err = r.engine.parse(r.pin); err != nil {
		return err
	}
	if !r.record.laidOutFor(r.proc) {
		return permanent(ErrInput, "the second argument of a run is the engine's own: its record is not one of %s", r.proc.ID)
	}
	if state.Undo != nil {
		return r.takeUp(ctx, state.Undo)
	}
	return nil
}

func pack(s carriedState) (*Carried, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	if len(data) > maxUnpacked {
		return nil, fmt.Errorf("it has grown to %d KiB", len(data)>>10)
	}
	var buf bytes.Buffer
	zip, err := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := zip.Write(data); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	if buf.Len() > maxCarried {
		return nil, fmt.Errorf("it has grown to %d KiB, %d KiB compressed", len(data)>>10, buf.Len()>>10)
	}
	return &Carried{Gzip: buf.Bytes()}, nil
}

// maxUnpacked bounds what packing and unpacking cost: a workflow task that works for longer than a second
// is taken for stuck.
const maxUnpacked = 16 << 20

func unpack(c *Carried) (carriedState, error) {
	var s carriedState
	zip, err := gzip.NewReader(bytes.NewReader(c.Gzip))
	if err != nil {
		return s, fmt.Errorf("unpack the record: %w", err)
	}
	d := json.NewDecoder(io.LimitReader(zip, maxUnpacked))
	d.UseNumber() // inputs and items are exact, however large a number
	if err := d.Decode(&s); err != nil {
		return s, fmt.Errorf("unpack the record: %w", err)
	}
	if s.Record == nil {
		return s, errors.New("unpack the record: there is none")
	}
	if s.Record.damaged() {
		return s, errors.New("unpack the record: parts of it are missing")
	}
	return s, nil
}

// laidOutFor says whether the record has the procedure's phases and steps, as every record has that the
// engine itself made.
func (rec *Record) laidOutFor(p *sops.Procedure) bool {
	fits := len(rec.Phases) == len(p.Phases) && sameSteps(rec.Finally, p.Finally)
	if rec.Rollback != nil {
		var then []sops.Step
		if p.Rollback != nil {
			then = p.Rollback.Then
		}
		fits = fits && sameSteps(rec.Rollback.Then, then)
	}
	for i := range p.Phases {
		fits = fits && rec.Phases[i] != nil && rec.Phases[i].ID == p.Phases[i].ID && sameSteps(rec.Phases[i].Steps, p.Phases[i].Steps)
	}
	return fits
}

// damaged says that something is null which no record of the engine's has so.
func (rec *Record) damaged() bool {
	var steps func([]*Step) bool
	steps = func(list []*Step) bool {
		return slices.ContainsFunc(list, func(s *Step) bool {
			return s == nil || steps(s.Steps) || slices.ContainsFunc(s.Items, func(i *Item) bool { return i == nil || steps(i.Steps) })
		})
	}
	return slices.ContainsFunc(rec.Phases, func(p *Phase) bool { return p == nil || steps(p.Steps) }) ||
		steps(rec.Finally) || steps(rec.Undo) || steps(rec.Questions) || rec.Rollback != nil && steps(rec.Rollback.Then) ||
		slices.Contains(rec.Clocks, nil) || slices.Contains(rec.Ladders, nil) || slices.Contains(rec.Pages, nil) || slices.Contains(rec.Telling, nil)
}

func sameSteps(recs []*Step, steps []sops.Step) bool {
	fits := len(recs) == len(steps)
	for i := range steps {
		if !fits || recs[i] == nil || recs[i].ID != steps[i].ID {
			return false
		}
		inner := steps[i].Children()
		if steps[i].Parallel != nil || recs[i].Steps != nil {
			fits = sameSteps(recs[i].Steps, inner)
		}
		for _, item := range recs[i].Items {
			fits = fits && item != nil && sameSteps(item.Steps, inner)
		}
	}
	return fits
}
