package sops_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/sops"
)

// folder is a source of small procedures by id; the value is one more line of YAML.
func folder(name string, procedures map[string]string) sops.Source {
	files := fstest.MapFS{"org.yaml": &fstest.MapFile{Data: []byte("people: {}\n")}, "notes.txt": &fstest.MapFile{Data: []byte("x")}}
	for id, step := range procedures {
		src := "sop: " + id + "\ntitle: T\ninputs: {reason: {type: string, default: x}}\nphases: [{id: one, steps: [{id: a, " + step + "}]}]\n"
		files[id+".yaml"] = &fstest.MapFile{Data: []byte(src)}
	}
	return sops.Source{Name: name, FS: files}
}

func TestLibrary(t *testing.T) {
	t.Parallel()
	env := sops.Env{Catalogue: catalogue()}

	t.Run("HoldsWhatHasNoProblem", func(t *testing.T) {
		t.Parallel()
		lib, ps := sops.LoadLibrary([]sops.Source{folder("lib", map[string]string{
			"daily-check": "wait: 5m", "broken": "wait: never", "weekly": "run: daily-check, with: {reason: w}",
		})}, env)
		require.Equal(t, []string{"daily-check", "weekly"}, lib.IDs())
		require.Equal(t, `lib/broken.yaml:4:42: "never" is not a duration; write it like 90s, 5m, 1h30m, 2d or 1w`, ps.Error())
		p, ok := lib.Get("daily-check")
		require.True(t, ok)
		require.Equal(t, "lib/daily-check.yaml", p.File)
		require.True(t, strings.HasPrefix(p.Digest, "sha256:"))
		_, ok = lib.Get("broken")
		require.False(t, ok)
	})
	t.Run("ChecksProceduresAgainstEachOther", func(t *testing.T) {
		t.Parallel()
		_, ps := sops.LoadLibrary([]sops.Source{folder("lib", map[string]string{
			"one": "run: two, with: {raeson: x}", "two": "run: one", "three": "start: for", "four": "start: nowhere, if_missing: finding",
		})}, env)
		require.Equal(t, `lib/one.yaml:4:41: one runs itself: one → two → one
lib/one.yaml:4:53: two has no input "raeson"; did you mean "reason"?
lib/three.yaml:4:43: no procedure "for"; with if_missing: finding that is only noted
lib/two.yaml:4:41: two runs itself: two → one → two`, ps.Error())
	})
	t.Run("MayBeReadAsFarAsOneProcedureReaches", func(t *testing.T) {
		t.Parallel()
		from := []sops.Source{folder("lib", map[string]string{
			"one": "run: two", "two": "start: for-it", "for-it": "wait: 5m", "four": "wait: never", "five": "run: four", "f-our": "wait: 5m",
		})}
		lib, ps := sops.LoadReach(from, env, "one")
		require.Empty(t, ps)
		require.Equal(t, []string{"for-it", "one", "two"}, lib.IDs())
		whole, _ := sops.LoadLibrary(from, env)
		for _, id := range []string{"one", "two", "for-it", "four", "five", "f-our", "nowhere", ""} {
			near, _ := sops.LoadReach(from, env, id)
			_, want := whole.Get(id)
			_, got := near.Get(id)
			require.Equal(t, want, got, id)
		}
	})
	t.Run("RefusesTheSameProcedureTwice", func(t *testing.T) {
		t.Parallel()
		lib, ps := sops.LoadLibrary([]sops.Source{
			folder("a", map[string]string{"x": "wait: 5m", "a-b1": "wait: 5m"}),
			folder("b", map[string]string{"x": "wait: 5m", "a-b-1": "wait: 5m"}),
		}, env)
		require.Equal(t, []string{"a-b1"}, lib.IDs())
		require.Equal(t, `a/x.yaml:1:6: procedure "x" is in b/x.yaml as well
b/a-b-1.yaml:1:6: "a-b-1" and "a-b1" have the same workflow type AB1; rename one
b/x.yaml:1:6: procedure "x" is in a/x.yaml as well`, ps.Error())
	})
	t.Run("ReportsAMissingFolder", func(t *testing.T) {
		t.Parallel()
		_, ps := sops.LoadLibrary([]sops.Source{{Name: "gone", FS: missing{}}}, env)
		require.ErrorContains(t, ps.Err(), "gone: procedures: ")
	})
}

func TestFindReadsTheFileOfAWorkflowType(t *testing.T) {
	t.Parallel()
	sources := []sops.Source{folder("a", map[string]string{"daily-check": "wait: 5m"}), folder("b", map[string]string{"weekly-2": "wait: 5m"})}
	file, src, err := sops.Find(sources, "Weekly2")
	require.NoError(t, err)
	require.Equal(t, "b/weekly-2.yaml", file)
	require.Contains(t, string(src), "sop: weekly-2")
	_, _, err = sops.Find(sources, "DailyChek")
	require.EqualError(t, err, `no procedure serves "DailyChek"; did you mean "DailyCheck"?; there are daily-check, weekly-2`)
	_, _, err = sops.Find(nil, "X")
	require.EqualError(t, err, `no procedure serves "X": there are no procedures at all`)
}
