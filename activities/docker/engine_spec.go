package docker

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	dockerimage "github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
)

// spec is all it takes to make a container again as it is. It holds the container's environment, with
// whatever secrets are in it: it is kept in protected artifacts and never shown.
type spec struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	State     string    `json:"state"` // stateRunning, statePaused or stateStopped
	Healthy   bool      `json:"healthy"`
	StartedAt time.Time `json:"started_at"`
	ImageID   string    `json:"image_id"`
	ImageRef  string    `json:"image_ref"` // as the container was told: a name, a digest or an id

	// Config is without what the image gives by itself, so that another image gives its own.
	Config *container.Config     `json:"config"`
	Host   *container.HostConfig `json:"host"`
	// Endpoints is what was asked for on each network, by its name; not what the engine gave.
	Endpoints map[string]*network.EndpointSettings `json:"endpoints"`
	Mounts    []mounted                            `json:"mounts"`
	// Borrowed are the places in Mounts that it has from other containers (--volumes-from).
	Borrowed []string `json:"borrowed,omitempty"`
}

// mounted is a place of a container's files that outlives it.
type mounted struct {
	Type        string `json:"type"`
	Name        string `json:"name,omitempty"` // of a volume
	Source      string `json:"source,omitempty"`
	Destination string `json:"destination"`
	RW          bool   `json:"rw"`
}

// The states that are put back. Everything that does not run counts as stopped.
const (
	statePaused  = "paused"
	stateStopped = "stopped"
)

// whatItDoes reduces the engine's states to those.
func whatItDoes(state string) string {
	switch state {
	case stateRunning, "restarting":
		return stateRunning
	case statePaused:
		return statePaused
	default:
		return stateStopped
	}
}

// specOf reads what a container is made of. The error is the library's.
func (e *engine) specOf(ctx context.Context, id string) (spec, error) {
	ctx, cancel := context.WithTimeout(ctx, e.patience)
	defer cancel()
	c, err := e.api.ContainerInspect(ctx, id)
	if err != nil {
		return spec{}, err
	}
	s := spec{
		ID: c.ID, Name: strings.TrimPrefix(c.Name, "/"), State: whatItDoes(c.State.Status), StartedAt: moment(c.State.StartedAt),
		Healthy: c.State.Health != nil && c.State.Health.Status == container.Healthy,
		ImageID: c.Image, ImageRef: c.Config.Image,
		Config: c.Config, Host: c.HostConfig, Endpoints: map[string]*network.EndpointSettings{}, Mounts: mountsOf(c.Mounts),
	}
	image, err := e.api.ImageInspect(ctx, c.Image)
	if err != nil && !missing(err) {
		return spec{}, err
	}
	if image.Config != nil {
		subtract(s.Config, image)
	}
	s.Config.Image = ""
	e.unbind(ctx, &s)
	if !s.ownsNetwork() {
		return s, nil
	}
	for name, endpoint := range c.NetworkSettings.Networks {
		s.Endpoints[name] = asked(endpoint, c.ID)
		if mode := string(s.Host.NetworkMode); mode != "" && strings.HasPrefix(endpoint.NetworkID, mode) {
			s.Host.NetworkMode = container.NetworkMode(name) // it was told by its id, which another one won't have
		}
	}
	return s, nil
}

// ownNetwork says that a container has networks of its own, which it can leave and join.
func ownNetwork(mode container.NetworkMode) bool {
	return !mode.IsHost() && !mode.IsNone() && !mode.IsContainer()
}

// ownsNetwork is ownNetwork of a container that has not been made without any. (An engine without its own
// bridge makes those so that ask for it, and tells of the network nevertheless.)
func (s spec) ownsNetwork() bool { return ownNetwork(s.Host.NetworkMode) && !s.Config.NetworkDisabled }

// unbind takes out of a spec what is true of this one container only: its id in its own settings, and the
// ids of containers that it refers to, which may be other ones by then.
func (e *engine) unbind(ctx context.Context, s *spec) {
	if s.Config.Hostname == short(s.ID) || s.Host.NetworkMode.IsContainer() {
		s.Config.Hostname = ""
	}
	if s.Host.UTSMode.IsHost() { // it has the host's, and must not be told so
		s.Config.Hostname, s.Config.Domainname = "", ""
	}
	s.Host.NetworkMode = container.NetworkMode(e.byName(ctx, string(s.Host.NetworkMode)))
	s.Host.PidMode = container.PidMode(e.byName(ctx, string(s.Host.PidMode)))
	s.Host.IpcMode = container.IpcMode(e.byName(ctx, string(s.Host.IpcMode)))
	for i, link := range s.Host.Links { // "/db:/web/alias" is told as "db:alias"
		if from, to, ok := strings.Cut(link, ":"); ok {
			s.Host.Links[i] = strings.TrimPrefix(from, "/") + ":" + to[strings.LastIndex(to, "/")+1:]
		}
	}
	for i, from := range s.Host.VolumesFrom {
		id, mode, given := strings.Cut(from, ":")
		lender, err := e.api.ContainerInspect(ctx, id)
		if err != nil { // it is gone: the engine will refuse to make this one again, before the old one is stopped
			continue
		}
		if s.Host.VolumesFrom[i] = strings.TrimPrefix(lender.Name, "/"); given {
			s.Host.VolumesFrom[i] += ":" + mode
		}
		for _, m := range lender.Mounts {
			s.Borrowed = append(s.Borrowed, m.Destination)
		}
	}
}

// byName turns "container:<id>" into "container:<name>"; anything else stays.
func (e *engine) byName(ctx context.Context, mode string) string {
	const prefix = "container:"
	id, ok := strings.CutPrefix(mode, prefix)
	if !ok {
		return mode
	}
	d, err := e.inspect(ctx, id)
	if err != nil { // it is gone: nothing else will be called by that id
		return mode
	}
	return prefix + d.name
}

// connections is the part of a spec that join goes by. No environment is in it.
func (s spec) connections() spec {
	return spec{
		ID: s.ID, Name: s.Name, State: s.State, Config: &container.Config{NetworkDisabled: s.Config.NetworkDisabled},
		Host: &container.HostConfig{NetworkMode: s.Host.NetworkMode}, Endpoints: maps.Clone(s.Endpoints),
	}
}

// leansOn is the name of the container whose network this one uses, "" for none.
func (s spec) leansOn() string {
	name, _ := strings.CutPrefix(string(s.Host.NetworkMode), "container:")
	if name == string(s.Host.NetworkMode) {
		return ""
	}
	return name
}

func mountsOf(points []container.MountPoint) []mounted {
	all := make([]mounted, 0, len(points))
	for _, p := range points {
		m := mounted{Type: string(p.Type), Name: p.Name, Destination: p.Destination, RW: p.RW}
		if p.Type != mount.TypeVolume {
			m.Source = p.Source
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b mounted) int { return cmp.Compare(a.Destination, b.Destination) })
	return all
}

// asked is what was asked for on a network, without what the engine made of it. The engine adds the
// container's own short id to its aliases.
func asked(given *network.EndpointSettings, id string) *network.EndpointSettings {
	a := &network.EndpointSettings{Links: given.Links, DriverOpts: given.DriverOpts, GwPriority: given.GwPriority}
	for _, alias := range given.Aliases {
		if alias != short(id) && !slices.Contains(a.Aliases, alias) {
			a.Aliases = append(a.Aliases, alias)
		}
	}
	slices.Sort(a.Aliases)
	if c := given.IPAMConfig; c != nil && (c.IPv4Address != "" || c.IPv6Address != "" || len(c.LinkLocalIPs) > 0) {
		a.IPAMConfig = c
	}
	return a
}

// subtract takes out of a container's config what its image gives to every container, as the engine had
// put it in: see Merge in moby's runconfig.
func subtract(c *container.Config, from dockerimage.InspectResponse) {
	image := from.Config
	c.Env = slices.DeleteFunc(slices.Clone(c.Env), func(v string) bool { return slices.Contains(image.Env, v) })
	maps.DeleteFunc(c.Labels, func(k, v string) bool { own, ok := image.Labels[k]; return ok && own == v })
	for port := range image.ExposedPorts {
		delete(c.ExposedPorts, natPort(port))
	}
	for volume := range image.Volumes {
		delete(c.Volumes, volume)
	}
	if slices.Equal(c.Entrypoint, image.Entrypoint) {
		c.Entrypoint = nil
		if slices.Equal(c.Cmd, image.Cmd) {
			c.Cmd = nil
		}
	} else if len(c.Entrypoint) == 0 {
		c.Entrypoint = []string{} // told to have none
	}
	c.User = unless(c.User, image.User)
	c.WorkingDir = unless(c.WorkingDir, image.WorkingDir)
	c.StopSignal = unless(c.StopSignal, image.StopSignal)
	if slices.Equal(c.Shell, image.Shell) {
		c.Shell = nil
	}
	if same(c.Healthcheck, image.Healthcheck) {
		c.Healthcheck = nil
	}
	c.OnBuild = nil // belongs to images
}

func unless(value, given string) string {
	if value == given {
		return ""
	}
	return value
}

// same compares what two things of the engine's say. A field that was left out and one that was given as
// nothing say the same; an entry of a list or a map says something by being there.
func same(a, b any) bool {
	return reflect.DeepEqual(said(reflect.ValueOf(a)), said(reflect.ValueOf(b)))
}

// said is a value without the fields that say nothing; nil for one that says nothing at all.
func said(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Invalid:
		return nil
	case reflect.Pointer, reflect.Interface:
		return said(v.Elem())
	case reflect.Struct:
		fields := map[string]any{}
		for i := range v.NumField() {
			if field := said(v.Field(i)); field != nil {
				fields[v.Type().Field(i).Name] = field
			}
		}
		if len(fields) == 0 {
			return nil
		}
		return fields
	case reflect.Map:
		if v.Len() == 0 {
			return nil
		}
		entries := map[string]any{}
		for _, key := range v.MapKeys() {
			entries[key.String()] = said(v.MapIndex(key))
		}
		return entries
	case reflect.Slice, reflect.Array:
		if v.Len() == 0 || v.Kind() == reflect.Array && v.IsZero() {
			return nil
		}
		items := make([]any, v.Len())
		for i := range items {
			items[i] = said(v.Index(i))
		}
		return items
	default:
		if v.IsZero() {
			return nil
		}
		return fmt.Sprint(v)
	}
}
