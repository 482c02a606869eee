package docker

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/artifact"
	"github.com/orderly-ops/orderly/internal/testenv"
)

// shelf keeps artifacts in memory.
type shelf map[string]string

func (s shelf) Keep(_ context.Context, name string, write func(io.Writer) error) (artifact.Saved, error) {
	var text strings.Builder
	if err := write(&text); err != nil {
		return artifact.Saved{}, err
	}
	s[name] = text.String()
	return artifact.Saved{Key: name, SHA256: "sum", Bytes: int64(text.Len())}, nil
}

func (s shelf) KeepExact(ctx context.Context, name string, write func(io.Writer) error) (artifact.Saved, error) {
	return s.Keep(ctx, name, write)
}

func (s shelf) KeepAt(ctx context.Context, key string, write func(io.Writer) error) (artifact.Saved, error) {
	return s.Keep(ctx, key, write)
}

func (s shelf) Copy(_ context.Context, key string, to io.Writer) error {
	text, ok := s[key]
	if !ok {
		return action.Permanent(action.ErrNotFound, "there is no artifact %s", key)
	}
	_, err := io.WriteString(to, text)
	return err
}

func TestLogsAreKeptInFullAsAnArtifact(t *testing.T) {
	t.Parallel()
	a := setup(t)
	c := testenv.RunContainer(t, testenv.ContainerSpec{Args: []string{"-lines", "60", "-size", "1000", "-exit", "1"}})
	testenv.AwaitContainer(t, c.ID, exited)
	in := LogsInput{Host: "local", Container: c.Name, Tail: 2, MaxBytes: 2500, Artifact: "logs-web"}

	_, err := a.logs(t.Context(), in)
	testenv.RequirePermanent(t, err, action.ErrNotConfigured)

	kept := shelf{}
	a.keep = kept
	out, err := a.logs(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, 2, out.Lines, "the output stays short")
	require.Equal(t, "logs-web.log", out.Artifact.Key)
	require.Equal(t, 60, strings.Count(kept["logs-web.log"], "\n"))
	require.EqualValues(t, len(kept["logs-web.log"]), out.Artifact.Bytes)
}
