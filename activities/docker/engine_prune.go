package docker

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
)

// inventory is everything that takes space on a host.
type inventory struct {
	containers []summary
	sizes      map[string]int64     // bytes of containers' own files, by id
	ended      map[string]time.Time // of containers that don't run
	images     []stored
	networks   []stored
	volumes    []stored
	cache      []stored
	parents    map[string]string // of images that were built on one another, by id
	used       Recovered         // bytes
}

// stored is one image, network, volume or record of the build cache.
type stored struct {
	id, name string // name is "" for an image without one
	refs     []string
	digests  []string // names by digest: all that an image has which was pulled so
	labels   map[string]string
	bytes    int64     // that nothing else shares
	since    time.Time // made, or last used where that is known
	used     bool
}

// takeStock counts everything there is. Counting volumes means reading their folders: on a full disk it
// takes minutes. The engine counts for one at a time and refuses others, and stumbles over what vanishes
// meanwhile, so it is asked again for a while.
func (e *engine) takeStock(ctx context.Context) (inventory, error) {
	if _, err := e.everyContainer(ctx, true); err != nil { // an engine that hangs shows here
		return inventory{}, err
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	const tries = 60
	for try := 1; ; try++ {
		df, err := e.api.DiskUsage(ctx, types.DiskUsageOptions{})
		if err == nil {
			return e.countUp(ctx, df)
		}
		if try == tries || nobodyThere(err) || cerrdefs.IsPermissionDenied(err) || cerrdefs.IsInvalidArgument(err) {
			return inventory{}, err
		}
		select {
		case <-ctx.Done():
			return inventory{}, ctx.Err()
		case <-tick.C:
		}
	}
}

func (e *engine) countUp(ctx context.Context, df types.DiskUsage) (inventory, error) {
	inv := inventory{sizes: map[string]int64{}, ended: map[string]time.Time{}}
	var err error
	if inv.containers, err = e.everyContainer(ctx, true); err != nil {
		return inv, err
	}
	for _, c := range df.Containers {
		inv.sizes[c.ID] = c.SizeRw
		inv.used.Containers += c.SizeRw
	}
	for _, c := range inv.containers {
		if whatItDoes(c.state) != stateStopped {
			continue
		}
		if inv.ended[c.id], err = e.ended(ctx, c.id); err != nil && !missing(err) {
			return inv, err
		}
	}
	inv.used.Images = df.LayersSize
	for _, i := range df.Images {
		one := stored{id: i.ID, refs: named(i.RepoTags), labels: i.Labels, bytes: i.Size - max(0, i.SharedSize)}
		one.since, one.used = time.Unix(i.Created, 0).UTC(), i.Containers > 0
		inv.images = append(inv.images, one)
	}
	if inv.parents, err = e.parents(ctx); err != nil {
		return inv, err
	}
	for _, v := range df.Volumes {
		one := stored{id: v.Name, name: v.Name, labels: v.Labels, since: moment(v.CreatedAt)}
		if v.UsageData != nil {
			one.bytes = max(0, v.UsageData.Size)
		}
		inv.used.Volumes += one.bytes
		inv.volumes = append(inv.volumes, one)
	}
	for _, r := range df.BuildCache {
		one := stored{id: r.ID, name: r.Type, bytes: r.Size, since: r.CreatedAt, used: r.InUse}
		if r.LastUsedAt != nil {
			one.since = *r.LastUsedAt
		}
		if !r.Shared {
			inv.used.BuildCache += r.Size
		}
		inv.cache = append(inv.cache, one)
	}
	nets, err := e.networks(ctx)
	for _, n := range nets {
		inv.networks = append(inv.networks, stored{id: n.ID, name: n.Name, labels: n.Labels, since: n.Created, used: len(n.Containers) > 0})
	}
	inv.used.Total = inv.used.Containers + inv.used.Images + inv.used.Volumes + inv.used.BuildCache
	return inv, err
}

// parents gives the image that each was built on. BuildKit does not note that; then nothing needs it either.
func (e *engine) parents(ctx context.Context) (map[string]string, error) {
	all, err := e.api.ImageList(ctx, image.ListOptions{All: true})
	if err != nil {
		return nil, err
	}
	of := make(map[string]string, len(all))
	for _, i := range all {
		of[i.ID] = i.ParentID
	}
	return of, nil
}

// ancestors are the images that one was built on, the nearest first.
func (inv inventory) ancestors(id string) (ids []string) {
	for at := inv.parents[id]; at != "" && len(ids) < len(inv.parents); at = inv.parents[at] {
		ids = append(ids, at)
	}
	return ids
}

// named leaves out the engine's word for no name.
func named(refs []string) []string {
	return slices.DeleteFunc(slices.Clone(refs), func(ref string) bool { return strings.HasPrefix(ref, "<none>") })
}

// ended is when a container that does not run ended, or was made where it never ran.
func (e *engine) ended(ctx context.Context, id string) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, e.patience)
	defer cancel()
	c, err := e.api.ContainerInspect(ctx, id)
	if err != nil {
		return time.Time{}, err
	}
	if at := moment(c.State.FinishedAt); !at.IsZero() {
		return at, nil
	}
	return moment(c.Created), nil
}

// busy says that the engine refuses to remove something because it is needed by now.
func busy(err error) bool { return cerrdefs.IsConflict(err) }

// removeUnused removes one thing, never by force: what has come into use meanwhile is refused.
func (e *engine) removeUnused(ctx context.Context, kind, id string) error {
	ctx, cancel := context.WithTimeout(ctx, changeWithin)
	defer cancel()
	var err error
	switch kind {
	case kindContainer:
		err = e.api.ContainerRemove(ctx, id, container.RemoveOptions{})
	case kindImage:
		_, err = e.api.ImageRemove(ctx, id, image.RemoveOptions{PruneChildren: true})
	case kindNetwork:
		err = e.networkRemove(ctx, id)
	case kindVolume:
		err = e.api.VolumeRemove(ctx, id, false)
	}
	if missing(err) {
		return nil
	}
	return err
}

// networkRemove refuses a network that is in use, which the engine itself words as forbidden.
func (e *engine) networkRemove(ctx context.Context, id string) error {
	n, err := e.api.NetworkInspect(ctx, id, network.InspectOptions{})
	if err != nil {
		return err
	}
	if len(n.Containers) > 0 {
		return errors.Join(cerrdefs.ErrConflict, errors.New("it has come into use"))
	}
	return e.api.NetworkRemove(ctx, id)
}

// pruneCache removes what was not used for so long from the build cache, and says what that was. It takes as
// long as ctx allows.
func (e *engine) pruneCache(ctx context.Context, unused time.Duration) (map[string]bool, error) {
	report, err := e.api.BuildCachePrune(ctx, build.CachePruneOptions{All: true, Filters: filters.NewArgs(filters.Arg("until", unused.String()))})
	if err != nil {
		return nil, err
	}
	gone := make(map[string]bool, len(report.CachesDeleted))
	for _, id := range report.CachesDeleted {
		gone[id] = true
	}
	return gone, nil
}
