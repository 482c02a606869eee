package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
)

// changeWithin bounds one change that an engine should make at once, such as starting a container; a disk
// under load takes its time.
const changeWithin = time.Minute

// create makes a container of a spec under a name, on all its networks, and does not start it.
func (e *engine) create(ctx context.Context, s spec, as string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, changeWithin)
	defer cancel()
	config := *s.Config
	config.Image = cmp.Or(s.ImageRef, s.ImageID)
	var on *network.NetworkingConfig
	if first := s.primary(); s.Endpoints[first] != nil {
		on = &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{first: s.Endpoints[first].Copy()}}
	}
	made, err := e.api.ContainerCreate(ctx, &config, s.hostConfig(), on, nil, as)
	if err != nil {
		return "", concealed{s.conceal(err.Error()), err}
	}
	is, err := e.api.ContainerInspect(ctx, made.ID)
	if err != nil {
		return made.ID, err
	}
	if is.Image != s.ImageID {
		return made.ID, fmt.Errorf("image %s has come to mean another one (%s) at this moment", config.Image, short(is.Image))
	}
	_, err = e.join(ctx, made.ID, s)
	return made.ID, err
}

// concealed is an error with other words, of the same kind.
type concealed struct {
	text string
	err  error
}

func (c concealed) Error() string { return c.text }

func (c concealed) Unwrap() error { return c.err }

// join makes a container's networks those of a spec and names those that it changed. What is as it should
// be is left alone: leaving a network cuts connections.
func (e *engine) join(ctx context.Context, id string, s spec) ([]string, error) {
	if !s.ownsNetwork() {
		return nil, nil
	}
	c, err := e.api.ContainerInspect(ctx, id)
	if err != nil {
		return nil, err
	}
	ids, err := e.networkIDs(ctx)
	if err != nil {
		return nil, err
	}
	var changed []string
	leave := func(name string) error {
		changed = append(changed, name)
		err := e.api.NetworkDisconnect(ctx, name, id, false)
		if missing(err) { // the network itself is gone, and only force forgets it
			err = e.api.NetworkDisconnect(ctx, name, id, true)
		}
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(c.NetworkSettings.Networks)) {
		is, want := c.NetworkSettings.Networks[name], s.Endpoints[name]
		stale := is.NetworkID != "" && is.NetworkID != ids[name]
		if want != nil && !stale && same(asked(is, c.ID), want) {
			continue
		}
		if err := leave(name); err != nil {
			return changed, err
		}
		delete(c.NetworkSettings.Networks, name)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Endpoints)) {
		if c.NetworkSettings.Networks[name] != nil {
			continue
		}
		if err := e.api.NetworkConnect(ctx, name, id, s.Endpoints[name].Copy()); err != nil {
			return changed, err
		}
		if !slices.Contains(changed, name) {
			changed = append(changed, name)
		}
	}
	return changed, nil
}

// networkIDs gives the ids of the host's networks by name.
func (e *engine) networkIDs(ctx context.Context) (map[string]string, error) {
	all, err := e.api.NetworkList(ctx, network.ListOptions{})
	if err != nil {
		return nil, err
	}
	ids := make(map[string]string, len(all))
	for _, n := range all {
		ids[n.Name] = n.ID
	}
	return ids, nil
}

// bring makes a container run, pause or stop, and says whether it had to do anything.
func (e *engine) bring(ctx context.Context, id, state string, grace time.Duration) (bool, error) {
	d, err := e.inspect(ctx, id)
	if err != nil {
		return false, err
	}
	is := whatItDoes(d.state)
	if is == state {
		return false, nil
	}
	if state == stateStopped {
		return true, e.stop(ctx, id, grace)
	}
	ctx, cancel := context.WithTimeout(ctx, changeWithin)
	defer cancel()
	if is == stateStopped {
		if err := e.api.ContainerStart(ctx, id, container.StartOptions{}); err != nil {
			return false, err
		}
	}
	switch {
	case state == statePaused:
		err = e.api.ContainerPause(ctx, id)
	case is == statePaused:
		err = e.api.ContainerUnpause(ctx, id)
	}
	return true, err
}

// stop ends a container, which has grace to do so by itself. One that is gone has ended.
func (e *engine) stop(ctx context.Context, id string, grace time.Duration) error {
	seconds := int((grace + time.Second - 1) / time.Second)
	ctx, cancel := context.WithTimeout(ctx, grace+changeWithin)
	defer cancel()
	d, err := e.inspect(ctx, id)
	if err == nil && whatItDoes(d.state) == statePaused {
		err = e.api.ContainerUnpause(ctx, id) // a frozen program can't end
	}
	if err == nil {
		err = e.api.ContainerStop(ctx, id, container.StopOptions{Timeout: &seconds})
	}
	if missing(err) {
		return nil
	}
	return err
}

// remove removes a container and the unnamed volumes that nothing else uses. One that is gone already is
// no error.
func (e *engine) remove(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, changeWithin)
	defer cancel()
	err := e.api.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
	if missing(err) {
		return nil
	}
	if cerrdefs.IsConflict(err) { // somebody else removes it at this moment
		return errors.Join(errors.New("it is being removed"), err)
	}
	return err
}

// rename gives a container a name, unless it has it.
func (e *engine) rename(ctx context.Context, id, to string) error {
	d, err := e.inspect(ctx, id)
	if err != nil || d.name == to {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, e.patience)
	defer cancel()
	return e.api.ContainerRename(ctx, id, to)
}

// leaningOn names the containers that share another one's network, processes or memory: they would lose it
// together with that one.
func (e *engine) leaningOn(ctx context.Context, id, name string) ([]string, error) {
	all, err := e.everyContainer(ctx, true)
	if err != nil {
		return nil, err
	}
	leans := func(mode string) bool { return mode == "container:"+id || mode == "container:"+name }
	var users []string
	for _, c := range all {
		shares := leans(c.networkMode)
		if !shares && c.id != id { // a listing tells of networks only
			one, err := e.sharing(ctx, c.id)
			if err != nil && !missing(err) {
				return nil, err
			}
			shares = slices.ContainsFunc(one, leans)
		}
		if shares {
			users = append(users, c.name)
		}
	}
	return users, nil
}

// sharing is whose processes and memory a container shares, as it was told.
func (e *engine) sharing(ctx context.Context, id string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, e.patience)
	defer cancel()
	c, err := e.api.ContainerInspect(ctx, id)
	if err != nil || c.HostConfig == nil {
		return nil, err
	}
	return []string{string(c.HostConfig.PidMode), string(c.HostConfig.IpcMode)}, nil
}
