package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/sops"
)

// The kinds of things that are pruned.
const (
	kindContainer = "container"
	kindImage     = "image"
	kindNetwork   = "network"
	kindVolume    = "volume"
	kindCache     = "build-cache"
)

const (
	defaultAge     = 24 * time.Hour
	defaultRelease = 30 * 24 * time.Hour
	// labelProtect on anything keeps it.
	labelProtect = "orderly.protect"
	// evidenceRepository is where docker.export commits to.
	evidenceRepository = "orderly/evidence"
	maxPruned          = 1000
)

// PruneInput is the input of docker.prune.
type PruneInput struct {
	Host         string        `json:"host" target:"docker" doc:"The Docker host."`
	Containers   bool          `json:"containers,omitempty" doc:"Remove containers that don't run. What is in their own files is lost."`
	Images       string        `json:"images,omitempty" enum:"none,dangling,unused" doc:"Remove images that no container was made from: only those without a name, or all." default:"none"`
	Networks     bool          `json:"networks,omitempty" doc:"Remove networks that no container is on, running or not."`
	Volumes      bool          `json:"volumes,omitempty" doc:"Remove volumes without a name that no container uses, with what is in them."`
	NamedVolumes []string      `json:"named_volumes,omitempty" doc:"Volumes with a name to remove, by that name: no others are ever removed. One that a container uses stays."`
	BuildCache   bool          `json:"build_cache,omitempty" doc:"Remove what is kept to build images faster."`
	OlderThan    sops.Duration `json:"older_than,omitempty" doc:"Only what is that old: since a container ended, an image was made or named, a network or volume was made, the cache was used." default:"24h"`
	Protect      []string      `json:"protect,omitempty" doc:"Labels that keep what has them, \"key\" or \"key=value\"; orderly.protect always does."`
	KeepImages   []string      `json:"keep_images,omitempty" doc:"Names of images that stay, as glob patterns (\"registry.example.org/base:*\")."`
	KeepSnapshot string        `json:"keep_snapshot,omitempty" doc:"A snapshot's key: whatever docker.restore would need of it stays, its containers included, running or not."`
	ReleaseKept  sops.Duration `json:"release_kept,omitempty" doc:"Snapshots older than this keep their images no longer: those images are then as unused as others." default:"720h"`
	DryRun       bool          `json:"dry_run,omitempty" doc:"List what would be removed, and change nothing."`
}

// Prune is the output of docker.prune.
type Prune struct {
	Removed    []Pruned  `json:"removed" doc:"What was removed, or would be in a dry run; at most 1,000."`
	Kept       []Spared  `json:"kept" doc:"What nothing uses and is kept nevertheless, and why; at most 1,000."`
	Containers int       `json:"containers" doc:"How many containers were removed."`
	Images     int       `json:"images" doc:"How many images."`
	Networks   int       `json:"networks" doc:"How many networks."`
	Volumes    int       `json:"volumes" doc:"How many volumes."`
	BuildCache int       `json:"build_cache" doc:"How many records of the build cache."`
	Recovered  Recovered `json:"recovered" doc:"Bytes recovered: what the engine used before less what it uses after. In a dry run what is to be expected."`
	DryRun     bool      `json:"dry_run" doc:"Nothing was changed."`
}

// Recovered is disk space by kind, in bytes.
type Recovered struct {
	Containers int64 `json:"containers" doc:"Of containers' own files."`
	Images     int64 `json:"images" doc:"Of images."`
	Volumes    int64 `json:"volumes" doc:"Of volumes."`
	BuildCache int64 `json:"build_cache" doc:"Of the build cache."`
	Total      int64 `json:"total" doc:"In all."`
}

// Pruned is one thing that was removed.
type Pruned struct {
	Kind  string `json:"kind" enum:"container,image,network,volume,build-cache" doc:"What it was."`
	Name  string `json:"name" doc:"Its name, or its first name."`
	ID    string `json:"id" doc:"Its short id."`
	Bytes int64  `json:"bytes" doc:"What it took by itself."`
}

// Spared is one thing that was kept.
type Spared struct {
	Kind string `json:"kind" enum:"container,image,network,volume,build-cache" doc:"What it is."`
	Name string `json:"name" doc:"Its name, or its short id."`
	Why  string `json:"why" doc:"What keeps it."`
}

func (a *actions) prune(ctx context.Context, in PruneInput) (Prune, error) {
	for _, pattern := range in.KeepImages {
		if _, err := path.Match(pattern, ""); err != nil {
			return Prune{}, action.Permanent(action.ErrInput, "docker.prune: keep_images: %q is not a glob pattern", pattern)
		}
	}
	e, err := a.engines.Get(in.Host)
	if err != nil {
		return Prune{}, err
	}
	p := pruning{engine: e, in: in, now: a.now(), far: recall[pruned](ctx), out: Prune{Removed: []Pruned{}, Kept: []Spared{}, DryRun: in.DryRun}}
	defer action.Report(ctx, p.far.beats)()
	far := p.far.get()
	for _, one := range far.Removed {
		p.list(one)
	}
	if in.KeepSnapshot != "" {
		s, err := a.readSnapshot(ctx, "docker.prune", in.KeepSnapshot, in.Host)
		if err != nil {
			return Prune{}, err
		}
		p.needed = s.needs()
	}
	if p.inv, err = e.takeStock(ctx); err != nil {
		return Prune{}, e.failed("count what is on the host", err)
	}
	if in.Networks {
		if p.left, err = a.left(ctx, in.Host, p.inv.containers); err != nil {
			return Prune{}, err
		}
	}
	if far.Used.Total == 0 {
		far.Used = p.inv.used
		p.far.set(ctx, far)
	}
	if err := p.run(ctx); err != nil {
		return Prune{}, p.broke(err)
	}
	if in.DryRun {
		return p.out, nil
	}
	after, err := e.takeStock(ctx)
	if err != nil {
		return Prune{}, e.failed("count what is left on the host", err)
	}
	p.out.Recovered = far.Used.less(after.used)
	return p.out, nil
}

// pruned is how far the attempts of a step have come.
type pruned struct {
	Used    Recovered `json:"used"` // before the first one removed anything
	Removed []Pruned  `json:"removed"`
}

// broke says of a clean-up that broke off what it has removed already: that does not come back.
func (p *pruning) broke(err error) error {
	if p.in.DryRun || len(p.out.Removed) == 0 {
		return err
	}
	const most = 20
	var names []string
	for _, one := range p.out.Removed[:min(most, len(p.out.Removed))] {
		names = append(names, one.Kind+" "+one.Name)
	}
	if more := len(p.out.Removed) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	text := "; removed before that, and nobody used it: " + strings.Join(names, ", ")
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok && app.NonRetryable() {
		return action.Permanent(app.Type(), "%s%s", plain(err), text)
	}
	return fmt.Errorf("%w%s", err, text)
}

// less is what is free now. Others work on the host too, so it may come out below nothing.
func (r Recovered) less(after Recovered) Recovered {
	d := Recovered{
		Containers: max(0, r.Containers-after.Containers), Images: max(0, r.Images-after.Images),
		Volumes: max(0, r.Volumes-after.Volumes), BuildCache: max(0, r.BuildCache-after.BuildCache),
	}
	d.Total = d.Containers + d.Images + d.Volumes + d.BuildCache
	return d
}

// needs is what docker.restore would need.
func (s snapshot) needs() map[string]bool {
	needed := map[string]bool{}
	for _, c := range s.Containers {
		needed[kindContainer+c.ID], needed[kindContainer+c.Name], needed[kindImage+c.ImageID] = true, true, true
		for name := range c.Endpoints {
			needed[kindNetwork+name] = true
		}
		for _, name := range c.volumes() {
			needed[kindVolume+name] = true
		}
	}
	for _, n := range s.Networks {
		needed[kindNetwork+n.Name] = true
	}
	for _, v := range s.Volumes {
		needed[kindVolume+v.Name] = true
	}
	return needed
}

// pruning is one clean-up on its way.
type pruning struct {
	*engine
	in     PruneInput
	now    time.Time
	inv    inventory
	needed map[string]bool   // by a snapshot: kind and name or id
	left   map[string]string // networks that an isolated container was taken off: its name
	far    *noted[pruned]
	out    Prune
}

func (p *pruning) run(ctx context.Context) error {
	// Containers first: what they were made from and used is unused then.
	for _, part := range []func(context.Context) error{p.containers, p.images, p.networks, p.volumes, p.cache} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// age is how old something must be.
func (p *pruning) age() time.Duration { return cmp.Or(p.in.OlderThan.D(), defaultAge) }

// spare says why something unused is kept, "" when it goes.
func (p *pruning) spare(kind string, one stored) string {
	protect := append([]string{labelProtect}, p.in.Protect...)
	i := slices.IndexFunc(protect, func(label string) bool { return has(one.labels, label) })
	switch {
	case p.needed[kind+one.id] || p.needed[kind+one.name]:
		return "the snapshot needs it"
	case i >= 0:
		return "it has the label " + protect[i]
	case p.now.Sub(one.since) < p.age():
		return "it is younger than " + sops.Duration(p.age()).String()
	}
	return ""
}

// take removes one thing, or would.
func (p *pruning) take(ctx context.Context, kind string, one stored, remove func(context.Context) error) error {
	name := cmp.Or(one.name, short(one.id))
	if why := p.spare(kind, one); why != "" {
		p.keep(kind, name, why)
		return nil
	}
	if !p.in.DryRun {
		if err := remove(ctx); busy(err) {
			p.keep(kind, name, "it has come into use")
			return nil
		} else if err != nil {
			return p.failed("remove "+kind+" "+name, err)
		}
	}
	p.note(ctx, kind, one)
	return nil
}

// note lists what was removed, or would be, and has later attempts know of it.
func (p *pruning) note(ctx context.Context, kind string, one stored) {
	gone := Pruned{Kind: kind, Name: cmp.Or(one.name, short(one.id)), ID: short(one.id), Bytes: one.bytes}
	p.list(gone)
	if p.in.DryRun {
		return
	}
	far := p.far.get()
	far.Removed = slices.Clone(p.out.Removed) // heartbeats read it
	p.far.set(ctx, far)
}

func (p *pruning) list(one Pruned) {
	if len(p.out.Removed) < maxPruned {
		p.out.Removed = append(p.out.Removed, one)
	}
	p.count(one.Kind, one.Bytes)
}

func (p *pruning) keep(kind, name, why string) {
	if len(p.out.Kept) < maxPruned {
		p.out.Kept = append(p.out.Kept, Spared{Kind: kind, Name: name, Why: why})
	}
}

func (p *pruning) count(kind string, bytes int64) {
	r := &p.out.Recovered
	switch kind {
	case kindContainer:
		p.out.Containers++
		r.Containers += bytes
	case kindImage:
		p.out.Images++
		r.Images += bytes
	case kindNetwork:
		p.out.Networks++
	case kindVolume:
		p.out.Volumes++
		r.Volumes += bytes
	case kindCache:
		p.out.BuildCache++
		r.BuildCache += bytes
	}
	r.Total += bytes
}
