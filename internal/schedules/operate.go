package schedules

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

// ErrNotFound says that the cluster has no such schedule.
var ErrNotFound = errors.New("no such schedule")

// ErrStillRunning says that a trigger would start nothing, because the last run is open and the
// schedule skips in that case.
var ErrStillRunning = errors.New("the last run is still open, and the schedule's overlap policy is skip")

// Status is how a schedule stands in the cluster.
type Status struct {
	ID       string     `json:"id"`
	Cron     string     `json:"cron"`
	TimeZone string     `json:"time_zone"`
	Overlap  string     `json:"overlap"`
	Catchup  string     `json:"catchup"`
	Managed  bool       `json:"managed"` // Orderly made it
	Paused   bool       `json:"paused"`
	Note     string     `json:"note,omitempty"`
	Next     *time.Time `json:"next,omitempty"` // without jitter; none while paused
	Last     *Started   `json:"last,omitempty"`
	Missed   int        `json:"missed"`  // starts that came too late for the catch-up window
	Skipped  int        `json:"skipped"` // starts left out because the last run was open
	Running  []string   `json:"running,omitempty"`
}

// Started is a run that a schedule started.
type Started struct {
	At         time.Time `json:"at"`
	WorkflowID string    `json:"workflow_id"`
	RunID      string    `json:"run_id"`
}

// Status describes one schedule. It is ErrNotFound when there is none.
func (k *Keeper) Status(ctx context.Context, id string) (Status, error) {
	d, err := k.client.GetHandle(ctx, id).Describe(ctx)
	if err != nil {
		return Status{}, missing(err)
	}
	have, err := read(d)
	if err != nil {
		return Status{}, err
	}
	s := Status{
		ID: id, Cron: have.fields["cron"], TimeZone: have.fields["time_zone"], Overlap: have.fields["overlap"],
		Catchup: have.fields["catchup"], Managed: have.managed, Paused: have.paused, Note: have.note,
		Missed: d.Info.NumActionsMissedCatchupWindow, Skipped: d.Info.NumActionsSkippedOverlap,
		Last: lastStarted(d.Info.RecentActions),
	}
	if len(d.Info.NextActionTimes) > 0 && !have.paused {
		s.Next = &d.Info.NextActionTimes[0]
	}
	for _, r := range d.Info.RunningWorkflows {
		s.Running = append(s.Running, r.WorkflowID)
	}
	return s, nil
}

func lastStarted(recent []client.ScheduleActionResult) *Started {
	if len(recent) == 0 {
		return nil
	}
	last := recent[len(recent)-1]
	s := &Started{At: last.ActualTime}
	if r := last.StartWorkflowResult; r != nil {
		s.WorkflowID, s.RunID = r.WorkflowID, r.FirstExecutionRunID
	}
	return s
}

// lookEvery is how often a triggered schedule is asked whether it has started its run.
const lookEvery = 200 * time.Millisecond

// Trigger starts a run now, as the schedule would, and waits until it has been started.
func (k *Keeper) Trigger(ctx context.Context, id string) (Started, error) {
	before, err := k.Status(ctx, id)
	if err != nil {
		return Started{}, err
	}
	if before.Overlap == DefaultOverlap && len(before.Running) > 0 {
		return Started{}, fmt.Errorf("%w: %s", ErrStillRunning, before.Running[0])
	}
	err = k.client.GetHandle(ctx, id).Trigger(ctx, client.ScheduleTriggerOptions{
		Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_UNSPECIFIED,
	})
	if err != nil {
		return Started{}, missing(err)
	}
	return k.awaitStart(ctx, id, before.Last)
}

func (k *Keeper) awaitStart(ctx context.Context, id string, before *Started) (Started, error) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return Started{}, fmt.Errorf("triggered, but it started nothing so far: %w", ctx.Err())
		case <-look.C:
		}
		s, err := k.Status(ctx, id)
		if isBusy(err) && ctx.Err() == nil {
			continue // it was triggered: a slow answer about it changes nothing
		}
		if err != nil {
			return Started{}, err
		}
		if s.Last != nil && (before == nil || s.Last.RunID != before.RunID) {
			return *s.Last, nil
		}
	}
}

// isBusy says whether the server may well answer the next time.
func isBusy(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	_, slow := errors.AsType[*serviceerror.DeadlineExceeded](err)
	_, away := errors.AsType[*serviceerror.Unavailable](err)
	return slow || away
}

// Pause stops the schedule from starting runs. Applying leaves it paused.
func (k *Keeper) Pause(ctx context.Context, id, note string) error {
	note = cmp.Or(note, "paused")
	return missing(k.client.GetHandle(ctx, id).Pause(ctx, client.SchedulePauseOptions{Note: note}))
}

// Resume lets a paused schedule go on from now; what was due meanwhile is not made up for.
func (k *Keeper) Resume(ctx context.Context, id, note string) error {
	note = cmp.Or(note, "resumed")
	return missing(k.client.GetHandle(ctx, id).Unpause(ctx, client.ScheduleUnpauseOptions{Note: note}))
}

// Remove takes the schedule away; runs that it started go on.
func (k *Keeper) Remove(ctx context.Context, id string) error {
	return missing(k.client.GetHandle(ctx, id).Delete(ctx))
}

func missing(err error) error {
	if isMissing(err) {
		return ErrNotFound
	}
	return err
}
