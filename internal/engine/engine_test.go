package engine

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/internal/journal"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// keeper keeps what it is given.
type keeper struct{ runs []journal.Run }

func (k *keeper) SaveRun(_ context.Context, r journal.Run) error {
	k.runs = append(k.runs, r)
	return nil
}

// away is a folder that can't be read.
type away struct{}

func (away) Open(string) (fs.File, error) { return nil, errors.New("the mount is away") }

// counting counts how often files are opened.
type counting struct {
	fs.FS
	opened map[string]int
}

func (c counting) Open(name string) (fs.File, error) {
	c.opened[name]++
	return c.FS.Open(name)
}

func folder(files map[string]string) fs.FS {
	out := fstest.MapFS{}
	for name, text := range files {
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

func setup(folders ...fs.FS) *Activities {
	var sources []sops.Source
	for i, f := range folders {
		sources = append(sources, sops.Source{Name: fmt.Sprint("folder", i), FS: f})
	}
	return New(sources, sops.Env{Catalogue: sops.NewCatalogue()}, &keeper{})
}

const keyed = "sop: nap\ntitle: Nap\nkey: ${{ inputs.who }}\ninputs: {who: {type: string, required: true}}\nphases: [{id: a, steps: [{id: b, wait: 1m}]}]\n"

func application(t *testing.T, err error) *temporal.ApplicationError {
	t.Helper()
	app, ok := errors.AsType[*temporal.ApplicationError](err)
	require.True(t, ok, "%v", err)
	return app
}

func TestLoad(t *testing.T) {
	t.Parallel()
	load := func(a *Activities, workflowType string) (workflows.Pinned, error) {
		return a.load(context.Background(), workflows.LoadRequest{WorkflowType: workflowType})
	}
	t.Run("PinsTheTextAndItsDigest", func(t *testing.T) {
		t.Parallel()
		pin, err := load(setup(folder(map[string]string{"nap.yaml": keyed})), "Nap")
		require.NoError(t, err)
		require.Equal(t, "folder0/nap.yaml", pin.File)
		require.Equal(t, keyed, pin.Source)
		require.True(t, strings.HasPrefix(pin.Digest, "sha256:"))
	})
	t.Run("OfWhatNobodyServesFailsForGood", func(t *testing.T) {
		t.Parallel()
		_, err := load(setup(folder(map[string]string{"nap.yaml": keyed})), "Nab")
		app := application(t, err)
		require.True(t, app.NonRetryable())
		require.Equal(t, workflows.ErrUnknownProcedure, app.Type())
		require.ErrorContains(t, err, "Nap")
	})
	t.Run("FromAFolderThatIsAwayIsTriedAgain", func(t *testing.T) {
		t.Parallel()
		_, err := load(setup(away{}), "Nap")
		app := application(t, err)
		require.False(t, app.NonRetryable())
		require.Equal(t, workflows.ErrUnreadable, app.Type())
		require.ErrorContains(t, err, "the mount is away")
	})
	t.Run("WithANeighbourThatIsAwayIsTriedAgain", func(t *testing.T) {
		t.Parallel()
		outer := "sop: outer\ntitle: O\nphases: [{id: a, steps: [{id: b, run: other}]}]\n"
		_, err := load(setup(folder(map[string]string{"outer.yaml": outer}), away{}), "Outer")
		require.False(t, application(t, err).NonRetryable())
	})
	t.Run("OfAFileWithProblemsNamesTheFirstOfThem", func(t *testing.T) {
		t.Parallel()
		bad := "sop: bad\ntitle: Bad\nphases: [{id: a, steps: [{id: b, wait: 1m}]}]\n"
		for i := range 100 {
			bad += fmt.Sprintf("wrong%d: 1\n", i)
		}
		_, err := load(setup(folder(map[string]string{"bad.yaml": bad})), "Bad")
		require.True(t, application(t, err).NonRetryable())
		require.ErrorContains(t, err, "wrong0")
		require.ErrorContains(t, err, "and 80 more: see orderly validate")
		require.NotContains(t, err.Error(), "wrong50")
	})
	t.Run("OfAHugeFileReadsLittleOfIt", func(t *testing.T) {
		t.Parallel()
		huge := &endless{}
		_, err := load(setup(oneFile{huge}), "Huge")
		require.Equal(t, workflows.ErrProcedure, application(t, err).Type())
		require.Less(t, huge.read, 2<<20)
	})
	t.Run("ReadsEachNeighbourOnce", func(t *testing.T) {
		t.Parallel()
		files := map[string]string{}
		for i := range 20 { // each runs all that come later
			text := fmt.Sprintf("sop: p%d\ntitle: P\nphases:\n  - id: a\n    steps:\n      - {id: s, wait: 1m}\n", i)
			for j := i + 1; j < 20; j++ {
				text += fmt.Sprintf("      - {id: r%d, run: p%d}\n", j, j)
			}
			files[fmt.Sprintf("p%d.yaml", i)] = text
		}
		counted := counting{folder(files), map[string]int{}}
		_, err := load(setup(counted), "P0")
		require.NoError(t, err)
		require.Equal(t, 1, counted.opened["p19.yaml"])
	})
	t.Run("RefusesAProcedureThatRunsItself", func(t *testing.T) {
		t.Parallel()
		self := "sop: self\ntitle: S\nphases: [{id: a, steps: [{id: b, run: self}]}]\n"
		_, err := load(setup(folder(map[string]string{"self.yaml": self})), "Self")
		require.ErrorContains(t, err, "self runs itself")
	})
}

func TestResolve(t *testing.T) {
	t.Parallel()
	resolve := func(a *Activities, inputs map[string]any) (workflows.Resolved, error) {
		return a.resolve(context.Background(), workflows.ResolveRequest{Procedure: "nap", Inputs: inputs})
	}
	t.Run("GivesTheKey", func(t *testing.T) {
		t.Parallel()
		got, err := resolve(setup(folder(map[string]string{"nap.yaml": keyed})), map[string]any{"who": "ann"})
		require.NoError(t, err)
		require.Equal(t, workflows.Resolved{Key: "ann", Title: "Nap"}, got)
	})
	t.Run("SaysWhenThereIsNone", func(t *testing.T) {
		t.Parallel()
		got, err := resolve(setup(folder(nil)), nil)
		require.NoError(t, err)
		require.True(t, got.Missing)
	})
	t.Run("TakesNoFolderThatIsAwayForAMissingProcedure", func(t *testing.T) {
		t.Parallel()
		_, err := resolve(setup(away{}), nil)
		require.False(t, application(t, err).NonRetryable())
	})
	t.Run("RefusesAKeyThatNobodyCanRead", func(t *testing.T) {
		t.Parallel()
		_, err := resolve(setup(folder(map[string]string{"nap.yaml": keyed})), map[string]any{"who": "a\x00b"})
		require.Equal(t, workflows.ErrInput, application(t, err).Type())
		require.ErrorContains(t, err, "control characters")
	})
	t.Run("RefusesWrongInputs", func(t *testing.T) {
		t.Parallel()
		_, err := resolve(setup(folder(map[string]string{"nap.yaml": keyed})), nil)
		require.Equal(t, workflows.ErrInput, application(t, err).Type())
	})
}

func TestSave(t *testing.T) {
	t.Parallel()
	kept := &keeper{}
	a := New(nil, sops.Env{}, kept)
	data, err := json.Marshal(workflows.Record{WorkflowID: "nap/ann", Procedure: "nap", State: workflows.Succeeded})
	require.NoError(t, err)
	require.NoError(t, a.save(context.Background(), data))
	require.Len(t, kept.runs, 1)
	require.Equal(t, "nap/ann", kept.runs[0].WorkflowID)
	require.Equal(t, "succeeded", kept.runs[0].State)
	require.Contains(t, string(kept.runs[0].Record), `"procedure":"nap"`)
}

// endless is a file without end.
type endless struct{ read int }

func (e *endless) Stat() (fs.FileInfo, error) { return nil, errors.New("not asked for") }
func (e *endless) Close() error               { return nil }
func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '#'
	}
	e.read += len(p)
	return len(p), nil
}

// oneFile is a folder with huge.yaml in it.
type oneFile struct{ file *endless }

func (f oneFile) Open(name string) (fs.File, error) {
	if name == sops.OrgFile {
		return nil, fs.ErrNotExist
	}
	return f.file, nil
}
func (f oneFile) ReadDir(string) ([]fs.DirEntry, error) {
	return fs.ReadDir(fstest.MapFS{"huge.yaml": &fstest.MapFile{}}, ".")
}

// TestARunThatGoesOnIsKeptAsItStands is given records as workflows compress them.
func TestARunThatGoesOnIsKeptAsItStands(t *testing.T) {
	t.Parallel()
	pack := func(text string) workflows.KeptRecord {
		var buf bytes.Buffer
		zip := gzip.NewWriter(&buf)
		_, err := zip.Write([]byte(text))
		require.NoError(t, err)
		require.NoError(t, zip.Close())
		return workflows.KeptRecord{Gzip: buf.Bytes()}
	}
	k := &keeper{}
	a := New(nil, sops.Env{Catalogue: sops.NewCatalogue()}, k)
	text := `{"workflow_id": "w", "run_id": "r", "procedure": "p", "state": "running", "started": "2026-11-21T02:14:00Z", "revision": 7}`
	require.NoError(t, a.keep(t.Context(), pack(text)))
	require.Len(t, k.runs, 1)
	require.Equal(t, 7, k.runs[0].Revision)
	require.Zero(t, k.runs[0].Ended)
	require.JSONEq(t, text, string(k.runs[0].Record))

	for want, kept := range map[string]workflows.KeptRecord{
		"it is kept at its end": {}, "unpack a record": {Gzip: []byte("no zip")}, "read a run's record": pack("[]"),
	} {
		err := a.keep(t.Context(), kept)
		require.ErrorContains(t, err, want)
		app, ok := errors.AsType[*temporal.ApplicationError](err)
		require.True(t, ok && app.NonRetryable(), "it would be the same the next time")
	}
	require.NoError(t, New(nil, sops.Env{Catalogue: sops.NewCatalogue()}, nil).keep(t.Context(), pack(text)), "a rehearsal has no journal")
}
