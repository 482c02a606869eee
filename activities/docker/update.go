package docker

import (
	"cmp"
	"context"
	"strings"
	"time"

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
			return u.failed(doing, err)
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
		return Update{}, u.failed("look at "+u.name, err)
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
