package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/sops"
)

// replace puts a container of the approved image in the place of the one there is.
func (u *updating) replace(ctx context.Context, seen *noted[before]) error {
	s, err := u.recover(ctx, u.name, u.grace)
	if err != nil {
		return u.failed("mend what an earlier update of "+u.name+" left", err)
	}
	if s.now == nil {
		return u.unknown(ctx, "update "+u.name, u.name)
	}
	if s.previous != nil && s.now.imageID != u.out.Image { // of another update, which nobody saw end
		if err := u.putBack(ctx, u.swapping(s.state), s.now.id, s.previous.id); err != nil {
			return u.failed("put the previous container of "+u.name+" back", err)
		}
		return u.replace(ctx, seen)
	}
	first := seen.get()
	if s.previous != nil { // an earlier attempt got that far
		u.remember(before{Image: s.previous.imageID, Ref: s.previous.image, State: s.state})
		return u.proveOrPutBack(ctx, s.now.id, s.previous.id, s.state)
	}
	if s.now.imageID == u.out.Image {
		u.remember(before{Image: cmp.Or(first.Image, s.now.imageID), Ref: cmp.Or(first.Ref, s.now.image)})
		u.out.Updated = first.Image != "" && first.Image != s.now.imageID
		return u.conclude(ctx, s.now.id)
	}
	if err := u.expected(ctx, s.now.imageID); err != nil {
		return err
	}
	if first.Image != s.now.imageID {
		first = before{Image: s.now.imageID, Ref: s.now.image, State: whatItDoes(s.now.state)}
		seen.set(ctx, first)
	}
	u.remember(first)
	return u.exchange(ctx, s.now.id, first.State)
}

func (u *updating) remember(b before) { u.out.PreviousImage, u.out.PreviousRef = b.Image, b.Ref }

func (u *updating) swapping(state string) swapping {
	return swapping{name: u.name, state: state, grace: u.grace}
}

// exchange makes the new container beside the one there is and has it take over.
func (u *updating) exchange(ctx context.Context, current, state string) error {
	s, err := u.specOf(ctx, current)
	if err != nil {
		return u.failed("look at "+u.name, err)
	}
	if s.Host.AutoRemove {
		return action.Permanent(action.ErrInput, "docker %q: %s was made with --rm: once stopped it is gone and could not be put back", u.engine.name, u.name)
	}
	if err := u.noneLeansOn(ctx, s); err != nil {
		return err
	}
	s.ImageID = u.out.Image
	if s.ImageRef, err = u.call(ctx, s.ImageRef); err != nil {
		return u.failed("look at the names of the image", err)
	}
	next, err := u.create(ctx, s, u.name+markNext+state)
	if err != nil {
		if next != "" {
			_ = u.remove(context.WithoutCancel(ctx), next) // else the next attempt does
		}
		return u.failed("make a new "+u.name, err)
	}
	if err := u.takeOver(ctx, u.swapping(state), current, next); err != nil {
		return u.giveUp(ctx, next, current, state, u.failed("replace "+u.name, err))
	}
	return u.proveOrPutBack(ctx, next, current, state)
}

// call chooses what the new container calls its image. An id says nothing to a person, so a name that means
// the image is better: the one that the container used, or another of the same repository, or any.
func (u *updating) call(ctx context.Context, used string) (string, error) {
	d, err := u.image(ctx, u.out.Image)
	if err != nil {
		return "", err
	}
	if slices.Contains(d.refs, used) || slices.Contains(d.digests, used) {
		return used, nil
	}
	if u.want.id == "" {
		return u.in.Image, nil
	}
	names := slices.DeleteFunc(slices.Sorted(slices.Values(d.refs)), isKeepTag)
	of, _ := parseImage(used)
	for _, name := range names {
		if other, err := parseImage(name); err == nil && other.full == of.full {
			return name, nil
		}
	}
	return cmp.Or(append(names, u.in.Image)...), nil
}

// noneLeansOn refuses when another container shares this one's network, processes or memory: it would be cut off.
func (u *updating) noneLeansOn(ctx context.Context, s spec) error {
	users, err := u.leaningOn(ctx, s.ID, s.Name)
	if err != nil {
		return u.failed("look who uses the network or the processes of "+u.name, err)
	}
	if len(users) > 0 {
		return action.Permanent(action.ErrInput, "docker %q: %s uses the network or the processes of %s and would lose them: make them again together, as docker compose does",
			u.engine.name, strings.Join(users, ", "), u.name)
	}
	return nil
}

// proveOrPutBack gives the new container its time to become healthy, and undoes everything when it does not.
func (u *updating) proveOrPutBack(ctx context.Context, next, previous, state string) error {
	u.out.Updated = true
	if why := u.settleIn(ctx, next, previous, state); why != nil {
		return u.giveUp(ctx, next, previous, state, why)
	}
	if err := u.remove(context.WithoutCancel(ctx), previous); err != nil {
		return u.failed("remove the previous "+u.name, err)
	}
	return u.conclude(ctx, next)
}

// settleIn has the new container do what the previous one did.
func (u *updating) settleIn(ctx context.Context, next, previous, state string) error {
	// A restart policy may have started it again together with the engine.
	if _, err := u.bring(ctx, previous, stateStopped, u.grace); err != nil && !missing(err) {
		return u.failed("stop the previous "+u.name, err)
	}
	if state == stateStopped {
		return nil
	}
	if why := u.startAndProve(ctx, next); why != nil {
		return why
	}
	if _, err := u.bring(ctx, next, state, u.grace); err != nil {
		return u.failed("bring "+u.name+" into its former state", err)
	}
	return nil
}

// startAndProve waits until the new container is well. The error says why it counts as failed.
func (u *updating) startAndProve(ctx context.Context, next string) error {
	if _, err := u.bring(ctx, next, stateRunning, u.grace); err != nil {
		failed := u.failed("start "+u.name, err)
		if ctx.Err() != nil || nobodyThere(err) {
			return failed
		}
		return action.Permanent(action.ErrCommand, "%s", plain(failed)) // trying again would interrupt the service again
	}
	last, ok, err := u.prove(ctx, next, u.within)
	switch {
	case err != nil:
		return u.failed("wait for "+u.name, err)
	case ok:
		return nil
	}
	return action.Permanent(action.ErrCommand, "docker %q: %s with image %s is %s within %s%s",
		u.engine.name, u.name, short(u.out.Image), ill(last), sops.Duration(u.within), u.lastWords(ctx, last))
}

// lastWords keeps what the new container printed, because it goes; it words where.
func (u *updating) lastWords(ctx context.Context, d detail) string {
	if u.keep == nil {
		return ""
	}
	want := logsWanted{stdout: true, stderr: true, times: true, tail: maxTail}
	saved, err := u.keepLogs(ctx, u.engine, d, want, "logs-"+u.name+"-failed-update")
	if err != nil {
		return ""
	}
	return "; what it printed is kept as " + saved.Key
}

// giveUp puts the previous container back and says why. It does so even when it was cancelled or its time
// is up: a half-replaced container helps nobody. An engine that is away is left to the next attempt.
func (u *updating) giveUp(ctx context.Context, next, previous, state string, why error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), u.grace+putBackWithin)
	defer cancel()
	if err := u.putBack(ctx, u.swapping(state), next, previous); err != nil {
		return fmt.Errorf("%s; the previous container is not back yet: %s", plain(why), plain(u.failed("put "+u.name+" back", err)))
	}
	return fmt.Errorf("%w; the previous container is back", why)
}

// plain is an error's text without what Temporal adds about its type.
func plain(err error) string {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Message()
	}
	return err.Error()
}

// conclude looks at how it stands at the end.
func (u *updating) conclude(ctx context.Context, id string) error {
	d, err := u.lookAt(ctx, id)
	if err != nil {
		return err
	}
	s, err := u.standing(ctx, u.name)
	if err != nil {
		return u.failed("look at "+u.name, err)
	}
	if s.now != nil {
		u.out.Ref = s.now.image
	}
	u.out.ID, u.out.State, u.out.Health = short(d.id), d.state, d.health
	return nil
}
