package workflows

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"go.temporal.io/sdk/workflow"
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
}

// maxCarried keeps a margin below Temporal's limit of 2 MB a payload, base64 included.
const maxCarried = 1_400_000

// safePoint is passed before each step. It asks for a halt when Temporal suggests a new execution; runs
// that this one waits for could not be carried over, so it goes on until they have ended.
func (r *run) safePoint(ctx workflow.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if r.last {
		return nil
	}
	if !r.draining && r.children == 0 && workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
		r.draining = true
	}
	if r.draining {
		return errDraining
	}
	return nil
}

// continueAsNew hands the record to a new execution of the same run.
func (r *run) continueAsNew(ctx workflow.Context) error {
	r.record.Continued++
	carried, err := pack(carriedState{Pin: r.pin, Record: r.record})
	if err != nil {
		return err
	}
	if len(carried.Gzip) > maxCarried {
		return permanent("RecordTooLarge", "the record of this run has grown to %d bytes compressed; more than %d can't be "+
			"carried on: keep large outputs as artifacts", len(carried.Gzip), maxCarried)
	}
	return workflow.NewContinueAsNewError(ctx, workflow.GetInfo(ctx).WorkflowType.Name, r.input.raw, carried)
}

// resume takes over from the execution before.
func (r *run) resume(_ workflow.Context, c *Carried) error {
	state, err := unpack(c)
	if err != nil {
		return permanent(ErrInput, "the second argument of a run is the engine's own: %v", err)
	}
	r.pin, r.record = state.Pin, state.Record
	r.proc, err = r.engine.parse(r.pin)
	return err
}

func pack(s carriedState) (*Carried, error) {
	var buf bytes.Buffer
	zip := gzip.NewWriter(&buf)
	if err := json.NewEncoder(zip).Encode(s); err != nil {
		return nil, fmt.Errorf("pack the record: %w", err)
	}
	if err := zip.Close(); err != nil {
		return nil, fmt.Errorf("pack the record: %w", err)
	}
	return &Carried{Gzip: buf.Bytes()}, nil
}

// maxUnpacked bounds what a made-up second argument can cost.
const maxUnpacked = 64 << 20

func unpack(c *Carried) (carriedState, error) {
	var s carriedState
	zip, err := gzip.NewReader(bytes.NewReader(c.Gzip))
	if err != nil {
		return s, fmt.Errorf("unpack the record: %w", err)
	}
	if err := json.NewDecoder(io.LimitReader(zip, maxUnpacked)).Decode(&s); err != nil {
		return s, fmt.Errorf("unpack the record: %w", err)
	}
	if s.Record == nil {
		return s, errors.New("unpack the record: there is none")
	}
	return s, nil
}
