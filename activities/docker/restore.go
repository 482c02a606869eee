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

// RestoreInput is the input of docker.restore.
type RestoreInput struct {
	Host     string        `json:"host" target:"docker" doc:"The Docker host."`
	Snapshot string        `json:"snapshot" doc:"The key that docker.snapshot gave."`
	Within   sops.Duration `json:"within,omitempty" doc:"How long containers that were healthy may take to be healthy again, at most 30m; only those that had to be changed." default:"2m"`
	Timeout  sops.Duration `json:"timeout,omitempty" doc:"How long a container may take to end by itself before it is killed, at most 5m." default:"10s"`
	DryRun   bool          `json:"dry_run,omitempty" doc:"Compare, and change nothing."`
}

// Restore is the output of docker.restore.
type Restore struct {
	Changed    int        `json:"changed" doc:"How many containers, networks and image names were put back; in a dry run how many differ."`
	Containers []Restored `json:"containers" doc:"The containers that differed."`
	Networks   []string   `json:"networks" doc:"Networks that were made again."`
	Tags       []string   `json:"tags" doc:"Names of images that were made to mean again what they meant."`
	Extra      []string   `json:"extra" doc:"Containers that are on the host and not in the snapshot. Nothing is done to them."`
	Left       []string   `json:"left" doc:"What differs and is left alone, in words: networks that have other settings now, volumes that are gone."`
	DryRun     bool       `json:"dry_run" doc:"Nothing was changed."`
}

// Restored is a container that differed from the snapshot.
type Restored struct {
	Name     string   `json:"name" doc:"Its name."`
	Differed []string `json:"differed" doc:"In what, in words without values."`
	Did      []string `json:"did" doc:"What was done: put back (the very container was still there), made again, reconnected, running, paused, stopped, cleared (left-overs of a replacement); nothing in a dry run."`
}

// restoring is one restoration on its way.
type restoring struct {
	*engine
	in     RestoreInput
	was    snapshot
	grace  time.Duration
	within time.Duration
	out    Restore
	gated  []spec // containers to wait for
}

func (a *actions) restore(ctx context.Context, in RestoreInput) (Restore, error) {
	r := restoring{in: in, grace: cmp.Or(in.Timeout.D(), defaultGrace), within: cmp.Or(in.Within.D(), defaultProve)}
	r.out = Restore{Containers: []Restored{}, Networks: []string{}, Tags: []string{}, Extra: []string{}, Left: []string{}, DryRun: in.DryRun}
	if r.grace > maxGrace || r.within > maxProve {
		return Restore{}, action.Permanent(action.ErrInput, "docker.restore: timeout is at most %s and within at most %s", maxGrace, maxProve)
	}
	var err error
	if r.engine, err = a.engines.Get(in.Host); err != nil {
		return Restore{}, err
	}
	defer action.KeepAlive(ctx)()
	if r.was, err = a.readSnapshot(ctx, "docker.restore", in.Snapshot, in.Host); err != nil {
		return Restore{}, err
	}
	if err := r.places(ctx); err != nil {
		return Restore{}, err
	}
	if err := r.images(ctx); err != nil {
		return Restore{}, err
	}
	if err := r.containers(ctx); err != nil {
		return Restore{}, err
	}
	return r.out, r.extra(ctx)
}

// places makes networks again that are gone. A volume that is gone is not made: it would be empty, and
// look as if its data were there.
func (r *restoring) places(ctx context.Context) error {
	nets, vols, err := r.takePlaces(ctx, nil, true)
	if err != nil {
		return err
	}
	for _, was := range r.was.Networks {
		i := slices.IndexFunc(nets, func(n netSpec) bool { return n.Name == was.Name })
		switch {
		case i >= 0 && sameNetwork(was, nets[i]):
		case i >= 0:
			r.out.Left = append(r.out.Left, "network "+was.Name+" has other settings than it had")
		default:
			r.out.Networks = append(r.out.Networks, was.Name)
			r.out.Changed++
			if r.in.DryRun {
				continue
			}
			if err := r.createNetwork(ctx, was); err != nil {
				return r.failed("make network "+was.Name+" again", err)
			}
		}
	}
	for _, was := range r.was.Volumes {
		if !slices.ContainsFunc(vols, func(v volumeSpec) bool { return v.Name == was.Name }) {
			r.out.Left = append(r.out.Left, "volume "+was.Name+" is gone, and with it what was in it")
		}
	}
	return nil
}

// images has every image on the host, and their names mean what they meant.
func (r *restoring) images(ctx context.Context) error {
	for _, was := range r.was.Images {
		found, err := r.image(ctx, was.ID)
		if missing(err) {
			if r.in.DryRun {
				continue
			}
			err = r.fetch(ctx, was)
		}
		if err != nil {
			return r.failed("look for image "+short(was.ID), err)
		}
		for _, ref := range was.Refs {
			if slices.Contains(found.refs, ref) {
				continue
			}
			r.out.Tags = append(r.out.Tags, ref)
			r.out.Changed++
			if r.in.DryRun {
				continue
			}
			if err := r.tag(ctx, was.ID, ref); err != nil && !missing(err) {
				return r.failed("name image "+short(was.ID)+" "+ref, err)
			}
		}
	}
	return nil
}

// fetch gets an image again that is gone, by digest. Where there is none to be had, the containers that
// need it say so.
func (r *restoring) fetch(ctx context.Context, was keptImage) error {
	for _, digest := range was.Digests {
		if err := r.pull(ctx, digest); err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// containers puts the containers back, one after the other; the trouble of one does not keep the others.
func (r *restoring) containers(ctx context.Context) error {
	var errs []error
	for _, was := range r.was.Containers {
		if ctx.Err() != nil {
			return r.failed("put containers back", ctx.Err())
		}
		if err := r.container(ctx, was); err != nil {
			errs = append(errs, err)
		}
	}
	for _, was := range r.gated {
		if err := r.healthy(ctx, was); err != nil {
			errs = append(errs, err)
		}
	}
	return together(errs)
}

// together makes one error of several. It is permanent only when all of them are.
func together(errs []error) error {
	if len(errs) < 2 {
		return errors.Join(errs...)
	}
	texts := make([]string, len(errs))
	kind := ""
	for i, err := range errs {
		texts[i] = plain(err)
		var app *temporal.ApplicationError
		if i > 0 && kind == "" || !errors.As(err, &app) || !app.NonRetryable() {
			kind = ""
			continue
		}
		kind = app.Type()
	}
	if kind == "" {
		return errors.New(strings.Join(texts, "; "))
	}
	return action.Permanent(kind, "%s", strings.Join(texts, "; "))
}

// healthy waits for a container that was healthy and had to be changed.
func (r *restoring) healthy(ctx context.Context, was spec) error {
	last, ok, err := r.prove(ctx, was.Name, r.within)
	switch {
	case err != nil:
		return r.failed("wait for "+was.Name, err)
	case !ok:
		return action.Permanent(action.ErrCommand, "docker %q: %s is as it was and %s within %s: see docker.logs", r.name, was.Name, ill(last), sops.Duration(r.within))
	}
	return nil
}

// extra names the containers that are not in the snapshot.
func (r *restoring) extra(ctx context.Context) error {
	all, err := r.list(ctx, true)
	if err != nil {
		return err
	}
	for _, c := range all {
		if !slices.ContainsFunc(r.was.Containers, func(was spec) bool { return was.Name == c.name }) {
			r.out.Extra = append(r.out.Extra, c.name)
		}
	}
	slices.Sort(r.out.Extra)
	r.out.Extra = r.out.Extra[:min(len(r.out.Extra), maxListed)]
	return nil
}

// lost says why a container can't be made again.
func (r *restoring) lost(ctx context.Context, was spec) error {
	if _, err := r.image(ctx, was.ImageID); missing(err) {
		return action.Permanent(action.ErrNotFound, "docker %q: %s can't be made again: its image %s%s is gone and can't be fetched: load or pull it, and restore again",
			r.name, was.Name, short(was.ImageID), r.once(was.ImageID))
	} else if err != nil {
		return r.failed("look for the image of "+was.Name, err)
	}
	all, err := r.volumes(ctx)
	if err != nil {
		return r.failed("list volumes", err)
	}
	for _, name := range was.volumes() {
		if !slices.ContainsFunc(all, func(v volumeSpec) bool { return v.Name == name }) {
			return action.Permanent(action.ErrNotFound, "docker %q: %s can't be made again: its volume %s is gone: create it with its data, and restore again", r.name, was.Name, name)
		}
	}
	return nil
}

// once words what an image was called.
func (r *restoring) once(id string) string {
	for _, i := range r.was.Images {
		if i.ID == id && len(i.Refs) > 0 {
			return " (" + i.Refs[0] + ")"
		}
	}
	return ""
}

func (r *restoring) doing(was spec) string { return fmt.Sprintf("put %s back", was.Name) }
