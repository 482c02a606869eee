package docker

import (
	"context"
	"strings"
	"time"
)

// A container is replaced by another one in steps, each of which leaves its mark in names, so that whoever
// comes later finds out how far it got. The marks hold what the container did at the beginning, because by
// then nobody else may know:
//
//	web                                              nothing has begun
//	web, web.orderly-next-running                    the new one is made
//	web (stopped), web.orderly-next-running          … about to take over
//	web.orderly-previous-running, web.orderly-next-running
//	web (the new one), web.orderly-previous-running  it has taken over, and is to prove itself
//	web (the new one)                                done
const (
	markNext     = ".orderly-next-"
	markPrevious = ".orderly-previous-"
	// markReplaced is what had the name while the container of a snapshot was put back.
	markReplaced = ".orderly-replaced"
)

// halfDone says that a container's name is such a mark, and of which container.
func halfDone(name string) (of string, ok bool) {
	for _, mark := range []string{markNext, markPrevious, markReplaced} {
		if i := strings.Index(name, mark); i > 0 {
			return name[:i], true
		}
	}
	return "", false
}

// standing is the containers that have to do with a name.
type standing struct {
	name                          string
	now, next, previous, replaced *summary // nil where there is none
	state                         string   // what the marks say it did; "" without marks
}

// standing finds out how far a replacement got.
func (e *engine) standing(ctx context.Context, name string) (standing, error) {
	all, err := e.everyContainer(ctx, true)
	if err != nil {
		return standing{}, err
	}
	return standingOf(name, all), nil
}

func standingOf(name string, all []summary) standing {
	s := standing{name: name}
	for i, c := range all {
		if c.name == name {
			s.now = &all[i]
		} else if state, ok := strings.CutPrefix(c.name, name+markNext); ok {
			s.next, s.state = &all[i], state
		} else if state, ok := strings.CutPrefix(c.name, name+markPrevious); ok {
			s.previous, s.state = &all[i], state
		} else if c.name == name+markReplaced {
			s.replaced = &all[i]
		}
	}
	return s
}

// swapping is one replacement.
type swapping struct {
	name  string
	state string // what the new one has to do
	grace time.Duration
}

// takeOver puts the container next in the place of current, which stays behind, stopped, under its mark.
// current may be "". It does not start next.
func (e *engine) takeOver(ctx context.Context, s swapping, current, next string) error {
	if current != "" {
		if err := e.stop(ctx, current, s.grace); err != nil {
			return err
		}
		// One that was made with --rm is gone now.
		if err := e.rename(ctx, current, s.name+markPrevious+s.state); err != nil && !missing(err) {
			return err
		}
	}
	return e.rename(ctx, next, s.name)
}

// putBack undoes takeOver, as far as it got: the previous container has its name again and does what it did.
func (e *engine) putBack(ctx context.Context, s swapping, next, previous string) error {
	if next != "" {
		if err := e.stop(ctx, next, s.grace); err != nil {
			return err
		}
		if err := e.remove(ctx, next); err != nil {
			return err
		}
	}
	// In this order: with the name the mark goes, and with it what the container did.
	if _, err := e.bring(ctx, previous, s.state, s.grace); err != nil {
		return err
	}
	return e.rename(ctx, previous, s.name)
}

// recover ends a replacement that was left half-way, and says what stands then: either the container as it
// was before, or a new one that has taken over and is to prove itself, with the previous one beside it.
func (e *engine) recover(ctx context.Context, name string, grace time.Duration) (standing, error) {
	s, err := e.standing(ctx, name)
	if err != nil {
		return s, err
	}
	by := swapping{name: name, state: s.state, grace: grace}
	switch {
	case s.previous != nil && s.now == nil:
		if err := e.putBack(ctx, by, "", s.previous.id); err != nil {
			return s, err
		}
	case s.next != nil && s.now != nil && s.previous == nil:
		if _, err := e.bring(ctx, s.now.id, s.state, grace); err != nil {
			return s, err
		}
	}
	if s.next != nil {
		if err := e.remove(ctx, s.next.id); err != nil {
			return s, err
		}
	}
	if s.next == nil && (s.previous == nil || s.now != nil) {
		return s, nil
	}
	return e.standing(ctx, name)
}

// prove waits until a container that was just started is well, at most so long. An engine that goes away in
// between is waited for, and what it ended is started again.
func (e *engine) prove(ctx context.Context, id string, within time.Duration) (last detail, ok bool, err error) {
	deadline := time.After(within)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var startedAt time.Time
	var steady time.Time
	away := false
	for {
		now, looked := e.inspect(ctx, id)
		switch {
		case missing(looked):
			return last, false, looked
		case looked != nil:
			away = true
		case whatItDoes(now.state) == stateStopped && away:
			_, looked = e.bring(ctx, id, stateRunning, 0)
		case now.state == "exited" || now.state == "dead": // no restart policy helps it
			return now, false, nil
		}
		if looked == nil {
			if !now.startedAt.Equal(startedAt) {
				startedAt, steady = now.startedAt, time.Now().Add(min(within/2, steadyFor))
			}
			if last = now; well(now, time.Now().After(steady)) {
				return now, true, nil
			}
		}
		select {
		case <-ctx.Done():
			return last, false, ctx.Err()
		case <-deadline:
			return last, false, looked
		case <-tick.C:
		}
	}
}
