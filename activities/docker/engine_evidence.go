package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/docker/docker/api/types/container"
)

// raw writes all that the engine tells of the container.
func (x *exporting) raw(ctx context.Context, w io.Writer) error {
	_, text, err := x.api.ContainerInspectWithRaw(ctx, x.d.id, true)
	if err != nil {
		return err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, text, "", "  "); err != nil {
		return err
	}
	_, err = pretty.WriteTo(w)
	return err
}

// processes writes what runs in the container.
func (x *exporting) processes(ctx context.Context, w io.Writer) error {
	top, err := x.api.ContainerTop(ctx, x.d.id, []string{"-eo", "pid,ppid,user,lstart,args"})
	if err != nil {
		return err
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(top)
}

// changes writes which files differ from the image's: C changed, A added, D deleted.
func (x *exporting) changes(ctx context.Context, w io.Writer) error {
	changes, err := x.api.ContainerDiff(ctx, x.d.id)
	if err != nil {
		return err
	}
	for _, c := range changes {
		if _, err := fmt.Fprintln(w, c.Kind, c.Path); err != nil {
			return err
		}
	}
	return nil
}

// files writes the container's files as a tar archive. Nothing is held in memory.
func (x *exporting) files(ctx context.Context, w io.Writer) error {
	archive, err := x.api.ContainerExport(ctx, x.d.id)
	if err != nil {
		return err
	}
	defer archive.Close()
	_, err = io.Copy(w, archive)
	return err
}

// commit makes an image of a container, which stands still meanwhile.
func (e *engine) commit(ctx context.Context, id, ref string) (string, error) {
	made, err := e.api.ContainerCommit(ctx, id, container.CommitOptions{Reference: ref, Comment: "evidence kept by Orderly", Pause: true})
	return made.ID, err
}
