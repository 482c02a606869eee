package docker

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
)

// netSpec is a network as the engine tells of it.
type netSpec = network.Inspect

// volumeSpec is a volume as the engine tells of it.
type volumeSpec = volume.Volume

// predefined are the networks that every engine has.
var predefined = []string{network.NetworkBridge, network.NetworkHost, network.NetworkNone}

// networks lists the host's networks, without those that every engine has and those that a swarm manages.
func (e *engine) networks(ctx context.Context) ([]netSpec, error) {
	ctx, cancel := context.WithTimeout(ctx, e.patience)
	defer cancel()
	all, err := e.api.NetworkList(ctx, network.ListOptions{})
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(n netSpec) bool {
		return slices.Contains(predefined, n.Name) || n.Scope != "local" || n.Ingress || n.ConfigOnly
	})
	slices.SortFunc(all, func(a, b netSpec) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// volumes lists the host's volumes.
func (e *engine) volumes(ctx context.Context) ([]volumeSpec, error) {
	ctx, cancel := context.WithTimeout(ctx, e.patience)
	defer cancel()
	found, err := e.api.VolumeList(ctx, volume.ListOptions{})
	if err != nil {
		return nil, err
	}
	all := make([]volumeSpec, 0, len(found.Volumes))
	for _, v := range found.Volumes {
		all = append(all, *v)
	}
	slices.SortFunc(all, func(a, b volumeSpec) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// takePlaces gives the networks and volumes of containers, or all there are.
func (e *engine) takePlaces(ctx context.Context, of []spec, everything bool) ([]netSpec, []volumeSpec, error) {
	nets, err := e.networks(ctx)
	if err != nil {
		return nil, nil, e.failed("list networks", err)
	}
	vols, err := e.volumes(ctx)
	if err != nil {
		return nil, nil, e.failed("list volumes", err)
	}
	if everything {
		return nets, vols, nil
	}
	usedNets, usedVols := map[string]bool{}, map[string]bool{}
	for _, s := range of {
		for name := range maps.Keys(s.Endpoints) {
			usedNets[name] = true
		}
		for _, name := range s.volumes() {
			usedVols[name] = true
		}
	}
	nets = slices.DeleteFunc(nets, func(n netSpec) bool { return !usedNets[n.Name] })
	vols = slices.DeleteFunc(vols, func(v volumeSpec) bool { return !usedVols[v.Name] })
	return nets, vols, nil
}

// createNetwork makes a network as it was.
func (e *engine) createNetwork(ctx context.Context, n netSpec) error {
	ctx, cancel := context.WithTimeout(ctx, changeWithin)
	defer cancel()
	ipam := n.IPAM
	_, err := e.api.NetworkCreate(ctx, n.Name, network.CreateOptions{
		Driver: n.Driver, Scope: n.Scope, EnableIPv6: &n.EnableIPv6, IPAM: &ipam, Internal: n.Internal, Attachable: n.Attachable,
		Options: n.Options, Labels: n.Labels,
	})
	return err
}

// sameNetwork compares what a network was told with what it is. An engine that was restarted tells the gateway
// that it chose itself as if it had been told.
func sameNetwork(was, is netSpec) bool {
	told := func(n netSpec) any {
		configs := slices.Clone(n.IPAM.Config)
		for i := range configs {
			configs[i].Gateway = ""
		}
		return []any{n.Driver, n.Internal, n.Attachable, n.EnableIPv6, n.Options, n.Labels, n.IPAM.Driver, n.IPAM.Options, configs}
	}
	return same(told(was), told(is))
}
