package docker

import (
	"context"
	"slices"

	"github.com/orderly-ops/orderly/activities/action"
)

// around is what there is on the host of a container of the snapshot: the very container, what has its
// name, and what replacements of it left.
type around struct {
	standing
	specs map[string]spec // of all these, by id
	best  string          // the id of the one that is made as it was; "" for none
	// differed is in what the container that has the name, or the only one there is, differs.
	differed []string
}

// container puts one container back. Whatever state an update, an earlier restoration or a person left the
// host in, the same comparison decides what is missing, so that it can be run again at any time.
func (r *restoring) container(ctx context.Context, was spec) error {
	at, err := r.lookAround(ctx, &was)
	if err != nil {
		return r.failed(r.doing(was), err)
	}
	one := Restored{Name: was.Name, Differed: at.differed, Did: []string{}}
	if r.in.DryRun {
		if len(one.Differed) > 0 {
			r.note(one)
		}
		return nil
	}
	id := at.best
	if id == "" {
		if id, err = r.remake(ctx, was, at); err != nil {
			return err
		}
		one.Did = append(one.Did, "made again")
	} else if at.now == nil || at.now.id != id {
		if err := r.standIn(ctx, was, at); err != nil {
			return r.failed(r.doing(was), err)
		}
		one.Did = append(one.Did, "put back")
	}
	did, err := r.finish(ctx, was, at, id)
	if err != nil {
		return err
	}
	if one.Did = append(one.Did, did...); len(one.Did) > 0 {
		r.note(one)
		if was.Healthy {
			r.gated = append(r.gated, was)
		}
	}
	return nil
}

func (r *restoring) note(one Restored) {
	if one.Differed == nil {
		one.Differed = []string{}
	}
	r.out.Containers = append(r.out.Containers, one)
	r.out.Changed++
}

// lookAround finds what there is and compares it with what was.
func (r *restoring) lookAround(ctx context.Context, was *spec) (around, error) {
	all, err := r.everyContainer(ctx, true)
	if err != nil {
		return around{}, err
	}
	at := around{standing: standingOf(was.Name, all), specs: map[string]spec{}}
	// A name that means another image by now can't be asked for; then the image counts, not the name.
	if named, err := r.image(ctx, was.ImageRef); err != nil || named.id != was.ImageID {
		was.ImageRef = ""
	}
	candidates := []*summary{at.now, at.previous, at.next}
	if i := slices.IndexFunc(all, func(c summary) bool { return c.id == was.ID }); i >= 0 {
		candidates = slices.Insert(candidates, 0, &all[i]) // the very one is better than its like
	}
	at.differed = []string{"gone"}
	for _, c := range candidates {
		if c == nil {
			continue
		}
		is, err := r.specOf(ctx, c.id)
		if missing(err) {
			continue
		}
		if err != nil {
			return around{}, err
		}
		at.specs[c.id] = is
		differs := was.differs(is)
		if at.best == "" && len(differs) == 0 {
			at.best = c.id
		}
		if at.now == c || at.now == nil && len(at.specs) == 1 {
			at.differed = r.andInPlace(*was, is, differs)
		}
	}
	return at, nil
}

// andInPlace adds what can be changed without making the container again.
func (r *restoring) andInPlace(was, is spec, differs []string) []string {
	if was.Name != is.Name {
		differs = append(differs, "name")
	}
	if !same(was.Endpoints, is.Endpoints) {
		differs = append(differs, "networks")
	}
	if was.State != is.State {
		differs = append(differs, "state")
	}
	return differs
}

// remake makes a container of the snapshot and has it take the place of what has its name. When it does not
// even start, what was there comes back: a service that is half right is better than none.
func (r *restoring) remake(ctx context.Context, was spec, at around) (string, error) {
	if err := r.lost(ctx, was); err != nil {
		return "", err
	}
	if at.next != nil { // half made by whoever came before
		if err := r.remove(ctx, at.next.id); err != nil {
			return "", r.failed(r.doing(was), err)
		}
	}
	next, err := r.create(ctx, was, was.Name+markNext+was.State)
	if err != nil {
		if next != "" {
			_ = r.remove(context.WithoutCancel(ctx), next) // else the next attempt does
		}
		return "", r.failed(r.doing(was), err)
	}
	current := ""
	if at.now != nil {
		current = at.now.id
	}
	if at.previous != nil && current != "" { // only one can have the mark, and neither is what was
		if err := r.remove(ctx, at.previous.id); err != nil {
			return "", r.failed(r.doing(was), err)
		}
	}
	by := swapping{name: was.Name, state: was.State, grace: r.grace}
	if err := r.takeOver(ctx, by, current, next); err != nil {
		return "", r.failed(r.doing(was), err)
	}
	if _, err := r.bring(ctx, next, was.State, r.grace); err != nil {
		failed := r.failed(r.doing(was), err)
		if before, ok := at.specs[current]; ok && ctx.Err() == nil && !nobodyThere(err) {
			by.state = before.State
			if err := r.putBack(ctx, by, next, current); err == nil {
				return "", action.Permanent(action.ErrCommand, "%s; what was there instead is back", plain(failed))
			}
		}
		return "", failed
	}
	return next, nil
}

// standIn gives a container that is as it was its name back. What has the name steps aside, stopped, because
// both may want the same port.
func (r *restoring) standIn(ctx context.Context, was spec, at around) error {
	if at.now == nil {
		return r.rename(ctx, at.best, was.Name)
	}
	if at.next != nil && at.next.id != at.best {
		if err := r.remove(ctx, at.next.id); err != nil {
			return err
		}
	}
	if at.replaced != nil && at.replaced.id != at.best {
		if err := r.remove(ctx, at.replaced.id); err != nil {
			return err
		}
	}
	if err := r.stop(ctx, at.now.id, r.grace); err != nil {
		return err
	}
	// Removing it at once would leave nothing if the other one can't be started.
	if err := r.rename(ctx, at.now.id, was.Name+markReplaced); err != nil && !missing(err) {
		return err
	}
	return r.rename(ctx, at.best, was.Name)
}

// finish connects the container, brings it into its former state and clears what replacements left.
func (r *restoring) finish(ctx context.Context, was spec, at around, id string) ([]string, error) {
	var did []string
	changed, err := r.join(ctx, id, was)
	if err != nil {
		return nil, r.failed("reconnect "+was.Name, err)
	}
	if len(changed) > 0 {
		did = append(did, "reconnected")
	}
	if err := r.awaken(ctx, was, id); err != nil {
		return nil, r.failed("restart "+was.Name, err)
	}
	brought, err := r.bring(ctx, id, was.State, r.grace)
	if err != nil {
		return nil, r.failed("bring "+was.Name+" into its former state", err)
	}
	if brought {
		did = append(did, was.State)
	}
	cleared, err := r.clear(ctx, was.Name, id)
	if err != nil {
		return nil, r.failed("clear what was left of "+was.Name, err)
	}
	if cleared && at.best == id && len(did) == 0 {
		did = append(did, "cleared")
	}
	return did, nil
}

// awaken stops a container that uses the network of another one which was started after it: that network is
// a new one, and only a start gets it.
func (r *restoring) awaken(ctx context.Context, was spec, id string) error {
	lender := was.leansOn()
	if lender == "" || was.State == stateStopped {
		return nil
	}
	of, err := r.inspect(ctx, lender)
	if err != nil {
		return err
	}
	is, err := r.inspect(ctx, id)
	if err != nil || !of.startedAt.After(is.startedAt) {
		return err
	}
	return r.stop(ctx, id, r.grace)
}

// clear removes what replacements of a container left beside it.
func (r *restoring) clear(ctx context.Context, name, keep string) (bool, error) {
	all, err := r.everyContainer(ctx, true)
	if err != nil {
		return false, err
	}
	cleared := false
	for _, c := range all {
		if of, half := halfDone(c.name); c.id == keep || !half || of != name {
			continue
		}
		if err := r.remove(ctx, c.id); err != nil {
			return cleared, err
		}
		cleared = true
	}
	return cleared, nil
}
