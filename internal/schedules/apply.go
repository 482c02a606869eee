package schedules

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

// Apply does what the plan says, one schedule after the other, and tells done about each. What fails
// does not keep the others from being applied; all errors are returned.
func (k *Keeper) Apply(ctx context.Context, plan Plan, done func(Change)) error {
	var failures []error
	for _, c := range plan {
		if err := k.apply(ctx, c); err != nil {
			failures = append(failures, fmt.Errorf("%s schedule %s: %w", c.Verb, c.ID, err))
			continue
		}
		done(c)
	}
	return errors.Join(failures...)
}

func (k *Keeper) apply(ctx context.Context, c Change) error {
	switch c.Verb {
	case Create:
		return k.create(ctx, c)
	case Update:
		return k.update(ctx, c)
	case Remove:
		err := k.client.GetHandle(ctx, c.ID).Delete(ctx)
		if isMissing(err) {
			return nil
		}
		return err
	default:
		return nil
	}
}

// create makes the schedule. When somebody was faster (two setups at once), it is compared and updated
// instead.
func (k *Keeper) create(ctx context.Context, c Change) error {
	_, err := k.client.Create(ctx, c.want.options())
	if !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return err
	}
	again, err := k.compare(ctx, c.want)
	if err != nil {
		return err
	}
	switch again.Verb {
	case Update:
		return k.update(ctx, again)
	case Foreign:
		return errors.New("somebody else made a schedule with this id meanwhile")
	default:
		return nil
	}
}

// update writes what the file wants over what is there. Whether it is paused, and why, stays as it is
// unless the file's own `paused` was edited.
func (k *Keeper) update(ctx context.Context, c Change) error {
	return k.client.GetHandle(ctx, c.ID).Update(ctx, client.ScheduleUpdateOptions{
		DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			next := in.Description.Schedule
			spec := c.want.spec()
			next.Spec, next.Action = &spec, c.want.action()
			next.Policy = &client.SchedulePolicies{Overlap: overlaps[c.want.Overlap], CatchupWindow: c.want.Catchup}
			state := client.ScheduleState{}
			if now := in.Description.Schedule.State; now != nil {
				state.Note, state.Paused = now.Note, now.Paused
			}
			if c.setPause {
				state.Paused = c.want.Paused
				state.Note = "as the procedure's file says"
			}
			next.State = &state
			return &client.ScheduleUpdate{Schedule: &next}, nil
		},
	})
}
