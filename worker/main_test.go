package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	t.Parallel()

	t.Run("SaysWhatItIs", func(t *testing.T) {
		t.Parallel()
		var stdout, stderr bytes.Buffer
		require.Zero(t, run([]string{"--version"}, &stdout, &stderr))
		require.Contains(t, stdout.String(), "orderly worker ")
	})

	t.Run("ExplainsItsFlags", func(t *testing.T) {
		t.Parallel()
		var stdout, stderr bytes.Buffer
		require.Zero(t, run([]string{"--help"}, &stdout, &stderr))
		require.Contains(t, stderr.String(), "--log-format text|json")
	})

	t.Run("RefusesAFlagItDoesNotKnow", func(t *testing.T) {
		t.Parallel()
		var stdout, stderr bytes.Buffer
		require.Equal(t, 2, run([]string{"--queue", "x"}, &stdout, &stderr))
		require.Contains(t, stderr.String(), "unknown flag: --queue")
	})

	t.Run("NamesAConfigurationThatIsMissing", func(t *testing.T) {
		t.Parallel()
		var stdout, stderr bytes.Buffer
		require.Equal(t, 1, run([]string{"--config", "/nowhere/orderly.yaml"}, &stdout, &stderr))
		require.Contains(t, stderr.String(), "/nowhere/orderly.yaml")
	})

	t.Run("SaysThatTemporalIsDownAndHowToStartIt", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, l.Close())
		file := filepath.Join(t.TempDir(), "orderly.yaml")
		text := "temporal: {address: \"" + l.Addr().String() + "\"}\nhttp: {listen: \"127.0.0.1:0\"}\n"
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		var stdout, stderr bytes.Buffer
		require.Equal(t, 1, run([]string{"--config", file}, &stdout, &stderr))
		require.Contains(t, stderr.String(), "is Temporal running at "+l.Addr().String()+"? `make run` starts one")
		require.Empty(t, stdout.String())
	})
}
