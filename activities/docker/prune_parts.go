package docker

import (
	"cmp"
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/sops"
)

// containers removes what does not run. What a replacement left half-way is needed to mend it.
func (p *pruning) containers(ctx context.Context) error {
	if !p.in.Containers {
		return nil
	}
	left := p.inv.containers[:0:0]
	for _, c := range p.inv.containers {
		left = append(left, c)
		if whatItDoes(c.state) != stateStopped {
			continue
		}
		if of, half := halfDone(c.name); half {
			p.keep(kindContainer, c.name, "a replacement of "+of+" was left half-way and needs it")
			continue
		}
		before := p.out.Containers
		one := stored{id: c.id, name: c.name, labels: c.labels, bytes: p.inv.sizes[c.id], since: p.inv.ended[c.id]}
		if err := p.take(ctx, kindContainer, one, p.remover(kindContainer, c.id)); err != nil {
			return err
		}
		if p.out.Containers > before {
			left = left[:len(left)-1]
		}
	}
	p.inv.containers = left
	return nil
}

func (p *pruning) remover(kind, id string) func(context.Context) error {
	return func(ctx context.Context) error { return p.removeUnused(ctx, kind, id) }
}

// images removes images that no container was made from, and releases what old snapshots keep.
func (p *pruning) images(ctx context.Context) error {
	if p.in.Images == "" || p.in.Images == "none" {
		return nil
	}
	// What was built on another image goes before it; what stays keeps all that it was built on.
	slices.SortStableFunc(p.inv.images, func(a, b stored) int {
		return cmp.Compare(len(p.inv.ancestors(b.id)), len(p.inv.ancestors(a.id)))
	})
	built := map[string]bool{}
	for _, i := range p.inv.images {
		gone, err := p.oneImage(ctx, i, built[i.id])
		if err != nil {
			return err
		}
		if gone {
			continue
		}
		for _, id := range p.inv.ancestors(i.id) {
			built[id] = true
		}
	}
	return nil
}

// oneImage removes an image, unless it stays. on says that one that stays was built on it.
func (p *pruning) oneImage(ctx context.Context, i stored, on bool) (gone bool, err error) {
	if err := p.release(ctx, &i); err != nil {
		return false, err
	}
	if slices.ContainsFunc(p.inv.containers, func(c summary) bool { return c.imageID == i.id }) || p.in.Images == "dangling" && !p.nameless(i) {
		return false, nil
	}
	d, err := p.image(ctx, i.id)
	if missing(err) {
		return true, nil
	}
	if err != nil {
		return false, p.failed("look at image "+short(i.id), err)
	}
	i.since, i.digests = d.tagged, d.digests
	names := slices.DeleteFunc(slices.Clone(i.refs), isKeepTag)
	i.name = cmp.Or(slices.Concat(names, i.digests, i.refs)...)
	why := p.spareImage(i)
	if why == "" && on {
		why = "images that stay were built on it"
	}
	if why != "" {
		p.keep(kindImage, cmp.Or(i.name, short(i.id)), why)
		return false, nil
	}
	before := p.out.Images
	err = p.take(ctx, kindImage, i, func(ctx context.Context) error { return p.removeImage(ctx, i) })
	return p.out.Images > before, err
}

// removeImage takes an image's names away one by one, and with the last one the image goes.
func (p *pruning) removeImage(ctx context.Context, i stored) error {
	for _, ref := range slices.Concat(i.refs, i.digests) {
		if err := p.removeUnused(ctx, kindImage, ref); err != nil {
			return err
		}
	}
	return p.removeUnused(ctx, kindImage, i.id)
}

// release takes away the names under which snapshots kept an image that are old by now. The last name goes
// only with the image itself.
func (p *pruning) release(ctx context.Context, i *stored) error {
	for _, ref := range slices.Clone(i.refs) {
		if !isKeepTag(ref) || p.holds(ref) || p.needed[kindImage+i.id] || len(i.refs) == 1 {
			continue
		}
		i.refs = slices.DeleteFunc(i.refs, func(r string) bool { return r == ref })
		if p.in.DryRun {
			continue
		}
		if err := p.removeUnused(ctx, kindImage, ref); err != nil {
			return p.failed("release "+ref, err)
		}
	}
	return nil
}

// holds says that the name under which a snapshot keeps an image still counts.
func (p *pruning) holds(ref string) bool {
	stamp, _, _ := strings.Cut(strings.TrimPrefix(ref, keepRepository+":"), "-")
	taken, err := time.Parse(keepStamp, stamp)
	return err != nil || p.now.Sub(taken) < p.releaseAfter()
}

// nameless says that an image has no name but one under which a snapshot kept it once.
func (p *pruning) nameless(i stored) bool {
	return !slices.ContainsFunc(i.refs, func(ref string) bool { return !isKeepTag(ref) || p.holds(ref) })
}

func (p *pruning) releaseAfter() time.Duration { return cmp.Or(p.in.ReleaseKept.D(), defaultRelease) }

// spareImage says what keeps an image by its names.
func (p *pruning) spareImage(i stored) string {
	for _, ref := range i.refs {
		if strings.HasPrefix(ref, evidenceRepository+":") {
			return "it is evidence"
		}
		if isKeepTag(ref) && p.holds(ref) {
			return "a snapshot keeps it until it is " + sops.Duration(p.releaseAfter()).String() + " old"
		}
	}
	for _, name := range slices.Concat(i.refs, i.digests) {
		for _, pattern := range p.in.KeepImages {
			if ok, _ := path.Match(pattern, name); ok { // prune has seen the pattern
				return "keep_images names it"
			}
		}
	}
	return ""
}

// networks removes networks that no container is on. The engine would take those of stopped containers too,
// which could not be started any more.
func (p *pruning) networks(ctx context.Context) error {
	if !p.in.Networks {
		return nil
	}
	for _, n := range p.inv.networks {
		if n.used || slices.ContainsFunc(p.inv.containers, func(c summary) bool { return slices.Contains(c.networks, n.name) || c.networkMode == n.name }) {
			continue
		}
		if off := p.left[n.name]; off != "" {
			p.keep(kindNetwork, n.name, off+" is isolated from it, and rejoins it")
			continue
		}
		if err := p.take(ctx, kindNetwork, n, p.remover(kindNetwork, n.id)); err != nil {
			return err
		}
	}
	return nil
}

// left gives the networks that containers were taken off by docker.isolate and have not rejoined: nothing is on
// them, and they are needed.
func (a *actions) left(ctx context.Context, host string, containers []summary) (map[string]string, error) {
	off := map[string]string{}
	if a.keep == nil {
		return off, nil
	}
	for _, c := range containers {
		m, err := a.remembered(ctx, memoryKey(host, c.id))
		if err != nil {
			return nil, err
		}
		if m.ID == c.id && !m.Rejoined {
			for name := range m.Was.Endpoints {
				off[name] = c.name
			}
		}
	}
	return off, nil
}

// volumes removes volumes without a name, and of those with one only what is listed.
func (p *pruning) volumes(ctx context.Context) error {
	for _, v := range p.inv.volumes {
		listed := slices.Contains(p.in.NamedVolumes, v.name)
		if !listed && (!p.in.Volumes || !anonymous(v.name)) {
			continue
		}
		user := slices.IndexFunc(p.inv.containers, func(c summary) bool { return slices.Contains(c.volumes, v.name) })
		if user >= 0 {
			if listed {
				p.keep(kindVolume, v.name, p.inv.containers[user].name+" uses it")
			}
			continue
		}
		if err := p.take(ctx, kindVolume, v, p.remover(kindVolume, v.name)); err != nil {
			return err
		}
	}
	return nil
}

// cache removes what is kept to build images faster. The engine knows best in which order.
func (p *pruning) cache(ctx context.Context) error {
	if !p.in.BuildCache {
		return nil
	}
	var gone map[string]bool
	if !p.in.DryRun {
		var err error
		if gone, err = p.pruneCache(ctx, p.age()); err != nil {
			return p.failed("prune the build cache", err)
		}
	}
	for _, r := range p.inv.cache {
		if p.in.DryRun && !r.used && p.now.Sub(r.since) >= p.age() || gone[r.id] {
			p.note(ctx, kindCache, r)
		}
	}
	return nil
}
