package artifact

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/testenv"
)

const secret = "pa55word-of-db"

// setup makes a keeper in a folder, and a configuration with a secret.
func setup(t *testing.T) (*Keeper, string) {
	t.Helper()
	dir := t.TempDir()
	return NewKeeper(&config.Config{
		Artifacts: config.Artifacts{Dir: dir},
		Targets:   config.Targets{Postgres: map[string]config.Postgres{"db": {DSN: config.NewSecret("postgres://u:" + secret + "@h/db")}}},
	}), dir
}

// inActivity calls fn as an activity of the run that Temporal's test environment makes up.
func inActivity[In, Out any](t *testing.T, fn func(context.Context, In) (Out, error), in In) (Out, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: "it"})
	var out Out
	value, err := env.ExecuteActivity("it", in)
	if err == nil {
		require.NoError(t, value.Get(&out))
	}
	return out, err
}

func read(t *testing.T, dir, key string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(key)))
	require.NoError(t, err)
	return string(text)
}

func TestSave(t *testing.T) {
	t.Parallel()
	t.Run("KeepsATextUnderTheRun", func(t *testing.T) {
		t.Parallel()
		k, dir := setup(t)
		out, err := inActivity(t, k.save, SaveInput{Name: "logs of api", Text: "up\n"})
		require.NoError(t, err)
		require.Regexp(t, regexp.MustCompile(`^[^/]+/\d{8}T\d{6}Z-[0-9a-f]{6}-logs-of-api\.txt$`), out.Key)
		require.EqualValues(t, 3, out.Bytes)
		require.Equal(t, "up\n", read(t, dir, out.Key))
	})
	t.Run("KeepsAValueAsJSONWithoutSecrets", func(t *testing.T) {
		t.Parallel()
		k, dir := setup(t)
		out, err := inActivity(t, k.save, SaveInput{Name: "stats", Data: map[string]any{"error": "login with " + secret, "cpu": 3}})
		require.NoError(t, err)
		require.JSONEq(t, `{"cpu": 3, "error": "login with …"}`, read(t, dir, out.Key))
		require.Contains(t, out.Key, "-stats.json")
	})
	t.Run("ReplacesWhatAnEarlierAttemptKept", func(t *testing.T) {
		t.Parallel()
		k, dir := setup(t)
		at := place{folder: "er/main", at: time.Date(2026, 11, 21, 2, 14, 0, 0, time.UTC), step: "abcdef"}
		require.Equal(t, "er/main/20261121T021400Z-abcdef-x.txt", at.key("x.txt"))
		k.now = func() time.Time { return at.at }
		for range 2 {
			_, err := k.save(t.Context(), SaveInput{Name: "x", Text: "same"})
			require.NoError(t, err)
		}
		files, err := filepath.Glob(filepath.Join(dir, "no-run", "*"))
		require.NoError(t, err)
		require.Len(t, files, 1)
	})
	t.Run("WantsANameAndOneContent", func(t *testing.T) {
		t.Parallel()
		k, _ := setup(t)
		_, err := k.save(t.Context(), SaveInput{Text: "x"})
		testenv.RequirePermanent(t, err, action.ErrInput)
		_, err = k.save(t.Context(), SaveInput{Name: "x", Text: "x", Data: 1})
		testenv.RequirePermanent(t, err, action.ErrInput)
	})
	t.Run("SaysWhenThereIsNoPlace", func(t *testing.T) {
		t.Parallel()
		_, err := NewKeeper(&config.Config{}).save(t.Context(), SaveInput{Name: "x", Text: "x"})
		testenv.RequirePermanent(t, err, action.ErrNotConfigured)
	})
}

func TestKeepStreams(t *testing.T) {
	t.Parallel()
	k, dir := setup(t)
	saved, err := k.Keep(t.Context(), "web.log", func(w io.Writer) error {
		for range 3 {
			if _, err := io.WriteString(w, "dsn "+secret+"\n"); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, "dsn …\ndsn …\ndsn …\n", read(t, dir, saved.Key))
	broken := errors.New("the engine went away")
	_, err = k.Keep(t.Context(), "half.log", func(io.Writer) error { return broken })
	require.ErrorIs(t, err, broken)
}

func TestManifest(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) (*Keeper, string) {
		t.Helper()
		k, dir := setup(t)
		at := time.Date(2026, 11, 21, 2, 14, 0, 0, time.UTC)
		for _, name := range []string{"a", "b"} {
			k.now = func() time.Time { return at }
			_, err := k.save(t.Context(), SaveInput{Name: name, Text: name})
			require.NoError(t, err)
			at = at.Add(time.Hour)
		}
		s, err := k.open()
		require.NoError(t, err)
		_, err = s.PutBytes(t.Context(), "diagnosis/r1-look/20261121T021405Z-aaaaaa-c.txt", []byte("c"))
		require.NoError(t, err)
		return k, dir
	}
	t.Run("ListsEveryArtifactOfTheRunWithItsHash", func(t *testing.T) {
		t.Parallel()
		k, dir := setup(t)
		out, err := k.manifest(t.Context(), ManifestInput{Runs: []string{"diagnosis/r1-look", "", "nothing/there"}})
		require.NoError(t, err)
		require.Equal(t, 3, out.Count)
		require.EqualValues(t, 3, out.Total)
		require.Regexp(t, `^[0-9a-f]{64}  no-run/20261121T021400Z-000000-a\.txt\n`+
			`[0-9a-f]{64}  no-run/20261121T031400Z-000000-b\.txt\n`+
			`[0-9a-f]{64}  diagnosis/r1-look/20261121T021405Z-aaaaaa-c\.txt\n$`, read(t, dir, out.Key))
	})
	t.Run("ListsNamesAndHashesAsTheyAre", func(t *testing.T) {
		t.Parallel()
		k, dir := setup(t)
		k.redact = func(text string) string { return strings.ReplaceAll(text, "a", "…") }
		_, err := k.save(t.Context(), SaveInput{Name: "data", Text: "x"})
		require.NoError(t, err)
		out, err := k.manifest(t.Context(), ManifestInput{})
		require.NoError(t, err)
		require.Contains(t, read(t, dir, out.Key), out.Artifacts[0].SHA256+"  "+out.Artifacts[0].Key)
	})
	t.Run("LeavesOutWhatRunsBeforeKept", func(t *testing.T) {
		t.Parallel()
		k, _ := setup(t)
		since := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
		out, err := k.manifest(t.Context(), ManifestInput{Since: &since})
		require.NoError(t, err)
		require.Equal(t, 1, out.Count)
		require.Contains(t, out.Artifacts[0].Key, "-b.txt")
	})
	t.Run("IsTheSameWhenItIsMadeAgain", func(t *testing.T) {
		t.Parallel()
		k, _ := setup(t)
		first, err := k.manifest(t.Context(), ManifestInput{})
		require.NoError(t, err)
		again, err := k.manifest(t.Context(), ManifestInput{})
		require.NoError(t, err)
		require.Equal(t, first, again)
	})
}

func TestFoldersFollowTheWorkflowID(t *testing.T) {
	t.Parallel()
	for id, folder := range map[string]string{
		"emergency-response/main": "emergency-response/main",
		"er/../../etc":            "er/etc",
		"made up":                 "made-up",
		"er/a/b":                  "er/a-b",
		"/":                       "unnamed/unnamed",
	} {
		require.Equal(t, folder, folderOf(id), id)
	}
}
