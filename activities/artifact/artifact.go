// Package artifact keeps what earlier steps found out, as evidence that outlasts the run: logs, figures and
// reports, each with its SHA-256. Secrets of orderly.yaml are taken out before anything is written.
package artifact

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/artifacts"
	"github.com/orderly-ops/orderly/internal/config"
)

// Actions declares the actions of this package. A keeper without a place is enough to describe them.
func Actions(k *Keeper) []action.Definition {
	return []action.Definition{
		action.Define("artifact.save",
			"Keep a text, or any value as JSON, under the run's own folder of artifacts. Secrets of orderly.yaml are "+
				"taken out first. A later attempt of the same step replaces what an earlier one kept.",
			k.save),
		action.Define("artifact.manifest",
			"Read every artifact of this run again, list them with size and SHA-256, and keep that list beside them.",
			k.manifest, action.Timeout(15*time.Minute), action.Heartbeat(30*time.Second)),
	}
}

// Keeper keeps artifacts of runs in the place that orderly.yaml names. It is safe for concurrent use.
type Keeper struct {
	redact func(string) string
	open   func() (*artifacts.Store, error)
	now    func() time.Time
	at     config.Artifacts
	bucket string // of artifacts in S3
}

// NewKeeper makes a keeper; the place is opened when it is first needed.
func NewKeeper(cfg *config.Config) *Keeper {
	return &Keeper{
		redact: cfg.Redact,
		open:   sync.OnceValues(func() (*artifacts.Store, error) { return artifacts.Open(context.Background(), cfg) }),
		now:    time.Now,
		at:     cfg.Artifacts,
		bucket: cfg.Targets.S3[cfg.Artifacts.S3].Bucket,
	}
}

// Where is where people find an artifact: a file, or s3://bucket/key.
func (k *Keeper) Where(key string) string {
	if k.at.S3 != "" {
		return "s3://" + path.Join(k.bucket, k.at.Prefix, key)
	}
	return filepath.Join(k.at.Dir, filepath.FromSlash(key))
}

func (k *Keeper) store(doing string) (*artifacts.Store, error) {
	s, err := k.open()
	if err != nil {
		return nil, action.Permanent(action.ErrNotConfigured, "%s: %v", doing, err)
	}
	return s, nil
}

// Saved is an artifact that is kept.
type Saved struct {
	Key    string `json:"key" doc:"Under which it is found in the store of artifacts."`
	SHA256 string `json:"sha256" doc:"Of what was kept, in hex."`
	Bytes  int64  `json:"bytes" doc:"Its size."`
}

// Keep keeps what write writes as an artifact of the run that ctx belongs to, its secrets taken out line by
// line. name is what it is called within the run; the same step keeps under the same key again.
func (k *Keeper) Keep(ctx context.Context, name string, write func(io.Writer) error) (Saved, error) {
	return k.put(ctx, name, func(w io.Writer) error {
		lines, flush := artifacts.Redacting(w, k.redact)
		if err := write(lines); err != nil {
			return err
		}
		return flush()
	})
}

// KeepExact keeps what write writes as an artifact as it is, without looking for secrets in it: what has a
// checksum that must stay, and what is no text.
func (k *Keeper) KeepExact(ctx context.Context, name string, write func(io.Writer) error) (Saved, error) {
	return k.put(ctx, name, write)
}

// Redact takes the secrets of orderly.yaml out of a text.
func (k *Keeper) Redact(text string) string { return k.redact(text) }

// Copy writes the artifact of a key to a writer.
func (k *Keeper) Copy(ctx context.Context, key string, to io.Writer) error {
	s, err := k.store("read " + key)
	if err != nil {
		return err
	}
	if err := artifacts.CheckKey(key); err != nil {
		return action.Permanent(action.ErrInput, "%v", err)
	}
	from, err := s.Get(ctx, key)
	if errors.Is(err, artifacts.ErrNotFound) {
		return action.Permanent(action.ErrNotFound, "there is no artifact %s", key)
	}
	if err != nil {
		return err
	}
	defer from.Close()
	_, err = io.Copy(to, from)
	return err
}

// put keeps what is written as it is.
func (k *Keeper) put(ctx context.Context, name string, write func(io.Writer) error) (Saved, error) {
	s, err := k.store("keep " + name)
	if err != nil {
		return Saved{}, err
	}
	kept, err := s.Put(ctx, placeOf(ctx, k.now).key(name), write)
	if err != nil {
		return Saved{}, err
	}
	return Saved{Key: kept.Key, SHA256: kept.SHA256, Bytes: kept.Bytes}, nil
}

// SaveInput is the input of artifact.save.
type SaveInput struct {
	Name string `json:"name" doc:"What it is called within the run, as in logs-api. Without an ending, .txt or .json is added."`
	Text string `json:"text,omitempty" doc:"What is kept, as it is."`
	Data any    `json:"data,omitempty" doc:"Or any value, kept as JSON."`
}

func (k *Keeper) save(ctx context.Context, in SaveInput) (Saved, error) {
	if strings.TrimSpace(in.Name) == "" {
		return Saved{}, action.Permanent(action.ErrInput, "artifact.save: name is empty")
	}
	if in.Text != "" && in.Data != nil {
		return Saved{}, action.Permanent(action.ErrInput, "artifact.save: give either text or data")
	}
	content, ending := []byte(in.Text), ".txt"
	if in.Data != nil {
		ending = ".json"
		var err error
		if content, err = indented(in.Data); err != nil {
			return Saved{}, action.Permanent(action.ErrInput, "artifact.save: data: %v", err)
		}
	}
	return k.Keep(ctx, withEnding(in.Name, ending), func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// indented is JSON for people; text in it is left as it is.
func indented(v any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return out.Bytes(), err
}

// maxListed bounds the manifest's output; the artifact itself lists them all.
const maxListed = 1000

// ManifestInput is the input of artifact.manifest.
type ManifestInput struct {
	Since *time.Time `json:"since,omitempty" doc:"Only what was kept at that time or later: a run's own start, where runs before it had the same key." default:"everything"`
	Runs  []string   `json:"runs,omitempty" doc:"Other runs whose artifacts belong to it, by workflow id: the output workflow_id of a run step."`
}

// Manifest is the output of artifact.manifest.
type Manifest struct {
	Saved
	Artifacts []Saved `json:"artifacts" doc:"What there is, by key, at most 1000."`
	Count     int     `json:"count" doc:"How many there are."`
	Total     int64   `json:"total" doc:"Bytes of all of them."`
}

func (k *Keeper) manifest(ctx context.Context, in ManifestInput) (Manifest, error) {
	s, err := k.store("artifact.manifest")
	if err != nil {
		return Manifest{}, err
	}
	defer action.KeepAlive(ctx)()
	place := placeOf(ctx, k.now)
	out := Manifest{Artifacts: []Saved{}}
	own := place.key(manifestName)
	// As it is: a short secret may stand in a hash or in a container's name by chance, and a list that was
	// changed could not be checked.
	saved, err := k.put(ctx, manifestName, func(w io.Writer) error {
		return k.writeManifest(ctx, s, &out, listing{w: w, in: in, place: place, own: own})
	})
	if err != nil {
		return Manifest{}, err
	}
	out.Saved = saved
	return out, nil
}

const manifestName = "manifest.txt"

// listing is what a manifest is made for.
type listing struct {
	w     io.Writer
	in    ManifestInput
	place place
	own   string // its own key, which it can't list
}

// writeManifest writes a line for each artifact in the form that sha256sum -c reads.
func (k *Keeper) writeManifest(ctx context.Context, s *artifacts.Store, out *Manifest, l listing) error {
	folders := []string{l.place.folder}
	for _, run := range l.in.Runs {
		if run != "" {
			folders = append(folders, folderOf(run))
		}
	}
	for i, folder := range folders {
		err := s.List(ctx, folder, func(a artifacts.Artifact) error {
			if a.Key == l.own || i == 0 && l.in.Since != nil && stampOf(a.Key).Before(l.in.Since.Truncate(time.Second)) {
				return nil
			}
			sum, err := s.Sum(ctx, a.Key)
			if errors.Is(err, artifacts.ErrNotFound) {
				return nil // it went while we looked
			}
			if err != nil {
				return err
			}
			out.add(sum)
			_, err = fmt.Fprintf(l.w, "%s  %s\n", sum.SHA256, sum.Key)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *Manifest) add(a artifacts.Artifact) {
	m.Count++
	m.Total += a.Bytes
	if len(m.Artifacts) < maxListed {
		m.Artifacts = append(m.Artifacts, Saved{Key: a.Key, SHA256: a.SHA256, Bytes: a.Bytes})
	}
}
