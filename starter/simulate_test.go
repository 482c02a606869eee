package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a flag adds is checked as it is in a file: a name that is not there must not be left out in silence.
func TestSimulateChecksItsFlags(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write("sops/org.yaml", previewOrg)
	b.write("sops/alarm.yaml", alarmSOP)
	b.write("sops/tests/alarm/well.yaml", alarmed("well", alarmWell))
	for _, c := range []struct {
		says string
		args []string
	}{
		{`alarm has no step "fihgt", and there is no such action`, []string{"alarm", "--fail", "fihgt: no"}},
		{`org.yaml has nobody called "bbo"; did you mean "bob"?`, []string{"alarm", "--do", "+1m bbo: acknowledge"}},
		{`org.yaml has nobody called "bbo"; did you mean "bob"?`, []string{"alarm", "--scenario", "well", "--by", "bbo"}},
		{`alarm has no step "ovr"; did you mean "over"?`, []string{"alarm", "--do", "+1m bob: done ovr"}},
		{`"-5m" is negative; a duration is not`, []string{"alarm", "--horizon", "-5m"}},
		{"--at 2026-13-01 is not a time; write it like '2026-12-24 18:00'", []string{"alarm", "--at", "2026-13-01"}},
		{"a horizon of more than 400 days is more than is simulated", []string{"alarm", "--horizon", "10000h"}},
		{`input "servce": alarm has no such input`, []string{"alarm", "-i", "servce=api"}},
		{`say which procedure has the scenario "well", or give its file`, []string{"--scenario", "well"}},
	} {
		got := b.orderly(append([]string{"simulate"}, c.args...)...)
		require.Equal(t, exitUsage, got.code, "%v: %s%s", c.args, got.out, got.notice)
		require.Contains(t, got.notice, c.says)
		require.Empty(t, got.out)
	}
	for deed, says := range map[string]string{
		"+1m bob: {extned: {}}": `there is no message "extned"; did you mean "extend"?`, "+1m bob: {extend: {clok: x}}": `extend has no "clok"; did you mean "clock"?`,
		"+1m bob: {extend": "--do: not YAML: ", "+1m alert: {ky: x}": `alert has no "ky"; did you mean "key"?`,
	} {
		got := b.orderly("simulate", "alarm", "--do", deed)
		require.Equal(t, exitUsage, got.code, deed)
		require.Contains(t, got.notice, says)
	}
	got := b.orderly("simulate", "alarm", "--do", "+1m alert: {key: k, status: firing, summary: it smokes}", "--horizon", "10m")
	require.Contains(t, got.out, "alert: it smokes (k)", got.notice)
	got = b.orderly("simulate", "alarm", "--scenario", "well", "--do", "+7m bob: note on it", "--by", "ann")
	require.Equal(t, exitOK, got.code, got.notice)
	require.Contains(t, got.out, "on it")
}

func TestSimulateStartsWhenItIsTold(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write("sops/org.yaml", previewOrg)
	b.write("sops/alarm.yaml", alarmSOP)
	for _, at := range []string{"2026-11-21 02:14", "2026-11-21T02:14", "2026-11-21T03:14:00+01:00"} {
		require.Contains(t, b.orderly("simulate", "alarm", "--at", at, "--horizon", "1h").out, "Starts    Sat 2026-11-21 02:14:00Z\n")
	}
	got := b.orderly("simulate", "alarm", "--at", "02:14", "--horizon", "2d").out
	require.Contains(t, got, " 02:14:00Z\n")
	require.Contains(t, got, "Scenario  nobody answers\n")
	require.Contains(t, b.orderly("simulate", "alarm", "--do", "+1m bob: acknowledge", "--horizon", "1h").out, "Scenario  as the flags say\n")
	require.Contains(t, b.orderly("simulate", "alarm", "--at", "+2h", "--horizon", "1h").out, "Starts ")
}

func TestSimulateSaysWhoIsToldWhat(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write("sops/org.yaml", previewOrg)
	b.write("sops/alarm.yaml", alarmSOP)
	scenario := b.write("sops/tests/alarm/told.yaml", "at: 2026-01-06T02:14:00Z\nhorizon: 20m\nunreachable: [cleo]\npeople: [+1m ann: update it burns, +17m bob: acknowledge]\n")
	out := b.orderly("simulate", "alarm", "--scenario", scenario).out
	require.Contains(t, out, "  Bob, lead, all / lead\n    at +5:00, +15:00, over webhook\n    until +17m: acknowledged by Bob\n")
	require.Contains(t, out, "  Cleo, all / night\n    not reached\n    failed: slack: unreachable in this scenario\n")
	require.Contains(t, out, "\nTold besides, without having to answer\n  health: the incident is shown at +0:00, over slack\n")
	b.write("sops/tests/alarm/down.yaml", "at: 2026-01-06T02:14:00Z\nhorizon: 20m\ntransports: {slack: {down: {}}}\npeople: [+1m ann: update it burns, +2m ann: update still]\nexpect: {state: running}\n")
	require.Contains(t, b.orderly("simulate", "alarm", "--scenario", "down").out, "  health: status update not reached at +1:00, +2:00\n", "however often it is tried")
	require.Contains(t, b.orderly("simulate", "alarm", "--horizon", "5h").out, " times, from +0:00 to +4:45:00, over ", "many times are summed up")
}

func TestSimulateSaysWhichDayItIs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write("sops/org.yaml", previewOrg)
	b.write("sops/alarm.yaml", alarmSOP)
	out := b.orderly("simulate", "alarm", "--at", "2026-01-06 23:50", "--horizon", "30m").out
	require.Regexp(t, `23:55:00Z  \+5:00  .*(\n.*)+\nWed 2026-01-07\n00:05:00Z  \+15:00 `, out)
	require.Equal(t, 1, strings.Count(out, "\nWed 2026-01-07\n"))
}

func TestSimulateSaysThatPagesAreOfADrill(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write("sops/org.yaml", previewOrg)
	b.write("sops/alarm.yaml", alarmSOP)
	require.Contains(t, b.orderly("simulate", "alarm", "--drill", "--horizon", "1h").out, "Paged; every message says that it is a drill\n")
	require.Contains(t, b.orderly("simulate", "alarm", "--horizon", "1h").out, "Paged\n")
}

func TestSimulateKeepsItsColumnsApart(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write("sops/org.yaml", previewOrg)
	b.write("sops/alarm.yaml", alarmSOP)
	got := b.orderly("simulate", "alarm")
	require.Equal(t, exitOK, got.code, got.notice)
	require.Contains(t, got.out, "+71:45:00 paged tier 1")
	for line := range strings.Lines(got.out) {
		require.LessOrEqual(t, len([]rune(strings.TrimRight(line, "\n"))), 80, line)
	}
}

// A procedure whose file is broken is there: what is wrong is in its own file, not in the scenario's.
func TestAScenarioOfABrokenProcedureSaysWhatIsWrongWithIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write("sops/org.yaml", previewOrg)
	b.write("sops/alarm.yaml", strings.Replace(alarmSOP, "phases:", "phasse:", 1))
	b.write("sops/tests/alarm/well.yaml", alarmed("well", alarmWell))
	for _, args := range [][]string{{"test"}, {"simulate", "alarm", "--scenario", "well"}} {
		got := b.orderly(args...)
		require.Equal(t, exitFailed, got.code, got.out+got.notice)
		require.Contains(t, got.out+got.notice, `alarm.yaml:6:1: unknown key "phasse"; did you mean "phases"?`)
		require.NotContains(t, got.out+got.notice, "there is no procedure")
	}
}
