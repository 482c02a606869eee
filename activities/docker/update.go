package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/sops"
)

const (
	defaultProve = 2 * time.Minute
	maxProve     = 30 * time.Minute
	// putBackWithin bounds putting the previous container back when nobody waits any more.
	putBackWithin = time.Minute
)

// UpdateInput is the input of docker.update.
type UpdateInput struct {
	Host          string        `json:"host" target:"docker" doc:"The Docker host."`
	Container     string        `json:"container" doc:"The container, by name."`
	Image         string        `json:"image" doc:"The approved image: name@sha256:… or, for one that is on the host, its id sha256:…. A name alone could mean anything by the time it is used."`
	ExpectCurrent string        `json:"expect_current,omitempty" doc:"The image that it must run now, by id or digest: it is refused when it runs something else than what was looked at when this was approved." default:"any"`
	Within        sops.Duration `json:"within,omitempty" doc:"How long the new one may take until its health check succeeds, at most 30m. Without one it has to run for 3s, or for half of this time." default:"2m"`
	Timeout       sops.Duration `json:"timeout,omitempty" doc:"How long the previous one may take to end by itself before it is killed, at most 5m." default:"10s"`
	Pull          string        `json:"pull,omitempty" enum:"missing,always,never" doc:"When the image is fetched from its registry." default:"missing"`
	DryRun        bool          `json:"dry_run,omitempty" doc:"Look, and change nothing."`
}

// Update is the output of docker.update.
type Update struct {
	Container     string `json:"container" doc:"The container's name."`
	ID            string `json:"id" doc:"The short id of the container that has the name now."`
	PreviousImage string `json:"previous_image" doc:"The id of the image that it ran before, in full: give it to docker.update to go back."`
	PreviousRef   string `json:"previous_ref" doc:"What that image was called when the container was made."`
	Image         string `json:"image" doc:"The id of the approved image, in full; empty in a dry run when it is not on the host yet."`
	Ref           string `json:"ref" doc:"What the container calls it."`
	Updated       bool   `json:"updated" doc:"The container was replaced; false when it ran the image already, and for a dry run."`
	Pulled        bool   `json:"pulled" doc:"The image was fetched."`
	State         string `json:"state" doc:"What the container does now."`
	Health        string `json:"health" enum:"none,starting,healthy,unhealthy" doc:"What its health check says now; none where it has none."`
	DryRun        bool   `json:"dry_run" doc:"Nothing was changed."`
}

// before is what the first attempt saw. Later ones find it in the heartbeat.
type before struct {
	Image string `json:"image"`
	Ref   string `json:"ref"`
	State string `json:"state"`
}

// updating is one update on its way.
type updating struct {
	*actions
	*engine
	in     UpdateInput
	want   imageName
	name   string
	grace  time.Duration
	within time.Duration
	out    Update
}

func (a *actions) update(ctx context.Context, in UpdateInput) (Update, error) {
	u, err := a.newUpdate(in)
	if err != nil {
		return Update{}, err
	}
	if err := u.find(ctx); err != nil {
		return Update{}, err
	}
	if in.DryRun {
		return u.look(ctx)
	}
	seen := recall[before](ctx)
	defer action.Report(ctx, seen.beats)()
	if err := u.fetch(ctx); err != nil {
		return Update{}, err
	}
	if err := u.replace(ctx, seen); err != nil {
		return Update{}, err
	}
	return u.out, nil
}

func (a *actions) newUpdate(in UpdateInput) (*updating, error) {
	u := &updating{actions: a, in: in, grace: cmp.Or(in.Timeout.D(), defaultGrace), within: cmp.Or(in.Within.D(), defaultProve)}
	if u.grace > maxGrace || u.within > maxProve {
		return nil, action.Permanent(action.ErrInput, "docker.update: timeout is at most %s and within at most %s", maxGrace, maxProve)
	}
	var err error
	if u.want, err = parseImage(in.Image); err != nil {
		return nil, action.Permanent(action.ErrInput, "docker.update: image: %v", err)
	}
	if !u.want.pinned() {
		return nil, action.Permanent(action.ErrInput,
			"docker.update: image %q is a name that may mean something else by now: give what was approved as %s@sha256:… or as the image's id; docker.images-outdated tells both",
			in.Image, u.want.name)
	}
	u.engine, err = a.engines.Get(in.Host)
	return u, err
}

// find finds out which container is meant: by then it may have lost its name half-way.
func (u *updating) find(ctx context.Context) error {
	doing := "update " + u.in.Container
	d, err := u.inspect(ctx, u.in.Container)
	switch {
	case err == nil:
		u.name = d.name
	case missing(err):
		s, err := u.standing(ctx, u.in.Container)
		if err != nil {
			return err
		}
		if s.previous == nil {
			return u.unknown(ctx, doing, u.in.Container)
		}
		u.name = u.in.Container
	default:
		return u.failed(doing, err)
	}
	if of, half := halfDone(u.name); half {
		return action.Permanent(action.ErrInput, "docker %q: %s is what a replacement of %s left behind: update %s itself", u.engine.name, u.name, of, of)
	}
	u.out = Update{Container: u.name, DryRun: u.in.DryRun}
	return nil
}

// look is the dry run.
func (u *updating) look(ctx context.Context) (Update, error) {
	s, err := u.standing(ctx, u.name)
	if err != nil {
		return Update{}, err
	}
	now := s.now
	if now == nil {
		now = s.previous
	}
	d, err := u.lookAt(ctx, now.id)
	if err != nil {
		return Update{}, err
	}
	if err := u.expected(ctx, now.imageID); err != nil {
		return Update{}, err
	}
	u.out.ID, u.out.PreviousImage, u.out.PreviousRef = short(d.id), now.imageID, now.image
	u.out.State, u.out.Health = d.state, d.health
	image, err := u.image(ctx, u.in.Image)
	if err != nil && !missing(err) {
		return Update{}, u.failed("look at image "+u.in.Image, err)
	}
	u.out.Image = image.id
	return u.out, nil
}

func (u *updating) lookAt(ctx context.Context, id string) (detail, error) {
	d, err := u.inspect(ctx, id)
	if err != nil {
		return d, u.failed("look at "+u.name, err)
	}
	return d, nil
}

// fetch has the image on the host.
func (u *updating) fetch(ctx context.Context) error {
	here, err := u.image(ctx, u.in.Image)
	if err != nil && !missing(err) {
		return u.failed("look at image "+u.in.Image, err)
	}
	found := err == nil
	switch {
	case found && (u.in.Pull != "always" || u.want.id != ""):
	case u.want.id != "":
		return action.Permanent(action.ErrNotFound, "docker %q: there is no image %s on the host, and an id can't be fetched: give name@sha256:…", u.engine.name, short(u.want.id))
	case u.in.Pull == "never":
		return action.Permanent(action.ErrNotFound, "docker %q: image %s is not on the host, and pull is never", u.engine.name, u.in.Image)
	default:
		doing := "fetch image " + u.in.Image
		if err := u.pull(ctx, u.in.Image); err != nil {
			return u.failed(doing, err)
		}
		if here, err = u.image(ctx, u.in.Image); err != nil {
			return u.failed(doing, err)
		}
		u.out.Pulled = true
	}
	u.out.Image = here.id
	return nil
}

// expected refuses a container that runs something else than what was approved to be replaced.
func (u *updating) expected(ctx context.Context, imageID string) error {
	want := u.in.ExpectCurrent
	if want == "" || want == imageID {
		return nil
	}
	d, err := u.image(ctx, imageID)
	if err != nil && !missing(err) {
		return u.failed("look at the image of "+u.name, err)
	}
	for _, digest := range d.digests {
		if digest == want || strings.HasSuffix(digest, "@"+want) {
			return nil
		}
	}
	return action.Permanent(action.ErrInput, "docker %q: %s runs image %s and not %s as it did when the update was approved: look again, and have it approved again",
		u.engine.name, u.name, short(imageID), want)
}

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

// noneLeansOn refuses when another container uses this one's network: it would be cut off.
func (u *updating) noneLeansOn(ctx context.Context, s spec) error {
	users, err := u.networkUsers(ctx, s.ID, s.Name)
	if err != nil {
		return u.failed("look who uses the network of "+u.name, err)
	}
	if len(users) > 0 {
		return action.Permanent(action.ErrInput, "docker %q: %s uses the network of %s and would lose it: make them again together, as docker compose does",
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
		return err
	}
	if s.now != nil {
		u.out.Ref = s.now.image
	}
	u.out.ID, u.out.State, u.out.Health = short(d.id), d.state, d.health
	return nil
}
