package docker

import (
	"path"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"
)

func natPort(p string) nat.Port { return nat.Port(p) }

// differs names in what another container differs from a spec, in words that hold no values: those may be
// secrets. Networks and state are compared elsewhere, because they can be changed in place.
func (s spec) differs(now spec) []string {
	var in []string
	note := func(what string, ok bool) {
		if !ok {
			in = append(in, what)
		}
	}
	a, b := *s.Config, *now.Config
	note("image", s.ImageID == now.ImageID)
	note("image name", s.ImageRef == "" || s.ImageRef == now.ImageRef || s.ImageID != now.ImageID)
	note("environment", sameSet(a.Env, b.Env))
	note("labels", same(a.Labels, b.Labels))
	note("command", same([]any{a.Entrypoint, a.Cmd, a.WorkingDir, a.User}, []any{b.Entrypoint, b.Cmd, b.WorkingDir, b.User}))
	note("settings", same(rest(a), rest(b)))
	note("mounts", slices.Equal(s.Mounts, now.Mounts))
	note("host settings", same(portable(*s.Host), portable(*now.Host)))
	return in
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// rest is a config without what is compared by itself.
func rest(c container.Config) container.Config {
	c.Env, c.Labels, c.Entrypoint, c.Cmd, c.WorkingDir, c.User, c.Image = nil, nil, nil, nil, "", "", ""
	c.Volumes = nil // see mounts
	return c
}

// portable is a host config without anonymous volumes: one that was carried over to a new container is told
// by its name there. The mounts themselves are compared too.
func portable(h container.HostConfig) container.HostConfig {
	h.Binds = slices.DeleteFunc(slices.Clone(h.Binds), func(bind string) bool {
		source, _, _ := strings.Cut(bind, ":")
		return anonymous(source)
	})
	h.Mounts = slices.DeleteFunc(slices.Clone(h.Mounts), func(m mount.Mount) bool {
		return m.Type == mount.TypeVolume && (m.Source == "" || anonymous(m.Source))
	})
	h.ConsoleSize = [2]uint{} // of the terminal that made it
	return h
}

// anonymous says that a volume's name was made by the engine.
func anonymous(volume string) bool {
	return len(volume) == 64 && strings.Trim(volume, "0123456789abcdef") == ""
}

// carried is what must be added to the binds so that a new container has the volumes of the old one that
// its host config does not name.
func (s spec) carried() []string {
	told := map[string]bool{}
	for _, place := range s.Borrowed {
		told[place] = true
	}
	for _, bind := range s.Host.Binds {
		if parts := strings.Split(bind, ":"); len(parts) > 1 {
			told[path.Clean(parts[1])] = true // as the engine tells its mounts: people write /data/, too
		}
	}
	for _, m := range s.Host.Mounts {
		if m.Source != "" {
			told[path.Clean(m.Target)] = true
		}
	}
	var binds []string
	for _, m := range s.Mounts {
		if m.Type != string(mount.TypeVolume) || m.Name == "" || told[m.Destination] {
			continue
		}
		bind := m.Name + ":" + m.Destination
		if !m.RW {
			bind += ":ro"
		}
		binds = append(binds, bind)
	}
	return binds
}

// volumes names the volumes that a container uses.
func (s spec) volumes() []string {
	var names []string
	for _, m := range s.Mounts {
		if m.Type == string(mount.TypeVolume) && m.Name != "" {
			names = append(names, m.Name)
		}
	}
	return names
}

// hostConfig is the host config to make a container of a spec with.
func (s spec) hostConfig() *container.HostConfig {
	h := *s.Host
	extra := s.carried()
	h.Binds = append(slices.Clone(h.Binds), extra...)
	taken := func(m mount.Mount) bool { // an unnamed volume that is carried over by name
		return m.Type == mount.TypeVolume && m.Source == "" &&
			slices.ContainsFunc(extra, func(bind string) bool { return strings.Split(bind, ":")[1] == path.Clean(m.Target) })
	}
	h.Mounts = slices.DeleteFunc(slices.Clone(h.Mounts), taken)
	return &h
}

// primary is the network that a container is made on; "" for one without networks of its own.
func (s spec) primary() string {
	if !ownNetwork(s.Host.NetworkMode) {
		return ""
	}
	if s.Host.NetworkMode.IsDefault() || s.Host.NetworkMode == "" {
		return network.NetworkBridge
	}
	return s.Host.NetworkMode.NetworkName()
}

// conceal takes the values of a container's environment out of an error's words: an engine may repeat what
// it does not like.
func (s spec) conceal(text string) string {
	for _, v := range s.Config.Env {
		if _, value, ok := strings.Cut(v, "="); ok && len(value) > 2 {
			text = strings.ReplaceAll(text, value, "…")
		}
	}
	return text
}
