package engine

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

const nap = "sop: nap\ntitle: Nap\nphases: [{id: a, steps: [{id: sleep, wait: 1s}]}]\n"

func TestAFileIsReadAnewAtEachRun(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{"nap.yaml": {Data: []byte(nap)}}
	a := New([]sops.Source{{Name: "here", FS: files}}, sops.Env{Catalogue: sops.NewCatalogue()}, nil)
	load := func() (workflows.Pinned, error) {
		return a.load(t.Context(), workflows.LoadRequest{WorkflowType: "Nap"})
	}
	first, err := load()
	require.NoError(t, err)
	again, err := load()
	require.NoError(t, err)
	require.Equal(t, first, again)

	files["nap.yaml"].Data = []byte(nap + "owners: [ann]\n")
	edited, err := load()
	require.NoError(t, err)
	require.NotEqual(t, first.Digest, edited.Digest)

	files["nap.yaml"].Data = []byte(nap + "onwers: [ann]\n")
	_, err = load()
	require.ErrorContains(t, err, `did you mean "owners"`)
}

func TestWhatAProcedureRefersToIsLookedAtEachTime(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{
		"nap.yaml":   {Data: []byte(nap)},
		"outer.yaml": {Data: []byte("sop: outer\ntitle: Outer\nphases: [{id: a, steps: [{id: inner, run: nap}]}]\n")},
	}
	a := New([]sops.Source{{Name: "here", FS: files}}, sops.Env{Catalogue: sops.NewCatalogue()}, nil)
	_, err := a.load(t.Context(), workflows.LoadRequest{WorkflowType: "Outer"})
	require.NoError(t, err)
	delete(files, "nap.yaml")
	_, err = a.load(t.Context(), workflows.LoadRequest{WorkflowType: "Outer"})
	require.ErrorContains(t, err, `nap`)
}
