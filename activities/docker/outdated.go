package docker

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/orderly-ops/orderly/activities/action"
)

const (
	// registriesAtOnce is how many questions registries are asked at the same time.
	registriesAtOnce = 8
	// registryWithin bounds one of them: the engine itself may wait for minutes.
	registryWithin = 20 * time.Second
)

// How an image stands to what there is now under its name.
const (
	imageCurrent  = "current"
	imageOutdated = "outdated"
	imageUnknown  = "unknown"
	imagePinned   = "pinned"
)

// OutdatedInput is the input of docker.images-outdated.
type OutdatedInput struct {
	Host string `json:"host" target:"docker" doc:"The Docker host."`
	Filter
}

// Outdated is the output of docker.images-outdated.
type Outdated struct {
	Images   []ImageAge `json:"images" doc:"The images that running containers use, by name."`
	Current  int        `json:"current" doc:"How many are what their registry has now."`
	Outdated int        `json:"outdated" doc:"How many are not: there is a newer one."`
	Unknown  int        `json:"unknown" doc:"How many could not be compared. That is not the same as current."`
	Pinned   int        `json:"pinned" doc:"How many are named by digest or id: there can't be a newer one under that name."`
}

// ImageAge is how the image of some containers stands.
type ImageAge struct {
	Ref          string   `json:"ref" doc:"What the containers call it."`
	Containers   []string `json:"containers" doc:"The running containers that use it, by name."`
	ImageID      string   `json:"image_id" doc:"The image that they run, by id, in full."`
	Digest       string   `json:"digest,omitempty" doc:"The digest that it was pulled by; absent for one that was made on the host."`
	NewestDigest string   `json:"newest_digest,omitempty" doc:"The digest that the registry has under the name now; absent when it could not be asked."`
	LocalID      string   `json:"local_id,omitempty" doc:"The image that the name means on the host now: another one than image_id when somebody pulled or built since the container was made; absent when it means none."`
	Status       string   `json:"status" enum:"current,outdated,unknown,pinned" doc:"How it stands."`
	Why          string   `json:"why,omitempty" doc:"In words."`
	Update       string   `json:"update,omitempty" doc:"What docker.update would take as image to bring the newest one; absent unless it is outdated."`
}

func (a *actions) imagesOutdated(ctx context.Context, in OutdatedInput) (Outdated, error) {
	if err := in.check("docker.images-outdated"); err != nil {
		return Outdated{}, err
	}
	e, err := a.engines.Get(in.Host)
	if err != nil {
		return Outdated{}, err
	}
	defer action.KeepAlive(ctx)()
	all, err := e.list(ctx, false)
	if err != nil {
		return Outdated{}, err
	}
	out := Outdated{Images: []ImageAge{}}
	for _, c := range in.choose(all) {
		ref, err := e.reference(ctx, c)
		if err != nil {
			return Outdated{}, e.failed("look at "+c.name, err)
		}
		out.use(ref, c)
	}
	slices.SortFunc(out.Images, func(a, b ImageAge) int { return slices.Compare([]string{a.Ref, a.ImageID}, []string{b.Ref, b.ImageID}) })
	out.Images = out.Images[:min(len(out.Images), maxListed)]
	if err := e.judgeAll(ctx, out.Images); err != nil {
		return Outdated{}, err
	}
	for _, i := range out.Images {
		out.count(i.Status)
	}
	return out, nil
}

func (o *Outdated) count(status string) {
	switch status {
	case imageCurrent:
		o.Current++
	case imageOutdated:
		o.Outdated++
	case imagePinned:
		o.Pinned++
	default:
		o.Unknown++
	}
}

// reference is what a container calls its image. A listing tells an id instead once the name means another
// image.
func (e *engine) reference(ctx context.Context, c summary) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, e.patience)
	defer cancel()
	ref, err := e.calls(ctx, c.id)
	if missing(err) {
		return c.image, nil
	}
	return ref, err
}

// use notes that a container uses an image.
func (o *Outdated) use(ref string, c summary) {
	i := slices.IndexFunc(o.Images, func(i ImageAge) bool { return i.Ref == ref && i.ImageID == c.imageID })
	if i < 0 {
		o.Images = append(o.Images, ImageAge{Ref: ref, ImageID: c.imageID, Containers: []string{}})
		i = len(o.Images) - 1
	}
	o.Images[i].Containers = append(o.Images[i].Containers, c.name)
}

// judgeAll judges the images side by side.
func (e *engine) judgeAll(ctx context.Context, images []ImageAge) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(registriesAtOnce)
	for i := range images {
		group.Go(func() error {
			if err := e.judge(ctx, &images[i]); err != nil {
				return e.failed("look at image "+images[i].Ref, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// judge finds out how an image stands. Whatever can't be found out makes it unknown; an error is the
// engine's own.
func (e *engine) judge(ctx context.Context, i *ImageAge) error {
	name, err := parseImage(i.Ref)
	i.Status = imageUnknown
	if err == nil {
		return e.judgeNamed(ctx, i, name)
	}
	i.Why = "its name is none that a registry would know"
	return nil
}

func (e *engine) judgeNamed(ctx context.Context, i *ImageAge, name imageName) error {
	is, err := e.image(ctx, i.ImageID)
	if err != nil && !missing(err) {
		return err
	}
	i.Digest = name.among(is.digests)
	switch {
	case name.id != "":
		i.Status, i.Why = imagePinned, "it is named by id"
		return nil
	case name.digest != "":
		i.Status, i.Why = imagePinned, "it is named by digest"
		return nil
	}
	local, err := e.image(ctx, i.Ref)
	if err != nil && !missing(err) {
		return err
	}
	i.LocalID = local.id
	e.compare(ctx, i, name, local)
	return ctx.Err()
}

// compare compares an image with its registry, and where that can't tell, with what the host has.
func (e *engine) compare(ctx context.Context, i *ImageAge, name imageName, local imageDetail) {
	moved := i.LocalID != "" && i.LocalID != i.ImageID
	if i.Digest == "" && name.among(local.digests) == "" {
		i.Status, i.Why = imageUnknown, "it was made on the host, so no registry can be compared with"
		if moved {
			i.Status, i.Why, i.Update = imageOutdated, "the name means a newer image on the host", i.LocalID
		}
		return
	}
	asking, cancel := context.WithTimeout(ctx, registryWithin)
	defer cancel()
	newest, err := e.newest(asking, i.Ref)
	switch {
	case err != nil && moved:
		i.Status, i.Why, i.Update = imageOutdated, "the name means a newer image on the host; its registry could not be asked: "+why(err), i.LocalID
	case err != nil:
		i.Status, i.Why = imageUnknown, "its registry could not be asked: "+why(err)
	case newest == i.Digest:
		i.Status, i.NewestDigest = imageCurrent, newest
	default:
		i.Status, i.NewestDigest = imageOutdated, newest
		i.Why, i.Update = "the registry has a newer one", fmt.Sprintf("%s:%s@%s", name.name, name.tag, newest)
	}
}
