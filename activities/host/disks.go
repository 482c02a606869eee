package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/shirou/gopsutil/v4/disk"

	"github.com/orderly-ops/orderly/activities/action"
)

// pseudo are the file systems that hold no data of their own, or are full by nature.
var pseudo = []string{
	"autofs", "binder", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devfs", "devpts",
	"devtmpfs", "efivarfs", "fdescfs", "fuse.gvfsd-fuse", "fuse.lxcfs", "fuse.portal", "fusectl", "hugetlbfs",
	"mqueue", "nsfs", "overlay", "proc", "procfs", "pstore", "ramfs", "rpc_pipefs", "securityfs", "selinuxfs",
	"sysfs", "tmpfs", "tracefs", // no data of their own
	"erofs", "iso9660", "squashfs", "udf", // images: always full
}

// choice is which mounts are looked at.
type choice struct{ include, exclude []string }

func newChoice(in ResourcesInput) (choice, error) {
	for _, pattern := range slices.Concat(in.Include, in.Exclude) {
		if _, err := path.Match(pattern, "/"); err != nil {
			return choice{}, action.Permanent(action.ErrInput, "host.resources: %q is not a glob pattern: %v", pattern, err)
		}
	}
	return choice{include: in.Include, exclude: in.Exclude}, nil
}

// wants says whether a mount is looked at. The root is a real file system even where it is an overlay:
// that is what a container's root is.
func (c choice) wants(p disk.PartitionStat) bool {
	switch {
	case matches(c.exclude, p.Mountpoint):
		return false
	case len(c.include) > 0:
		return matches(c.include, p.Mountpoint)
	case p.Mountpoint == "/":
		return true
	default:
		return !slices.Contains(pseudo, p.Fstype)
	}
}

// missing lists what is named but not mounted: a disk that is not there must not pass in silence.
func (c choice) missing(mounts []disk.PartitionStat) []Unread {
	missing := []Unread{}
	for _, pattern := range c.include {
		if !slices.ContainsFunc(mounts, func(p disk.PartitionStat) bool { return matches([]string{pattern}, p.Mountpoint) }) {
			missing = append(missing, Unread{What: pattern, Why: "nothing is mounted there"})
		}
	}
	return missing
}

func matches(patterns []string, mount string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, _ := path.Match(pattern, mount) // patterns were checked by newChoice
		return ok
	})
}

// disks looks at every mount chosen, all at once, each with its own patience.
func (m *machine) disks(ctx context.Context, c choice, patience time.Duration) ([]Disk, []Unread, error) {
	mounts, err := m.mounts(ctx, true)
	if err != nil {
		return nil, nil, fmt.Errorf("list mounts: %w", err)
	}
	chosen := slices.DeleteFunc(mounts, func(p disk.PartitionStat) bool { return !c.wants(p) })
	if len(c.include) == 0 {
		chosen = once(chosen)
	}
	disks, unread := []Disk{}, c.missing(chosen)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, p := range chosen {
		wg.Go(func() {
			d, err := m.disk(ctx, p, patience)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, errNoDisk):
			case err != nil:
				unread = append(unread, Unread{What: p.Mountpoint, Why: err.Error()})
			default:
				disks = append(disks, d)
			}
		})
	}
	wg.Wait()
	slices.SortFunc(disks, func(a, b Disk) int { return cmp.Compare(a.Mount, b.Mount) })
	slices.SortFunc(unread, func(a, b Unread) int { return cmp.Compare(a.What, b.What) })
	return disks, unread, ctx.Err()
}

// once keeps one mount a device: not a bind where there is another, then the shortest path. A mount
// point that another mount covers again is one mount as well: the last is what programs see.
func once(mounts []disk.PartitionStat) []disk.PartitionStat {
	best := map[string]disk.PartitionStat{}
	for _, p := range mounts {
		key := p.Fstype + " " + p.Device
		if old, seen := best[key]; !seen || better(p, old) {
			best[key] = p
		}
	}
	visible := map[string]disk.PartitionStat{}
	for _, p := range mounts { // in mount order: the last wins
		if kept := best[p.Fstype+" "+p.Device]; kept.Mountpoint == p.Mountpoint {
			visible[p.Mountpoint] = p
		}
	}
	out := make([]disk.PartitionStat, 0, len(visible))
	for _, p := range visible {
		out = append(out, p)
	}
	return out
}

func better(a, b disk.PartitionStat) bool {
	if x, y := bind(a), bind(b); x != y {
		return y
	}
	return len(a.Mountpoint) < len(b.Mountpoint)
}

func bind(p disk.PartitionStat) bool { return slices.Contains(p.Opts, "bind") }

// errNoDisk says that a mount is none: a single file bound into a container, or gone again.
var errNoDisk = errors.New("not a disk")

// disk asks one file system. A dead one (NFS without its server) can't be interrupted, so the question
// is asked by a goroutine that is left behind.
func (m *machine) disk(ctx context.Context, p disk.PartitionStat, patience time.Duration) (Disk, error) {
	answer := m.reading.DoChan(p.Mountpoint, func() (any, error) {
		if info, err := os.Stat(p.Mountpoint); err == nil && bind(p) && !info.IsDir() {
			return nil, errNoDisk
		}
		return m.usage(context.WithoutCancel(ctx), p.Mountpoint)
	})
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return Disk{}, ctx.Err()
	case <-timer.C:
		return Disk{}, fmt.Errorf("%s file system %s gave no answer within %s", p.Fstype, strings.ToValidUTF8(p.Device, "?"), patience)
	case got := <-answer:
		if errors.Is(got.Err, os.ErrNotExist) {
			return Disk{}, errNoDisk
		}
		usage, ok := got.Val.(*disk.UsageStat)
		if got.Err != nil || !ok {
			return Disk{}, got.Err
		}
		return diskOf(p, usage)
	}
}

func diskOf(p disk.PartitionStat, u *disk.UsageStat) (Disk, error) {
	if u.Total == 0 {
		return Disk{}, errNoDisk
	}
	return Disk{
		Mount: p.Mountpoint, Device: p.Device, Type: p.Fstype,
		ReadOnly: slices.Contains(p.Opts, "ro"),
		Total:    int64(u.Total), Used: int64(u.Used), Free: int64(u.Free),
		Percent: rounded(u.UsedPercent), InodesPercent: rounded(u.InodesUsedPercent),
	}, nil
}
