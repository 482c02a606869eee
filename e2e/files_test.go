package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/workflows"
)

const nap = `
sop: nap
title: Nap
phases:
  - id: sleep
    steps:
      - {id: first, title: First text, wait: 5s}
      - {id: second, wait: 1ms}
`

func TestANewFileIsServedWithoutARestart(t *testing.T) {
	t.Parallel()
	h := open(t, setting{procedures: map[string]string{"nap.yaml": nap}, config: "targets: {}\n"})
	require.Equal(t, 1, h.orderly("start", "doze", "--watch").exit, "no worker knows it")
	h.write("procedures/doze.yaml", strings.NewReplacer("sop: nap", "sop: doze", "5s", "1ms").Replace(nap))
	said := h.orderly("start", "doze", "--watch")
	require.Zero(t, said.exit, said.stdout+said.stderr)
}

func TestAnEditedFileDoesNotChangeARunInFlight(t *testing.T) {
	t.Parallel()
	h := open(t, setting{procedures: map[string]string{"nap.yaml": nap}, config: "targets: {}\n"})
	require.Zero(t, h.orderly("start", "nap").exit)
	c := h.temporal()
	id := latest(t, h, "nap")
	before := h.record(c, id)
	h.write("procedures/nap.yaml", strings.ReplaceAll(nap, "First text", "Other text"))
	require.NoError(t, c.GetWorkflow(context.Background(), id, "").Get(context.Background(), nil))
	after := h.record(c, id)
	require.Equal(t, before.Digest, after.Digest)
	require.Equal(t, "First text", stepOf(t, after, "first").Title)
	require.Equal(t, workflows.Succeeded, after.State)

	require.Zero(t, h.orderly("start", "nap", "--watch").exit)
	require.Equal(t, "Other text", stepOf(t, h.record(c, latest(t, h, "nap")), "first").Title)
}

func TestABrokenFileFailsItsRunAtOnceAndSaysWhere(t *testing.T) {
	t.Parallel()
	h := open(t, setting{procedures: map[string]string{"nap.yaml": nap}, config: "targets: {}\n"})
	h.write("procedures/nap.yaml", strings.ReplaceAll(nap, "wait: 5s", "wiat: 5s"))
	said := h.orderly("validate")
	require.Equal(t, 1, said.exit)
	require.Contains(t, said.stdout, `nap.yaml:7:`)
	require.Contains(t, said.stdout, `did you mean`)
}
