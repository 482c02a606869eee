package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestExitCodeOfTheCommandIsPassedOn(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		args []string
		code int
	}{
		"Success": {[]string{"true"}, 0},
		"Failure": {[]string{"sh", "-c", "exit 7"}, 7},
		"Signal":  {[]string{"sh", "-c", "kill -9 $$"}, 128 + 9},
		"Env":     {[]string{"sh", "-c", `[ "$LED" = here ]`}, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, err := command(t.Context(), c.args, []string{"LED=here"})
			require.NoError(t, err)
			require.Equal(t, c.code, code)
		})
	}
}

func TestCommandThatDoesNotExist(t *testing.T) {
	t.Parallel()
	code, err := command(t.Context(), []string{"no-such-command"}, nil)
	require.Error(t, err)
	require.Equal(t, 1, code)
}

func TestSignalIsPassedOnToTheCommand(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	code, err := command(ctx, []string{"sleep", "60"}, nil)
	require.NoError(t, err)
	require.Equal(t, 128+15, code)
	require.Less(t, time.Since(start), 30*time.Second)
}
