//go:build unix

package exec

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/testenv"
)

// secret is the value of a command's own environment variable.
const secret = "s3cret-word"

// setup allows one command "job": a shell script.
func setup(t *testing.T, script string, change ...func(*config.Command)) *runner {
	t.Helper()
	command := config.Command{
		Argv: []string{"/bin/sh", "-c", script, "job"}, MaxArgs: 2,
		Env: map[string]config.Secret{"TOKEN": config.NewSecret(secret)},
	}
	for _, c := range change {
		c(&command)
	}
	return &runner{commands: map[string]config.Command{"job": command}, grace: 50 * time.Millisecond}
}

func TestRun(t *testing.T) {
	t.Parallel()

	t.Run("RunsWhatIsAllowedWithItsArguments", func(t *testing.T) {
		t.Parallel()
		out, err := setup(t, `printf '%s|' "$@"; echo problem >&2`).run(t.Context(), RunInput{Command: "job", Args: []string{"a b", "$(id); `id`"}})
		require.NoError(t, err)
		require.Equal(t, "a b|$(id); `id`|", out.Stdout, "no shell looks at arguments")
		require.Equal(t, "problem\n", out.Stderr)
		require.True(t, out.Started)
		require.Zero(t, out.ExitCode)
	})

	t.Run("GivesACleanEnvironment", func(t *testing.T) {
		t.Parallel()
		out, err := setup(t, `env | cut -d= -f1 | sort | tr '\n' ' '; echo; [ "$TOKEN" = `+secret+` ] && echo has the token`).run(t.Context(), RunInput{Command: "job"})
		require.NoError(t, err)
		for name := range strings.FieldsSeq(strings.Split(out.Stdout, "\n")[0]) {
			require.Contains(t, []string{"HOME", "LANG", "PATH", "PWD", "TOKEN", "SHLVL", "_"}, name)
		}
		require.Contains(t, out.Stdout, "has the token")
	})

	t.Run("HidesTheCommandsSecrets", func(t *testing.T) {
		t.Parallel()
		r := setup(t, `echo "out $TOKEN"; echo "err $TOKEN" >&2; exit "$1"`)
		out, err := r.run(t.Context(), RunInput{Command: "job", Args: []string{"0"}})
		require.NoError(t, err)
		require.Equal(t, "out …\n", out.Stdout)
		_, failed := r.run(t.Context(), RunInput{Command: "job", Args: []string{"3"}})
		require.ErrorContains(t, failed, "job ended with exit code 3: err …")
		testenv.AssertNoSecret(t, secret, out, failed)
	})

	t.Run("StartsNothingInADryRun", func(t *testing.T) {
		t.Parallel()
		mark := filepath.Join(t.TempDir(), "mark")
		out, err := setup(t, `touch "$1"`).run(t.Context(), RunInput{Command: "job", Args: []string{mark}, DryRun: true})
		require.NoError(t, err)
		require.False(t, out.Started)
		require.NoFileExists(t, mark)
	})

	t.Run("RunsWhereItIsTold", func(t *testing.T) {
		t.Parallel()
		dir, err := filepath.EvalSymlinks(t.TempDir())
		require.NoError(t, err)
		out, err := setup(t, `pwd`, func(c *config.Command) { c.Dir = dir }).run(t.Context(), RunInput{Command: "job"})
		require.NoError(t, err)
		require.Equal(t, dir+"\n", out.Stdout)
	})

	t.Run("BoundsTheOutput", func(t *testing.T) {
		t.Parallel()
		out, err := setup(t, `i=0; while [ $i -lt 2000 ]; do echo "line $i"; i=$((i+1)); done`).run(t.Context(), RunInput{Command: "job", MaxOutput: 100})
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(out.Stdout, "line 0\n"), out.Stdout)
		require.True(t, strings.HasSuffix(out.Stdout, "line 1999\n"), out.Stdout)
		require.Contains(t, out.Stdout, "bytes left out …]")
		require.Positive(t, out.StdoutLeftOut)
	})

	t.Run("DoesNotWaitForADaemonThatTheCommandLeaves", func(t *testing.T) {
		t.Parallel()
		out, err := setup(t, `sleep 60 & echo $!`).run(t.Context(), RunInput{Command: "job"})
		require.NoError(t, err)
		stop(t, strings.TrimSpace(out.Stdout))
	})
}

// stop ends a process that a test started.
func stop(t *testing.T, pid string) {
	t.Helper()
	n, err := strconv.Atoi(pid)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(n, syscall.SIGKILL))
}

func TestRunFailures(t *testing.T) {
	t.Parallel()

	t.Run("AnExitCodeIsAFailureUnlessAllowed", func(t *testing.T) {
		t.Parallel()
		r := setup(t, `echo first >&2; echo "no space left" >&2; exit 3`)
		_, err := r.run(t.Context(), RunInput{Command: "job"})
		testenv.RequirePermanent(t, err, "CommandFailed")
		require.ErrorContains(t, err, "exec.run: job ended with exit code 3: no space left")
		out, err := r.run(t.Context(), RunInput{Command: "job", AllowExit: []int{3}})
		require.NoError(t, err)
		require.Equal(t, 3, out.ExitCode)
	})

	t.Run("SomeExitCodesAreWorthAnotherAttempt", func(t *testing.T) {
		t.Parallel()
		var app *temporal.ApplicationError
		_, err := setup(t, `exit 75`).run(t.Context(), RunInput{Command: "job"})
		require.ErrorContains(t, err, "exit code 75")
		require.NotErrorAs(t, err, &app)
		_, err = setup(t, `exit 9`).run(t.Context(), RunInput{Command: "job", RetryExit: []int{9}})
		require.ErrorContains(t, err, "exit code 9")
		require.NotErrorAs(t, err, &app)
	})

	t.Run("ASignalIsAFailure", func(t *testing.T) {
		t.Parallel()
		_, err := setup(t, `kill -9 $$`).run(t.Context(), RunInput{Command: "job", AllowExit: []int{-1}})
		testenv.RequirePermanent(t, err, "CommandFailed")
		require.ErrorContains(t, err, "signal: killed")
	})

	t.Run("ACommandThatIsNotAllowedIsRefusedWithWhatIs", func(t *testing.T) {
		t.Parallel()
		_, err := setup(t, ``).run(t.Context(), RunInput{Command: "jop"})
		testenv.RequirePermanent(t, err, "InvalidInput")
		require.ErrorContains(t, err, `orderly.yaml allows no command "jop"; did you mean "job"? (known: job)`)
	})

	t.Run("TooManyArgumentsAreRefused", func(t *testing.T) {
		t.Parallel()
		_, err := setup(t, ``).run(t.Context(), RunInput{Command: "job", Args: []string{"1", "2", "3"}})
		testenv.RequirePermanent(t, err, "InvalidInput")
		require.ErrorContains(t, err, "at most 2 arguments, found 3")
	})

	t.Run("ANULInAnArgumentIsRefused", func(t *testing.T) {
		t.Parallel()
		_, err := setup(t, ``).run(t.Context(), RunInput{Command: "job", Args: []string{"a\x00b"}})
		testenv.RequirePermanent(t, err, "InvalidInput")
	})

	t.Run("AProgramThatIsNotThereIsSaidSo", func(t *testing.T) {
		t.Parallel()
		_, err := setup(t, ``, func(c *config.Command) { c.Argv = []string{"/does/not/exist"} }).run(t.Context(), RunInput{Command: "job"})
		testenv.RequirePermanent(t, err, "NotConfigured")
		require.ErrorContains(t, err, "no such file")
	})

	t.Run("AFolderThatIsNotThereIsSaidSo", func(t *testing.T) {
		t.Parallel()
		_, err := setup(t, ``, func(c *config.Command) { c.Dir = "/does/not/exist" }).run(t.Context(), RunInput{Command: "job"})
		testenv.RequirePermanent(t, err, "NotConfigured")
	})
}

// pipe is a named pipe by which a script tells that it has come so far.
func pipe(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	return path
}

// stubborn is a script whose child ignores being told to end; both hold the pipe open while they live.
const stubborn = `exec 3>"$1"; trap 'echo told >&2; exit 0' TERM; (trap '' TERM; while :; do sleep 1; done) & echo up >&3; while :; do sleep 0.05; done`

func TestStopping(t *testing.T) {
	t.Parallel()

	t.Run("ATimeoutEndsEverythingTheCommandStarted", func(t *testing.T) {
		t.Parallel()
		path := pipe(t)
		r := setup(t, stubborn, func(c *config.Command) { c.Timeout = 2 * time.Second })
		ended := make(chan error, 1)
		go func() {
			_, err := r.run(t.Context(), RunInput{Command: "job", Args: []string{path}})
			ended <- err
		}()
		requireAllGone(t, path, func() {})
		err := <-ended
		testenv.RequirePermanent(t, err, "CommandFailed")
		require.ErrorContains(t, err, "did not end within 2s and was stopped: told")
	})

	t.Run("CancellationEndsEverythingTheCommandStarted", func(t *testing.T) {
		t.Parallel()
		path := pipe(t)
		ctx, cancel := context.WithCancel(t.Context())
		r := setup(t, stubborn)
		ended := make(chan error, 1)
		go func() {
			_, err := r.run(ctx, RunInput{Command: "job", Args: []string{path}})
			ended <- err
		}()
		requireAllGone(t, path, cancel)
		require.ErrorIs(t, <-ended, context.Canceled)
	})
}

// requireAllGone waits until the script runs, does something, and waits until no process holds the pipe.
func requireAllGone(t *testing.T, path string, do func()) {
	t.Helper()
	f, err := os.Open(path) // until somebody writes
	require.NoError(t, err)
	defer f.Close()
	lines := bufio.NewReader(f)
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "up\n", line)
	do()
	_, err = lines.ReadByte() // until the last writer is gone
	require.True(t, errors.Is(err, io.EOF))
}
