package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	t.Run("IsQuietAboutGoodFiles", func(t *testing.T) {
		t.Parallel()
		b := newBench(t).procedure(checkYAML)
		got := b.orderly("validate")
		require.Equal(t, exitOK, got.code, got.out)
		require.Empty(t, got.out)
		require.Equal(t, "2 files checked, no problems\n", got.notice)
	})
	t.Run("PrintsEveryProblemWithItsPlace", func(t *testing.T) {
		t.Parallel()
		b := newBench(t).procedure(checkYAML)
		b.write("sops/broken.yaml", "sop: broken\ntitel: Broken\nphases:\n  - id: a\n    steps:\n      - {id: x, uses: no.such}\n")
		got := b.orderly("validate")
		require.Equal(t, exitFailed, got.code)
		require.Contains(t, got.out, "broken.yaml:2:1: ")
		require.Contains(t, got.out, "broken.yaml:6:")
		for line := range strings.Lines(got.out) {
			require.Regexp(t, `^\S+\.yaml:\d+:\d+: .+\n$`, line)
		}
		require.Contains(t, got.notice, "3 files checked")
	})
	t.Run("ChecksOneFile", func(t *testing.T) {
		t.Parallel()
		b := newBench(t).procedure(checkYAML)
		path := b.write("elsewhere/other.yaml", "sop: other\ntitle: Other\nphases: 7\n")
		var v validation
		got := b.orderly("validate", path, "--json")
		require.Equal(t, exitFailed, got.code)
		got.json(t, &v)
		require.Equal(t, 2, v.Files)
		require.NotEmpty(t, v.Problems)
		require.Equal(t, 3, v.Problems[0].Pos.Line)
	})
	t.Run("ChecksTheSettings", func(t *testing.T) {
		t.Parallel()
		b := newBench(t).procedure(checkYAML)
		b.write("orderly.yaml", "temporal: {host: here}\n")
		got := b.orderly("validate")
		require.Equal(t, exitFailed, got.code, got.notice)
		require.Contains(t, got.out, "orderly.yaml:1:12: unknown key")
	})
	t.Run("RefusesAPathThatIsNotThere", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, exitUsage, newBench(t).orderly("validate", "nowhere").code)
	})
}

func TestValidateWantsSecretsOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	b := newBench(t).procedure(checkYAML)
	b.write("orderly.yaml", "procedures: [sops]\ntargets: {postgres: {docs-db: {dsn: \"${ORDERLY_TEST_NEVER_SET}\"}}}\n")
	require.Equal(t, exitOK, b.orderly("validate").code)
	got := b.orderly("validate", "--secrets")
	require.Equal(t, exitFailed, got.code)
	require.Contains(t, got.out, "ORDERLY_TEST_NEVER_SET")
}
