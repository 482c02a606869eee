package testenv

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"
)

// DockerState is what there is of an application on the host that DockerClient leads to, as text: its
// containers, the images they were made from, its networks and volumes, in an order that does not change.
// Two states are compared as strings. label ("key" or "key=value") chooses what belongs to the application:
// containers, networks and volumes that have it, and what its containers use.
//
// What comes and goes without anybody having changed anything is not in it: ids of containers and networks,
// addresses that were not asked for, gateways, times, exit codes, and names under which images are merely kept
// (orderly/keep). Created, exited and dead are all stopped.
func DockerState(t testing.TB, label string) string {
	t.Helper()
	return DockerStateOf(t, DockerClient(t), label)
}

// DockerStateOf is DockerState of another engine.
func DockerStateOf(t testing.TB, engine *client.Client, label string) string {
	t.Helper()
	ctx, cancel := bounded()
	defer cancel()
	s := state{engine: engine, label: label, images: map[string]bool{}, networks: map[string]bool{}, volumes: map[string]bool{}}
	if err := s.read(ctx); err != nil {
		t.Fatalf("read the state of the Docker host: %v", err)
	}
	return strings.Join(s.lines, "\n") + "\n"
}

// state gathers the lines of a DockerState.
type state struct {
	engine                    *client.Client
	label                     string
	lines                     []string
	images, networks, volumes map[string]bool // that the containers use
}

func (s *state) read(ctx context.Context) error {
	for _, part := range []func(context.Context) error{s.containers, s.imagesUsed, s.networksUsed, s.volumesUsed} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// add adds a thing, one property a line, so that a comparison shows what differs.
func (s *state) add(kind, name string, what map[string]any) error {
	raw, err := json.Marshal(what)
	if err != nil {
		return err
	}
	var shape map[string]any
	if err := json.Unmarshal(raw, &shape); err != nil {
		return err
	}
	s.lines = append(s.lines, kind+" "+name)
	s.properties("  ", shape)
	return nil
}

func (s *state) properties(path string, of map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(of)) {
		switch v := of[key].(type) {
		case nil:
		case map[string]any:
			if slices.Contains(sets, key) && len(v) > 0 {
				text, _ := json.Marshal(v)
				s.lines = append(s.lines, path+key+" "+string(text))
				continue
			}
			s.properties(path+key+".", v)
		default:
			if text, _ := json.Marshal(v); !slices.Contains(nothing, string(text)) {
				s.lines = append(s.lines, path+key+" "+string(text))
			}
		}
	}
}

// sets are properties whose entries say something even when they are empty.
var sets = []string{"ExposedPorts", "PortBindings", "Tmpfs", "Volumes"}

// nothing are values that say no more than a missing one.
var nothing = []string{`""`, "0", "false", "[]", "[0,0]"}

func (s *state) containers(ctx context.Context) error {
	all, err := s.engine.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", s.label))})
	if err != nil {
		return err
	}
	seen := make([]container.InspectResponse, len(all))
	names := map[string]string{} // by id
	for i, c := range all {
		if seen[i], err = s.engine.ContainerInspect(ctx, c.ID); err != nil {
			return err
		}
		names[c.ID] = strings.TrimPrefix(seen[i].Name, "/")
	}
	slices.SortFunc(seen, func(a, b container.InspectResponse) int { return cmp.Compare(a.Name, b.Name) })
	for _, c := range seen {
		if err := s.add("container", names[c.ID], s.container(c, names)); err != nil {
			return err
		}
	}
	return nil
}

// container is what counts of a container.
func (s *state) container(c container.InspectResponse, names map[string]string) map[string]any {
	s.images[c.Image] = true
	config, host := *c.Config, *c.HostConfig
	slices.Sort(config.Env)
	if strings.HasPrefix(c.ID, config.Hostname) || host.NetworkMode.IsContainer() {
		config.Hostname = ""
	}
	if id := host.NetworkMode.ConnectedContainer(); id != "" {
		host.NetworkMode = container.NetworkMode("container:" + cmp.Or(names[id], id))
	}
	// Volumes without a name are known by where they are mounted, below.
	host.Binds = slices.DeleteFunc(slices.Clone(host.Binds), func(b string) bool { name, _, _ := strings.Cut(b, ":"); return unnamed(name) })
	host.ConsoleSize = [2]uint{}
	return map[string]any{
		"state": whether(c.State), "image": c.Image, "config": config, "host": host, "mounts": s.mounts(c.Mounts), "networks": s.endpoints(c),
	}
}

// unnamed says that a volume's name was made by the engine.
func unnamed(volume string) bool {
	return len(volume) == 64 && strings.Trim(volume, "0123456789abcdef") == ""
}

func whether(s *container.State) string {
	switch {
	case s.Paused:
		return "paused"
	case s.Running, s.Restarting:
		return "running"
	default:
		return "stopped"
	}
}

func (s *state) mounts(points []container.MountPoint) []string {
	var all []string
	for _, m := range points {
		if m.Name != "" {
			s.volumes[m.Name] = true
		}
		all = append(all, fmt.Sprintf("%s %s at %s, writable %t", m.Type, cmp.Or(m.Name, m.Source), m.Destination, m.RW))
	}
	slices.Sort(all)
	return all
}

func (s *state) endpoints(c container.InspectResponse) []string {
	var all []string
	for name, e := range c.NetworkSettings.Networks {
		s.networks[name] = true
		aliases := slices.DeleteFunc(slices.Clone(e.Aliases), func(a string) bool { return strings.HasPrefix(c.ID, a) })
		slices.Sort(aliases)
		asked := network.EndpointIPAMConfig{}
		if e.IPAMConfig != nil {
			asked = *e.IPAMConfig
		}
		all = append(all, fmt.Sprintf("%s as %v, links %v, asked for %v %v %v", name, slices.Compact(aliases), e.Links, asked.IPv4Address, asked.IPv6Address, asked.LinkLocalIPs))
	}
	slices.Sort(all)
	return all
}

func (s *state) imagesUsed(ctx context.Context) error {
	all, err := s.engine.ImageList(ctx, image.ListOptions{})
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b image.Summary) int { return cmp.Compare(a.ID, b.ID) })
	for _, i := range all {
		if !s.images[i.ID] {
			continue
		}
		tags := slices.DeleteFunc(i.RepoTags, func(tag string) bool { return strings.HasPrefix(tag, "orderly/keep:") })
		slices.Sort(tags)
		if err := s.add("image", i.ID, map[string]any{"tags": tags}); err != nil {
			return err
		}
	}
	return nil
}

func (s *state) networksUsed(ctx context.Context) error {
	all, err := s.engine.NetworkList(ctx, network.ListOptions{})
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b network.Summary) int { return cmp.Compare(a.Name, b.Name) })
	for _, n := range all {
		if !s.networks[n.Name] && !labelled(n.Labels, s.label) {
			continue
		}
		for i := range n.IPAM.Config { // after a restart the engine tells the one that it chose itself
			n.IPAM.Config[i].Gateway = ""
		}
		if err := s.add("network", n.Name, map[string]any{
			"driver": n.Driver, "internal": n.Internal, "attachable": n.Attachable, "ipam": n.IPAM, "options": n.Options, "labels": n.Labels,
		}); err != nil {
			return err
		}
	}
	return nil
}

func (s *state) volumesUsed(ctx context.Context) error {
	all, err := s.engine.VolumeList(ctx, volume.ListOptions{})
	if err != nil {
		return err
	}
	kept := map[string]*volume.Volume{}
	for _, v := range all.Volumes {
		if s.volumes[v.Name] || labelled(v.Labels, s.label) {
			kept[v.Name] = v
		}
	}
	for _, name := range slices.Sorted(maps.Keys(kept)) {
		// When it was made tells an empty new one from the old one.
		if err := s.add("volume", name, map[string]any{
			"driver": kept[name].Driver, "options": kept[name].Options, "labels": kept[name].Labels, "made": kept[name].CreatedAt,
		}); err != nil {
			return err
		}
	}
	return nil
}

func labelled(labels map[string]string, wanted string) bool {
	key, value, exact := strings.Cut(wanted, "=")
	found, ok := labels[key]
	return ok && (!exact || found == value)
}
