package docker

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/orderly-ops/orderly/activities/action"
)

const (
	// keepRepository is the name under which images are kept as long as a snapshot needs them.
	keepRepository = "orderly/keep"
	// keepStamp begins the tags of one snapshot. docker.prune reads their age from it.
	keepStamp = "20060102T150405Z"

	snapshotVersion = 1
	// maxSnapshot bounds what is read back, in bytes; a container takes about 10 kB.
	maxSnapshot = 64 << 20
)

// snapshot is how a host's containers are made, as it is kept. The containers' environments are in it.
type snapshot struct {
	Version    int          `json:"version"`
	Taken      time.Time    `json:"taken"`
	Host       string       `json:"host"` // the target
	Containers []spec       `json:"containers"`
	Images     []keptImage  `json:"images"`
	Networks   []netSpec    `json:"networks"`
	Volumes    []volumeSpec `json:"volumes"`
}

// keptImage is an image that containers of a snapshot were made from.
type keptImage struct {
	ID      string   `json:"id"`
	Refs    []string `json:"refs"`
	Digests []string `json:"digests"`
	Kept    string   `json:"kept"` // the tag that keeps it
}

// SnapshotInput is the input of docker.snapshot.
type SnapshotInput struct {
	Host string `json:"host" target:"docker" doc:"The Docker host."`
	Filter
	Stopped *bool `json:"stopped,omitempty" doc:"Containers that don't run as well. What is left out can be taken by docker.prune." default:"true"`
}

// Snapshot is the output of docker.snapshot.
type Snapshot struct {
	Key        string          `json:"key" doc:"The artifact that docker.restore, and docker.prune as keep_snapshot, take. The containers' environments are in it, passwords included."`
	SHA256     string          `json:"sha256" doc:"Of the artifact, in hex."`
	Bytes      int64           `json:"bytes" doc:"Its size."`
	Containers []SnapContainer `json:"containers" doc:"The containers in it, by name."`
	Images     []SnapImage     `json:"images" doc:"The images that they were made from."`
	Networks   []string        `json:"networks" doc:"The networks in it: those of the containers; without names and labels all of the host's."`
	Volumes    []string        `json:"volumes" doc:"The volumes in it, likewise. Only that they exist, not what is in them."`
}

// SnapContainer is a container of a snapshot.
type SnapContainer struct {
	Name    string `json:"name" doc:"Its name."`
	State   string `json:"state" enum:"running,paused,stopped" doc:"What it did."`
	Healthy bool   `json:"healthy" doc:"Its health check succeeded."`
	Image   string `json:"image" doc:"What its image is called."`
	ImageID string `json:"image_id" doc:"The image's id, in full."`
}

// SnapImage is an image of a snapshot.
type SnapImage struct {
	ID      string   `json:"id" doc:"Its id, in full."`
	Refs    []string `json:"refs" doc:"Its names."`
	Digests []string `json:"digests" doc:"The digests it was pulled by; none for one that was made on the host."`
	Kept    string   `json:"kept" doc:"The tag that keeps it on the host; empty when the image has gone from under its container and can't be had again."`
}

func (a *actions) snapshot(ctx context.Context, in SnapshotInput) (Snapshot, error) {
	if err := in.check("docker.snapshot"); err != nil {
		return Snapshot{}, err
	}
	if a.keep == nil {
		return Snapshot{}, action.Permanent(action.ErrNotConfigured, "docker.snapshot: this worker keeps no artifacts")
	}
	e, err := a.engines.Get(in.Host)
	if err != nil {
		return Snapshot{}, err
	}
	defer action.KeepAlive(ctx)()
	s := snapshot{Version: snapshotVersion, Taken: a.scheduled(ctx), Host: in.Host}
	if s.Containers, err = e.takeContainers(ctx, in); err != nil {
		return Snapshot{}, err
	}
	if s.Images, err = e.keepImages(ctx, s.Containers, s.Taken); err != nil {
		return Snapshot{}, err
	}
	everything := len(in.Names) == 0 && len(in.Labels) == 0
	if s.Networks, s.Volumes, err = e.takePlaces(ctx, s.Containers, everything); err != nil {
		return Snapshot{}, err
	}
	return a.keepSnapshot(ctx, s)
}

// scheduled is when the step was scheduled, the same for all its attempts.
func (a *actions) scheduled(ctx context.Context) time.Time {
	if activity.IsActivity(ctx) {
		return activity.GetInfo(ctx).ScheduledTime.UTC()
	}
	return a.now().UTC()
}

// takeContainers reads what the chosen containers are made of. A snapshot is whole or not at all.
func (e *engine) takeContainers(ctx context.Context, in SnapshotInput) ([]spec, error) {
	all, err := e.list(ctx, true)
	if err != nil {
		return nil, err
	}
	chosen := in.choose(all)
	for _, c := range chosen {
		if of, half := halfDone(c.name); half {
			return nil, action.Permanent(action.ErrInput,
				"docker %q: %s is what a replacement of %s left half-way: end that first, with docker.update or docker.restore, or remove %s by hand",
				e.name, c.name, of, c.name)
		}
	}
	if in.Stopped != nil && !*in.Stopped {
		chosen = slices.DeleteFunc(chosen, func(c summary) bool { return whatItDoes(c.state) == stateStopped })
	}
	seen, err := ask(ctx, chosen, inspectAtOnce, inspectWithin, func(ctx context.Context, c summary) (spec, bool, error) {
		s, err := e.specOf(ctx, c.id)
		return s, true, err
	})
	if err != nil {
		return nil, e.failed("inspect containers", err)
	}
	if len(seen.unread) > 0 {
		one := seen.unread[0]
		return nil, fmt.Errorf("docker %q: %d containers could not be read, so there is no whole snapshot; one is %s: %s", e.name, len(seen.unread), one.Name, one.Why)
	}
	specs := []spec{}
	for _, s := range seen.found {
		if s != nil {
			specs = append(specs, *s)
		}
	}
	return specs, nil
}

// keepImages tags the containers' images, so that no clean-up by anybody takes them.
func (e *engine) keepImages(ctx context.Context, of []spec, taken time.Time) ([]keptImage, error) {
	kept := []keptImage{}
	for _, s := range of {
		if slices.ContainsFunc(kept, func(k keptImage) bool { return k.ID == s.ImageID }) {
			continue
		}
		k := keptImage{ID: s.ImageID, Refs: []string{}, Digests: []string{}}
		d, err := e.image(ctx, s.ImageID)
		switch {
		case err == nil:
			k.Kept = keepRepository + ":" + taken.Format(keepStamp) + "-" + short(s.ImageID)
			k.Digests = append(k.Digests, d.digests...)
			k.Refs = append(k.Refs, slices.DeleteFunc(d.refs, isKeepTag)...)
			err = e.tag(ctx, s.ImageID, k.Kept)
		case missing(err):
			err = nil // removed by force from under its container
		}
		if err != nil {
			return nil, e.failed("keep image "+short(s.ImageID), err)
		}
		kept = append(kept, k)
	}
	return kept, nil
}

func isKeepTag(ref string) bool { return strings.HasPrefix(ref, keepRepository+":") }

func (a *actions) keepSnapshot(ctx context.Context, s snapshot) (Snapshot, error) {
	saved, err := a.keep.KeepExact(ctx, "docker-snapshot-"+s.Host+".json", func(w io.Writer) error {
		return json.NewEncoder(w).Encode(s)
	})
	if err != nil {
		return Snapshot{}, err
	}
	out := Snapshot{Key: saved.Key, SHA256: saved.SHA256, Bytes: saved.Bytes, Containers: []SnapContainer{}, Images: []SnapImage{}, Networks: []string{}, Volumes: []string{}}
	for _, c := range s.Containers {
		out.Containers = append(out.Containers, SnapContainer{Name: c.Name, State: c.State, Healthy: c.Healthy, Image: c.ImageRef, ImageID: c.ImageID})
	}
	for _, i := range s.Images {
		out.Images = append(out.Images, SnapImage(i))
	}
	for _, n := range s.Networks {
		out.Networks = append(out.Networks, n.Name)
	}
	for _, v := range s.Volumes {
		out.Volumes = append(out.Volumes, v.Name)
	}
	return out, nil
}

// readSnapshot reads a snapshot back. One that can't be read is a permanent error: nothing may be done
// without it.
func (a *actions) readSnapshot(ctx context.Context, doing, key, host string) (snapshot, error) {
	if a.keep == nil {
		return snapshot{}, action.Permanent(action.ErrNotConfigured, "%s: this worker keeps no artifacts", doing)
	}
	var text limited
	if err := a.keep.Copy(ctx, key, &text); err != nil {
		return snapshot{}, fmt.Errorf("%s: read the snapshot: %w", doing, err)
	}
	var s snapshot
	d := json.NewDecoder(&text.Buffer)
	if err := d.Decode(&s); err != nil || s.Version == 0 {
		return snapshot{}, action.Permanent(action.ErrInput, "%s: %s is not a snapshot that docker.snapshot made", doing, key)
	}
	if s.Version > snapshotVersion {
		return snapshot{}, action.Permanent(action.ErrInput, "%s: snapshot %s is of version %d, made by a newer Orderly", doing, key, s.Version)
	}
	if s.Host != host {
		return snapshot{}, action.Permanent(action.ErrInput, "%s: snapshot %s is of docker %q, not of %q", doing, key, s.Host, host)
	}
	slices.SortStableFunc(s.Containers, byStart)
	return s, nil
}

// byStart puts what was started first first, and what uses another container's network after all others.
func byStart(a, b spec) int {
	rank := func(s spec) int {
		if s.leansOn() != "" {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), a.StartedAt.Compare(b.StartedAt), strings.Compare(a.Name, b.Name))
}

// limited is memory that does not take more than a snapshot can have.
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > maxSnapshot {
		return 0, action.Permanent(action.ErrInput, "it is larger than %d MiB, which no snapshot is", maxSnapshot>>20)
	}
	return l.Buffer.Write(p)
}
