package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

func TestEveryCommandSaysWhatItDoesAndShowsHow(t *testing.T) {
	t.Parallel()
	var look func(cmd *cobra.Command)
	look = func(cmd *cobra.Command) {
		require.NotEmpty(t, cmd.Short, cmd.CommandPath())
		require.NotEmpty(t, cmd.Example, cmd.CommandPath())
		for line := range strings.Lines(cmd.Long + "\n" + cmd.Example) {
			require.LessOrEqual(t, len([]rune(strings.TrimRight(line, "\n"))), defaultWidth+1, cmd.CommandPath())
		}
		requireWidth(t, cmd.UsageString(), defaultWidth+1)
		for _, sub := range cmd.Commands() {
			look(sub)
		}
	}
	look((&app{}).root())
}

func TestActions(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	list := b.orderly("actions")
	require.Equal(t, exitOK, list.code)
	require.Contains(t, list.out, "host.resources")
	requireWidth(t, list.out, defaultWidth)

	one := b.orderly("actions", "http.check")
	require.Equal(t, exitOK, one.code)
	require.Contains(t, one.out, "Inputs (with)")
	require.Contains(t, one.out, "Required.")
	requireWidth(t, one.out, defaultWidth)

	var info actionInfo
	b.orderly("actions", "http.check", "--json").json(t, &info)
	require.Equal(t, "http.check", info.Name)
	require.NotEmpty(t, info.Inputs)
	require.NotEmpty(t, info.Outputs)
	var all []actionInfo
	b.orderly("actions", "--json").json(t, &all)
	require.Greater(t, len(all), 3)

	slip := b.orderly("actions", "http.chekc")
	require.Equal(t, exitNotFound, slip.code)
	require.Contains(t, slip.notice, "did you mean http.check?")
	require.True(t, strings.HasPrefix(b.orderly("actions", "--markdown").out, "# Actions\n"))
}

func TestVersion(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	require.Regexp(t, `^orderly \S+ \(go1\.\d+.*, \w+/\w+\)\n$`, b.orderly("version").out)
	var v build
	b.orderly("version", "--json").json(t, &v)
	require.NotEmpty(t, v.Version)
}

func TestCompletionOffersProceduresRunsAndSchedules(t *testing.T) {
	t.Parallel()
	b := newBench(t).withServer().procedure(checkYAML)
	require.Contains(t, b.orderly("__complete", "start", "").out, "check\tCheck the house\n")
	require.Contains(t, b.orderly("__complete", "schedule", "pause", "").out, "check/morning\n")
	b.begin("check/one")
	b.eventually(func() bool {
		return strings.Contains(b.orderly("__complete", "watch", "check/").out, "check/one\trunning\n")
	})
	require.Contains(t, b.orderly("completion", "bash").out, "bash completion")
}

func TestWrongUsageSaysWhereHelpIs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, args := range [][]string{{"begin", "check"}, {"watch"}, {"runs", "--colour"}, {"runs", "extra"}} {
		got := b.orderly(args...)
		require.Equal(t, exitUsage, got.code, args)
		require.Empty(t, got.out)
		require.Contains(t, got.notice, "See `orderly")
	}
	require.Equal(t, "orderly: say which run\nSee `orderly watch --help`.\n", b.orderly("watch").notice)
	require.Contains(t, b.orderly("show", "a", "b").notice, "one run at a time; found a, b")
}

func TestLinksPointToTheUIThatIsConfigured(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		flag, file, env, address, want string
	}{
		"AFlagWins":                    {"https://ui.example.org/", "https://file", "https://other", "10.0.0.1:7233", "https://ui.example.org"},
		"ThenTheFile":                  {"", "https://file", "https://other/", "10.0.0.1:7233", "https://file"},
		"ThenTheEnvironment":           {"", "", "https://other/", "10.0.0.1:7233", "https://other"},
		"ThenTheOneBesideALocalServer": {"", "", "", "127.0.0.1:7333", "http://127.0.0.1:8333"},
		"LocalhostIsLocal":             {"", "", "", "localhost:7233", "http://127.0.0.1:8233"},
		"ElsewhereNobodyKnows":         {"", "", "", "temporal.example.org:7233", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &app{surroundings: surroundings{getenv: func(string) string { return test.env }}, ui: test.flag}
			require.Equal(t, test.want, a.uiAddress(test.file, test.address))
		})
	}
}
