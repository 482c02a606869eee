package host

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/sops"
)

const (
	maxTold     = 20 // largest files, and problems, told of each area
	maxDepth    = 64 // folders within folders
	bytesInAMeg = 1 << 20
)

// CleanInput is the input of host.clean.
type CleanInput struct {
	Areas     []string      `json:"areas,omitempty" doc:"Which of the folders that orderly.yaml allows under clean, by name." default:"all of them"`
	OlderThan sops.Duration `json:"older_than,omitempty" doc:"Files that changed since stay; not less than the min_age of any of the areas." default:"each area's min_age"`
	DryRun    bool          `json:"dry_run,omitempty" doc:"Tell what would go, and change nothing."`
}

// Clean is the output of host.clean. In a dry run it tells what would go.
type Clean struct {
	DryRun    bool        `json:"dry_run" doc:"Nothing was changed."`
	Recovered int64       `json:"recovered" doc:"Bytes on disk that what went had occupied, all areas together."`
	Deleted   int         `json:"deleted" doc:"Files and empty folders deleted."`
	Truncated int         `json:"truncated" doc:"Files emptied."`
	Open      int         `json:"open" doc:"Files left because a program has them open."`
	Problems  int         `json:"problems" doc:"What could not be looked at or changed; the areas tell."`
	SeesAll   bool        `json:"sees_all" doc:"Whether the open files of all programs could be seen: on Linux, as root. If not, files that other users' programs have open may go too."`
	Areas     []CleanArea `json:"areas" doc:"Each area."`
	Text      string      `json:"text" doc:"The gist in one sentence."`
}

// CleanArea is what became of one folder.
type CleanArea struct {
	Area       string        `json:"area" doc:"Its name in orderly.yaml."`
	Dir        string        `json:"dir" doc:"The folder."`
	Files      int           `json:"files" doc:"Files that were looked at."`
	Deleted    int           `json:"deleted" doc:"Files and empty folders deleted."`
	Truncated  int           `json:"truncated" doc:"Files emptied."`
	Open       int           `json:"open" doc:"Files left because a program has them open."`
	Young      int           `json:"young" doc:"Files left because they changed lately."`
	Other      int           `json:"other" doc:"What was left because it is a link, a device, a socket, another file system or Orderly's own, or does not match."`
	Bytes      int64         `json:"bytes" doc:"Bytes on disk of all files that were looked at."`
	Recovered  int64         `json:"recovered" doc:"Bytes on disk that what went had occupied."`
	FreeBefore int64         `json:"free_before" doc:"Bytes free on its disk before."`
	FreeAfter  int64         `json:"free_after" doc:"Bytes free on its disk afterwards; other programs write and delete too."`
	Largest    []CleanedFile `json:"largest" doc:"The largest files that went, at most 20."`
	Problems   []string      `json:"problems" doc:"What could not be looked at or changed, at most 20."`
}

// CleanedFile is a file that went.
type CleanedFile struct {
	Path  string `json:"path" doc:"Its path in the area's folder."`
	Bytes int64  `json:"bytes" doc:"Bytes on disk it occupied."`
}

// cleaner cleans the folders that a configuration allows.
type cleaner struct {
	areas   map[string]config.Clean
	spare   []string // Orderly's own files and folders
	us      int      // the user as whom we clean
	now     func() time.Time
	machine *machine
	look    func(context.Context) (openFiles, error)
}

func newCleaner(cfg *config.Config, m *machine) *cleaner {
	c := &cleaner{now: time.Now, machine: m, look: findOpenFiles, us: os.Geteuid()}
	if cfg == nil {
		return c
	}
	c.areas = cfg.Clean
	own := append([]string{cfg.File, cfg.Artifacts.Dir}, cfg.Procedures...)
	if dsn := cfg.Journal.DSN.Reveal(); dsn != "" && !strings.Contains(dsn, "://") {
		own = append(own, dsn, dsn+"-wal", dsn+"-shm")
	}
	for _, path := range own {
		if abs, err := filepath.Abs(path); err == nil && path != "" {
			c.spare = append(c.spare, abs)
			if target, err := filepath.EvalSymlinks(abs); err == nil {
				c.spare = append(c.spare, target)
			}
		}
	}
	return c
}

// clean is the action host.clean.
func (c *cleaner) clean(ctx context.Context, in CleanInput) (Clean, error) {
	chosen, err := c.choose(in)
	if err != nil {
		return Clean{}, err
	}
	s := &sweep{cleaner: c, in: in, out: Clean{DryRun: in.DryRun, Areas: []CleanArea{}}}
	defer action.Report(ctx, s.progress)()
	if s.open, err = c.look(ctx); err != nil {
		return Clean{}, err
	}
	if s.mounts, err = c.mountPoints(ctx); err != nil {
		return Clean{}, err
	}
	s.out.SeesAll = s.open.all
	for _, name := range chosen {
		if err := s.area(ctx, name, c.areas[name]); err != nil {
			return Clean{}, err
		}
	}
	s.out.Text = s.out.gist()
	return s.out, nil
}

// choose checks the input against what the configuration allows.
func (c *cleaner) choose(in CleanInput) ([]string, error) {
	known := (&config.Config{Clean: c.areas}).CleanNames()
	if len(known) == 0 {
		return nil, action.Permanent(action.ErrNotConfigured, "host.clean: orderly.yaml names no folder under clean")
	}
	chosen := in.Areas
	if len(chosen) == 0 {
		chosen = known
	}
	for _, name := range chosen {
		area, ok := c.areas[name]
		if !ok {
			return nil, action.Permanent(action.ErrNotConfigured, "host.clean: no area %q under clean in orderly.yaml%s", name, action.Suggest(name, known))
		}
		if older := in.OlderThan.D(); older != 0 && older < area.MinAge {
			return nil, action.Permanent(action.ErrInput, "host.clean: older_than is %s, but clean.%s.min_age is %s: not less", in.OlderThan, name, sops.Duration(area.MinAge))
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(chosen))), nil
}

// mountPoints lists where file systems are mounted, single files included.
func (c *cleaner) mountPoints(ctx context.Context) (map[string]bool, error) {
	mounts, err := c.machine.mounts(ctx, true)
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	points := make(map[string]bool, len(mounts))
	for _, m := range mounts {
		points[m.Mountpoint] = true
	}
	return points, nil
}

func (o *Clean) gist() string {
	went := "deleted"
	if o.DryRun {
		went = "would be deleted"
	}
	text := fmt.Sprintf("%d files %s, %d emptied, %.1f MiB recovered", o.Deleted, went, o.Truncated, float64(o.Recovered)/bytesInAMeg)
	if o.Open > 0 {
		text += fmt.Sprintf(", %d left because programs have them open", o.Open)
	}
	if o.Problems > 0 {
		text += fmt.Sprintf(", %d could not be", o.Problems)
	}
	return text
}

// sweep is one call of host.clean.
type sweep struct {
	*cleaner
	in     CleanInput
	open   openFiles
	mounts map[string]bool
	mu     sync.Mutex // guards out, which heartbeats read
	out    Clean
}

func (s *sweep) progress() []any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return []any{fmt.Sprintf("%d deleted, %d emptied, %d bytes recovered", s.out.Deleted, s.out.Truncated, s.out.Recovered)}
}

// count adds what an area came to, as it goes on.
func (s *sweep) count(deleted, truncated int, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.Deleted, s.out.Truncated, s.out.Recovered = s.out.Deleted+deleted, s.out.Truncated+truncated, s.out.Recovered+bytes
}
