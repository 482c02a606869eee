package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"
)

// imageDetail is what is known of an image that is on the host.
type imageDetail struct {
	id            string
	refs, digests []string // "name:tag" and "name@sha256:…"
	labels        map[string]string
	tagged        time.Time // or made, where that is later
}

// image looks at an image by id, name or digest. The error is the library's.
func (e *engine) image(ctx context.Context, ref string) (imageDetail, error) {
	ctx, cancel := context.WithTimeout(ctx, e.patience)
	defer cancel()
	found, err := e.api.ImageInspect(ctx, ref)
	if err != nil {
		return imageDetail{}, err
	}
	d := imageDetail{id: found.ID, refs: found.RepoTags, digests: found.RepoDigests, tagged: moment(found.Created)}
	if found.Config != nil {
		d.labels = found.Config.Labels
	}
	if t := found.Metadata.LastTagTime; t.After(d.tagged) {
		d.tagged = t
	}
	return d, nil
}

// tag names an image.
func (e *engine) tag(ctx context.Context, id, ref string) error {
	ctx, cancel := context.WithTimeout(ctx, e.patience)
	defer cancel()
	return e.api.ImageTag(ctx, id, ref)
}

// pull fetches an image from its registry. It takes as long as ctx allows.
func (e *engine) pull(ctx context.Context, ref string) error {
	progress, err := e.api.ImagePull(ctx, ref, image.PullOptions{})
	if err != nil {
		return err
	}
	defer progress.Close()
	// The answer is 200 whatever happens; the last line tells.
	for d := json.NewDecoder(progress); ; {
		var line struct {
			Error string `json:"error"`
		}
		switch err := d.Decode(&line); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case line.Error != "":
			return errors.New(line.Error)
		}
	}
}

// newest asks the registry, through the engine, for the digest that a name stands for there.
func (e *engine) newest(ctx context.Context, ref string) (string, error) {
	found, err := e.api.DistributionInspect(ctx, ref, "")
	if err != nil {
		return "", err
	}
	return found.Descriptor.Digest.String(), nil
}

// imageName is what a reference to an image says.
type imageName struct {
	name   string // without tag and digest, as people write it
	full   string // with the registry, as digests are compared
	tag    string
	digest string // "sha256:…", "" for none
	id     string // the reference is an image's id
}

// parseImage reads a reference to an image.
func parseImage(ref string) (imageName, error) {
	if hex, ok := strings.CutPrefix(ref, "sha256:"); ok {
		if !anonymous(hex) {
			return imageName{}, fmt.Errorf("%q is not an image's id: sha256: and 64 hex digits", ref)
		}
		return imageName{id: ref}, nil
	}
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return imageName{}, fmt.Errorf("%q is not a reference to an image: %w", ref, err)
	}
	n := imageName{name: reference.FamiliarName(named), full: named.Name()}
	if digested, ok := named.(reference.Digested); ok {
		n.digest = digested.Digest().String()
	}
	if tagged, ok := named.(reference.Tagged); ok {
		n.tag = tagged.Tag()
	} else if n.digest == "" {
		n.tag = "latest"
	}
	return n, nil
}

// pinned says that a reference can mean one image only.
func (n imageName) pinned() bool { return n.id != "" || n.digest != "" }

// among gives the digest that an image was pulled by under this name, "" where it was not.
func (n imageName) among(digests []string) string {
	for _, d := range digests {
		if other, err := parseImage(d); err == nil && other.full == n.full {
			return other.digest
		}
	}
	return ""
}

// calls is what a container calls its image, as it was told. The error is the library's.
func (e *engine) calls(ctx context.Context, id string) (string, error) {
	c, err := e.api.ContainerInspect(ctx, id)
	if err != nil {
		return "", err
	}
	return c.Config.Image, nil
}
