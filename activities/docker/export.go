package docker

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/artifact"
)

// ExportInput is the input of docker.export.
type ExportInput struct {
	Host       string `json:"host" target:"docker" doc:"The Docker host."`
	Container  string `json:"container" doc:"The container, by name or id. Isolated and paused beforehand, it does not change meanwhile."`
	Filesystem *bool  `json:"filesystem,omitempty" doc:"Keep its files, as they are now, as one tar archive. What volumes hold is not in it." default:"true"`
	Logs       *bool  `json:"logs,omitempty" doc:"Keep all that it printed, each line with its time." default:"true"`
	Commit     bool   `json:"commit,omitempty" doc:"Also make an image of it on the host, orderly/evidence:…, which docker.prune never removes."`
}

// Export is the output of docker.export.
type Export struct {
	Container string           `json:"container" doc:"The container's name."`
	ID        string           `json:"id" doc:"Its id, in full."`
	Files     []artifact.Saved `json:"files" doc:"What was kept, as it is: secrets that the container holds are in it."`
	Manifest  artifact.Saved   `json:"manifest" doc:"A list of them with their SHA-256, as sha256sum -c reads it."`
	Image     string           `json:"image,omitempty" doc:"The name of the image that was made of it; absent without commit."`
	ImageID   string           `json:"image_id,omitempty" doc:"Its id, in full; absent without commit."`
	Missed    []Missed         `json:"missed" doc:"What could not be had, and why."`
}

// Missed is a piece of evidence that could not be had.
type Missed struct {
	What string `json:"what" enum:"inspect,changes,processes,logs,filesystem,image" doc:"Which."`
	Why  string `json:"why" doc:"What happened."`
}

// exporting is one export on its way.
type exporting struct {
	*engine
	keep Keeper
	d    detail
	out  Export
}

func (a *actions) export(ctx context.Context, in ExportInput) (Export, error) {
	if a.keep == nil {
		return Export{}, action.Permanent(action.ErrNotConfigured, "docker.export: this worker keeps no artifacts")
	}
	e, err := a.engines.Get(in.Host)
	if err != nil {
		return Export{}, err
	}
	defer action.KeepAlive(ctx)()
	d, err := e.find(ctx, "export "+in.Container, in.Container)
	if err != nil {
		return Export{}, err
	}
	x := exporting{engine: e, keep: a.keep, d: d, out: Export{Container: d.name, ID: d.id, Files: []artifact.Saved{}, Missed: []Missed{}}}
	// What changes soonest goes first.
	pieces := []piece{
		{"processes", "processes.json", x.processes}, {"inspect", "inspect.json", x.raw}, {"changes", "changes.txt", x.changes},
	}
	if in.Logs == nil || *in.Logs {
		pieces = append(pieces, piece{"logs", "log", x.allLogs})
	}
	if in.Filesystem == nil || *in.Filesystem {
		pieces = append(pieces, piece{"filesystem", "tar", x.files})
	}
	for _, p := range pieces {
		if err := x.take(ctx, p); err != nil {
			return Export{}, err
		}
	}
	if in.Commit {
		if err := x.commitAt(ctx, a.scheduled(ctx)); err != nil {
			return Export{}, err
		}
	}
	if len(x.out.Files) == 0 {
		return Export{}, fmt.Errorf("docker %q: nothing of %s could be had; first of all: %s", e.name, d.name, x.out.Missed[0].Why)
	}
	x.out.Manifest, err = a.keep.KeepExact(ctx, x.called("manifest.txt"), x.list)
	return x.out, err
}

// piece is one piece of evidence.
type piece struct {
	what, ending string
	write        func(context.Context, io.Writer) error
}

// called is what an artifact of the container is called.
func (x *exporting) called(ending string) string { return "evidence-" + x.d.name + "." + ending }

// take keeps one piece. One that can't be had does not keep the others from being had: a container that is
// not running has no processes. An engine that is away, or a full store, ends the attempt.
func (x *exporting) take(ctx context.Context, p piece) error {
	var source error
	saved, err := x.keep.KeepExact(ctx, x.called(p.ending), func(w io.Writer) error {
		source = p.write(ctx, w)
		return source
	})
	switch {
	case err == nil:
		x.out.Files = append(x.out.Files, saved)
		return nil
	case ctx.Err() != nil || source == nil || nobodyThere(source):
		return x.failed("export "+p.what+" of "+x.d.name, err)
	}
	x.out.Missed = append(x.out.Missed, Missed{What: p.what, Why: plain(source)})
	return nil
}

func (x *exporting) allLogs(ctx context.Context, w io.Writer) error {
	return x.logs(ctx, x.d, logsWanted{stdout: true, stderr: true, times: true, tail: -1}, w)
}

// commitAt makes an image of the container. Its name is the same for all attempts of the step.
func (x *exporting) commitAt(ctx context.Context, at time.Time) error {
	ref := evidenceRepository + ":" + at.Format(keepStamp) + "-" + short(x.d.id)
	id, err := x.commit(ctx, x.d.id, ref)
	if err != nil {
		return x.failed("make an image of "+x.d.name, err)
	}
	x.out.Image, x.out.ImageID = ref, id
	return nil
}

// list writes the manifest.
func (x *exporting) list(w io.Writer) error {
	var lines strings.Builder
	for _, f := range x.out.Files {
		fmt.Fprintf(&lines, "%s  %s\n", f.SHA256, f.Key)
	}
	_, err := io.WriteString(w, lines.String())
	return err
}
