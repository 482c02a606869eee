package docker

import (
	"cmp"
	"context"
	"io"
	"path"
	"strings"
	"time"
	"unicode"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/artifact"
	"github.com/orderly-ops/orderly/sops"
)

const (
	defaultTail  = 50
	maxTail      = 5000
	defaultBytes = 64 << 10
	maxBytes     = 512 << 10
	logsWithin   = 30 * time.Second
	// What an artifact holds: a program that prints without end must not fill the store.
	artifactLines  = 200_000
	artifactWithin = 4 * time.Minute
)

// LogsInput is the input of docker.logs.
type LogsInput struct {
	Host       string        `json:"host" target:"docker" doc:"The Docker host."`
	Container  string        `json:"container" doc:"The container, by name or id."`
	Tail       int           `json:"tail,omitempty" doc:"How many lines, counted from the end, at most 5000." default:"50"`
	Since      sops.Duration `json:"since,omitempty" doc:"Only what was printed so long ago or later." default:"any time"`
	Stream     string        `json:"stream,omitempty" enum:"both,stdout,stderr" doc:"Which of its outputs." default:"both"`
	Timestamps bool          `json:"timestamps,omitempty" doc:"Put the time before each line."`
	MaxBytes   int           `json:"max_bytes,omitempty" doc:"How much text, counted from the end, at most 524288." default:"65536"`
	Artifact   string        `json:"artifact,omitempty" doc:"Also keep its last 200,000 lines (of those since) as an artifact of this name, secrets of orderly.yaml taken out." default:"no artifact"`
}

// Logs is the output of docker.logs.
type Logs struct {
	Container string          `json:"container" doc:"The container's name."`
	ID        string          `json:"id" doc:"Its short id."`
	Lines     int             `json:"lines" doc:"How many lines there are in text."`
	Text      string          `json:"text" doc:"What it printed, the newest last, as valid UTF-8 without control characters."`
	Truncated bool            `json:"truncated" doc:"Earlier lines were left out because of max_bytes."`
	Artifact  *artifact.Saved `json:"artifact,omitempty" doc:"Where more of it is kept; absent without artifact."`
}

// logsWanted is which part of a container's output is read.
type logsWanted struct {
	stdout, stderr, times bool
	tail                  int       // lines counted from the end, below 0 is all
	since                 time.Time // zero is any time
}

func (a *actions) logs(ctx context.Context, in LogsInput) (Logs, error) {
	tail, size := cmp.Or(in.Tail, defaultTail), cmp.Or(in.MaxBytes, defaultBytes)
	if tail < 1 || tail > maxTail {
		return Logs{}, action.Permanent(action.ErrInput, "docker.logs: tail %d is not between 1 and %d", tail, maxTail)
	}
	if size < 1 || size > maxBytes {
		return Logs{}, action.Permanent(action.ErrInput, "docker.logs: max_bytes %d is not between 1 and %d", size, maxBytes)
	}
	e, err := a.engines.Get(in.Host)
	if err != nil {
		return Logs{}, err
	}
	defer action.KeepAlive(ctx)()
	d, err := e.find(ctx, "read logs of "+in.Container, in.Container)
	if err != nil {
		return Logs{}, err
	}
	want := logsWanted{stdout: in.Stream != "stderr", stderr: in.Stream != "stdout", times: in.Timestamps, tail: tail}
	if in.Since > 0 {
		want.since = a.now().Add(-in.Since.D())
	}
	end := newEnd(size)
	if err := e.copyLogs(ctx, d, want, logsWithin, end); err != nil {
		return Logs{}, err
	}
	text := end.text()
	out := Logs{Container: d.name, ID: short(d.id), Text: text, Lines: strings.Count(text, "\n"), Truncated: end.lost}
	if in.Artifact == "" {
		return out, nil
	}
	out.Artifact, err = a.keepLogs(ctx, e, d, want, in.Artifact)
	return out, err
}

// keepLogs makes an artifact of what a container printed.
func (a *actions) keepLogs(ctx context.Context, e *engine, d detail, want logsWanted, name string) (*artifact.Saved, error) {
	if a.keep == nil {
		return nil, action.Permanent(action.ErrNotConfigured, "docker.logs: this worker keeps no artifacts")
	}
	want.tail = artifactLines
	if path.Ext(name) != ".log" {
		name += ".log"
	}
	saved, err := a.keep.Keep(ctx, name, func(w io.Writer) error {
		return e.copyLogs(ctx, d, want, artifactWithin, w)
	})
	return &saved, err
}

// copyLogs writes what a container printed, at most for so long.
func (e *engine) copyLogs(ctx context.Context, d detail, want logsWanted, within time.Duration, to io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := e.logs(ctx, d, want, to); err != nil {
		return e.failed("read logs of "+d.name, err)
	}
	return nil
}

// end keeps the last bytes of what is written to it.
type end struct {
	size int
	kept []byte
	lost bool // earlier bytes were dropped
}

func newEnd(size int) *end { return &end{size: size} }

// Write keeps p and drops what is too old. It drops in large pieces: every byte is moved at most twice.
func (e *end) Write(p []byte) (int, error) {
	e.kept = append(e.kept, p...)
	if len(e.kept) > 2*e.size {
		e.trim()
	}
	return len(p), nil
}

func (e *end) trim() {
	if over := len(e.kept) - e.size; over > 0 {
		e.kept = append(e.kept[:0], e.kept[over:]...)
		e.lost = true
	}
}

// text is what was kept, from the first whole line on, fit to be shown and stored anywhere: a program's
// output can hold any bytes. It ends with a line end unless it is empty.
func (e *end) text() string {
	e.trim()
	text := string(e.kept)
	if e.lost {
		if _, rest, found := strings.Cut(text, "\n"); found && rest != "" {
			text = rest
		}
	}
	text = strings.Map(printable, strings.ToValidUTF8(text, "\uFFFD"))
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text
}

// printable drops control characters, which could move a terminal's cursor and which databases refuse.
func printable(r rune) rune {
	if r != '\n' && r != '\t' && unicode.IsControl(r) {
		return -1
	}
	return r
}
