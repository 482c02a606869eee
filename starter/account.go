package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/grpc/codes"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/journal"
	write "github.com/orderly-ops/orderly/internal/report"
	"github.com/orderly-ops/orderly/workflows"
)

// errNoWorker says that nobody answers queries: the run itself may be fine. A worker that is in the middle
// of something, such as waiting for the journal, does not answer either.
var errNoWorker = errors.New("no worker is answering for the run: is one running (`make run`, or bin/worker), or is it busy?")

// errNoRecord says that the run failed before it had a record: its start input or procedure was refused.
var errNoRecord = errors.New("the run has no record: it ended before its procedure was read")

// status asks the run itself for its record.
func (c *cluster) status(ctx context.Context, workflowID, runID string) (*workflows.Record, error) {
	value, err := c.query(ctx, workflowID, runID, workflows.QueryStatus)
	if err != nil {
		return nil, err
	}
	var r workflows.Record
	if err := value.Get(&r); err != nil {
		return nil, fmt.Errorf("read the record of %s: %w", workflowID, err)
	}
	if r.Procedure == "" {
		return nil, errNoRecord
	}
	return &r, nil
}

func (c *cluster) query(ctx context.Context, workflowID, runID, name string) (converter.EncodedValue, error) {
	within, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	value, err := c.QueryWorkflow(within, workflowID, runID, name)
	if err == nil {
		return value, nil
	}
	if err = queryError(err); !errors.Is(err, errNoWorker) {
		return nil, err
	}
	// Without a connection a question runs out of time as well, and then it is not for want of a worker.
	if down := c.health(ctx); down != nil {
		return nil, down
	}
	return nil, err
}

// health says why Temporal itself does not answer, nil when it does.
func (c *cluster) health(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, calm)
	defer cancel()
	_, err := c.CheckHealth(ctx, &client.CheckHealthRequest{})
	return err
}

func queryError(err error) error {
	var refused *serviceerror.QueryFailed
	var notReady *serviceerror.WorkflowNotReady // its workflow task keeps failing: that is worth reading
	switch {
	case errors.As(err, &refused):
		return fmt.Errorf("%w (%s)", errNoRecord, refused.Error())
	case errors.As(err, &notReady):
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return errNoWorker
	}
	switch serviceerror.ToStatus(err).Code() {
	case codes.DeadlineExceeded, codes.FailedPrecondition:
		return errNoWorker
	default:
		return err
	}
}

// opening is what the first event of a run says: it needs no worker.
type opening struct {
	firstRunID string // of the first execution, should this one have continued it
	by         string
	drill      bool
	key        string
	input      json.RawMessage
	// carried is what an earlier execution handed on: it continued as new, or a run that had ended is undone.
	carried *workflows.Carried
}

// recordRunID is the run id under which the record is kept: that of the run which this one goes on with, if it
// does with one that had ended.
func (o opening) recordRunID(own string) string {
	if o.carried != nil {
		if r, err := o.carried.Record(); err == nil {
			return r.RunID
		}
	}
	return cmp.Or(o.firstRunID, own)
}

func (c *cluster) opening(ctx context.Context, workflowID, runID string) (opening, error) {
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	events := c.GetWorkflowHistory(ctx, workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	if !events.HasNext() {
		return opening{}, fmt.Errorf("run %s has no history", workflowID)
	}
	ev, err := events.Next()
	if err != nil {
		return opening{}, err
	}
	at := ev.GetWorkflowExecutionStartedEventAttributes()
	o := opening{firstRunID: at.GetFirstExecutionRunId()}
	if converter.GetDefaultDataConverter().FromPayloads(at.GetInput(), &o.input, &o.carried) != nil {
		o.carried = nil // somebody else's
	}
	var input map[string]json.RawMessage
	if json.Unmarshal(o.input, &input) == nil {
		_ = json.Unmarshal(input[workflows.InputBy], &o.by)
		_ = json.Unmarshal(input[workflows.InputDrill], &o.drill)
		_ = json.Unmarshal(input[workflows.InputKey], &o.key)
	}
	return o, nil
}

// record is the run's account: from the run itself, or from the journal when it is over and its worker
// is gone.
func (a *app) record(ctx context.Context, cfg *config.Config, c *cluster, info *workflowpb.WorkflowExecutionInfo) (*workflows.Record, error) {
	ex := info.GetExecution()
	r, err := c.status(ctx, ex.GetWorkflowId(), ex.GetRunId())
	if err == nil || isOpen(info) {
		return r, err
	}
	first := ex.GetRunId()
	if o, openErr := c.opening(ctx, ex.GetWorkflowId(), ex.GetRunId()); openErr == nil {
		first = o.recordRunID(first)
	}
	kept, keptErr := fromJournal(ctx, cfg, ex.GetWorkflowId(), first)
	if keptErr != nil {
		return nil, fmt.Errorf("%w; the journal does not help either: %w", err, keptErr)
	}
	a.say("%v; this is the journal's record", err)
	return kept, nil
}

// fromJournal reads a run's record from the maintenance log. An empty runID means the newest run.
func fromJournal(ctx context.Context, cfg *config.Config, workflowID, runID string) (*workflows.Record, error) {
	dsn := cfg.Journal.DSN.Reveal()
	if !strings.Contains(dsn, "://") {
		if _, err := os.Stat(dsn); err != nil {
			return nil, fmt.Errorf("there is no journal at %s", dsn)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	j, err := journal.Open(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defer func() { _ = j.Close() }()
	row, err := j.Run(ctx, workflowID, runID)
	if err != nil {
		return nil, err
	}
	r, err := write.Read(row.Record)
	if err != nil {
		return nil, fmt.Errorf("record of %s in the journal: %w", workflowID, err)
	}
	return r, nil
}

// settle gives a record the state that Temporal knows: a run that was terminated had no chance to write
// its own end.
func settle(r *workflows.Record, o outcome) {
	if r.State.Done() {
		return
	}
	r.State = o.state
	if r.Ended == nil && !o.ended.IsZero() {
		ended := o.ended
		r.Ended = &ended
	}
	if r.Failure == nil && o.message != "" {
		r.Failure = &workflows.Failure{Message: o.message}
	}
}

// now is the wall clock: elapsed times of open runs are counted by it.
func now() time.Time { return time.Now().UTC() }
