package main

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jstemmer/go-junit-report/v2/junit"
	"github.com/stretchr/testify/require"
)

const alarmSOP = `sop: alarm
title: Alarm
inputs:
  service: {type: string, default: api}
incident: {level: level-1, services: ["${{ inputs.service }}"], summary: it burns}
phases: [{id: fight, steps: [{id: over, title: It is over, wait: {for: resolved}}]}]
`

// alarmed is a scenario of it; what follows is what it expects.
func alarmed(name, rest string) string {
	return "scenario: " + name + "\ntitle: It burns\nat: 2026-01-06T02:14:00Z\nhorizon: 1h\n" + rest
}

const (
	alarmWell = `people: [+6m bob: acknowledge, +9m bob: resolve it is out]
expect: {state: succeeded, ends: +9m, pages: [+0s ann, +5m bob]}
never: [{page: cleo}]
`
	alarmUnanswered = `expect: {state: running, pages: [+0s ann, +5m bob, +15m ann, bob, cleo, +45m ann, bob, cleo]}
`
	alarmWrong = `people: [+6m bob: acknowledge, +9m bob: resolve it is out]
expect:
  state: failed
  pages: [+0s ann, +4m cleo, +5m bob]
`
)

func TestRehearse(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T, scenarios map[string]string) *bench {
		t.Helper()
		b := newBench(t)
		b.write("sops/org.yaml", previewOrg)
		b.write("sops/alarm.yaml", alarmSOP)
		for name, rest := range scenarios {
			b.write("sops/tests/alarm/"+name+".yaml", alarmed(name, rest))
		}
		return b
	}
	timeless := func(out string) string {
		return regexp.MustCompile(`(?m) +[0-9.]+m?s$`).ReplaceAllString(out, " …")
	}
	t.Run("SaysHowEachWent", func(t *testing.T) {
		t.Parallel()
		got := setup(t, map[string]string{"well": alarmWell, "unanswered": alarmUnanswered}).orderly("test")
		require.Equal(t, exitOK, got.code, got.out+got.notice)
		require.Equal(t, "ok    alarm/unanswered                                      1:00:00 …\n"+
			"ok    alarm/well                                               9:00 …\n", timeless(got.out))
		require.Contains(t, got.notice, "2 scenarios: all as expected, in ")
		require.Contains(t, got.notice, "1 of 1 procedures have fewer than 3 scenarios; --coverage lists them")
		requireWidth(t, got.out, defaultWidth)
	})
	t.Run("ShowsWhatIsNotAsExpected", func(t *testing.T) {
		t.Parallel()
		b := setup(t, map[string]string{"well": alarmWell, "wrong": alarmWrong})
		got := b.orderly("test", "-v")
		require.Equal(t, exitFailed, got.code)
		file := filepath.Join(b.dir, "sops", "tests", "alarm", "wrong.yaml")
		require.Contains(t, got.out, "FAIL  alarm/wrong ")
		require.Contains(t, got.out, "      "+file+":7:10: state\n        - failed\n        + succeeded\n")
		require.Contains(t, got.out, ": pages\n          +0s ann\n        - +4m cleo\n          +5m bob\n")
		require.Contains(t, got.out, "02:20:00Z  +6:00", "-v shows what happened")
		require.Contains(t, got.notice, "2 scenarios: 1 ok, 1 failed, in ")
	})
	t.Run("ShowsAllOfADifference", func(t *testing.T) {
		t.Parallel()
		note := "a long note that does not fit into one line of eighty cells and still is there to its very end"
		var notes []string
		for i := range 100 {
			notes = append(notes, fmt.Sprintf("+1m ann: note number %d", i))
		}
		b := setup(t, map[string]string{
			"told":  "people: [+1m ann: note " + note + "]\nexpect: {told: [health, ann], findings: [nothing like it], timeline: [never said]}\n",
			"month": "people: [" + strings.Join(notes, ", ") + "]\nexpect: {timeline: [never said]}\n",
		})
		got := b.orderly("test", "--run", "told").out
		require.Contains(t, got, ": told\n          +0s health\n        - ann\n")
		require.Contains(t, strings.Join(strings.Fields(got), " "), note)
		requireWidth(t, strings.ReplaceAll(got, b.dir, ""), defaultWidth)
		got = b.orderly("test", "--run", "month").out
		require.Regexp(t, `\n          … \d+ lines; --json has them all\n`, got)
		require.Less(t, strings.Count(got, "\n"), 70)
	})
	t.Run("WantsAnExpectation", func(t *testing.T) {
		t.Parallel()
		for _, rest := range []string{"", "expect: {}\n"} {
			got := setup(t, map[string]string{"idle": rest, "well": alarmWell}).orderly("test")
			require.Equal(t, exitFailed, got.code)
			require.Contains(t, got.out, "idle.yaml:1:1: it expects nothing, so nothing can fail")
			require.Contains(t, got.notice, "1 ok, 1 with problems")
		}
	})
	t.Run("SaysAllThatIsWrongWithAFile", func(t *testing.T) {
		t.Parallel()
		got := setup(t, map[string]string{"odd": "peple: []\nexpect: {state: dead}\n"}).orderly("test")
		require.Equal(t, exitFailed, got.code)
		require.Contains(t, strings.ReplaceAll(got.out, "\n", " "), "odd.yaml:5:1:")
		require.Contains(t, got.out, "odd.yaml:6:17:")
	})
	t.Run("IsClearWhenThereIsNothingToDo", func(t *testing.T) {
		t.Parallel()
		got := setup(t, nil).orderly("test")
		require.Equal(t, exitUsage, got.code)
		require.Contains(t, got.notice, "there are no scenarios in")
		require.Contains(t, got.notice, "tests/<procedure>/<scenario>.yaml")
		got = setup(t, map[string]string{"well": alarmWell}).orderly("test", "--run", "nothing")
		require.Equal(t, exitUsage, got.code)
		require.Contains(t, got.notice, "none of 1 scenario matches --run nothing")
		require.Equal(t, exitUsage, setup(t, nil).orderly("test", "nowhere").code)
		require.Equal(t, exitUsage, setup(t, nil).orderly("test", "--run", "(").code)
	})
	t.Run("TakesFilesAndFolders", func(t *testing.T) {
		t.Parallel()
		b := setup(t, map[string]string{"well": alarmWell, "wrong": alarmWrong})
		for path, want := range map[string][2]int{
			"sops": {1, 1}, "sops/tests": {1, 1}, "sops/tests/alarm": {1, 1},
			"sops/tests/alarm/well.yaml": {1, 0}, "sops/tests/alarm/wrong.yaml": {0, 1},
		} {
			var r rehearsed
			b.orderly("test", "--json", filepath.Join(b.dir, path)).json(t, &r)
			require.Equal(t, want, [2]int{r.OK, r.Failed}, path)
		}
		var r rehearsed
		b.orderly("test", "--json", filepath.Join(b.dir, "sops"), filepath.Join(b.dir, "sops/tests/alarm/well.yaml")).json(t, &r)
		require.Len(t, r.Scenarios, 2, "each once")
	})
	t.Run("TakesAFolderThatOrderlyYamlDoesNotName", func(t *testing.T) {
		t.Parallel()
		b := setup(t, nil)
		b.write("other/horn.yaml", strings.ReplaceAll(alarmSOP, "sop: alarm", "sop: horn"))
		b.write("other/tests/horn/well.yaml", alarmed("well", alarmWell))
		got := b.orderly("test", filepath.Join(b.dir, "other"))
		require.Equal(t, exitOK, got.code, got.out+got.notice)
		require.Contains(t, got.out, "ok    horn/well")
	})
	t.Run("SaysWhatIsNotRead", func(t *testing.T) {
		t.Parallel()
		b := setup(t, map[string]string{"well": alarmWell})
		for _, file := range []string{"alarm/other.yml", "flat.yaml", "alarm/deep/down.yaml"} {
			b.write("sops/tests/"+file, alarmed("well", alarmWell))
		}
		b.write("sops/tests/alarm/fixtures/rows.yaml", "- 1\n")
		b.write("sops/tests/.cache/x/y.yaml", "scenario: x\n")
		for _, args := range [][]string{{"test"}, {"test", filepath.Join(b.dir, "sops")}} {
			got := b.orderly(args...)
			require.Equal(t, exitFailed, got.code, "what never runs is not well")
			require.Contains(t, got.out, "ok    alarm/well")
			for _, file := range []string{"alarm/other.yml", "flat.yaml", "alarm/deep/down.yaml"} {
				require.Contains(t, got.out, file+":1:1: it is not read: a scenario is tests/<procedure>/<scenario>.yaml")
			}
			require.Contains(t, got.notice, "4 scenarios: 1 ok, 3 with problems")
			require.NotContains(t, got.out, "rows.yaml")
			require.NotContains(t, got.out, "cache")
		}
		for file, says := range map[string]string{"alarm/other.yml": "it is not read", "flat.yaml": "it is not read", "alarm/deep/down.yaml": "it is not read"} {
			got := b.orderly("test", filepath.Join(b.dir, "sops/tests", file))
			require.Equal(t, exitFailed, got.code, got.out+got.notice)
			require.Contains(t, got.out, says)
		}
		got := b.orderly("test", b.write("elsewhere.yaml", alarmed("well", alarmWell)))
		require.Equal(t, exitUsage, got.code)
		require.Contains(t, got.notice, "elsewhere.yaml is not read: a scenario is a file tests/<procedure>/<scenario>.yaml")
		for _, args := range [][]string{{"test", "--list"}, {"simulate", "--list"}} {
			got := b.orderly(args...)
			require.Equal(t, exitOK, got.code)
			require.NotContains(t, got.out, "down")
			require.Contains(t, got.notice, "alarm/deep/down.yaml:1:1: it is not read")
		}
	})
	t.Run("ListsThem", func(t *testing.T) {
		t.Parallel()
		got := setup(t, map[string]string{"well": alarmWell, "wrong": alarmWrong}).orderly("test", "--list", "--run", "w.*l")
		require.Equal(t, exitOK, got.code)
		require.Equal(t, "alarm/well\n", got.out)
	})
	t.Run("CountsThem", func(t *testing.T) {
		t.Parallel()
		b := setup(t, map[string]string{"well": alarmWell, "unanswered": alarmUnanswered})
		got := b.orderly("test", "--coverage")
		require.Equal(t, exitFailed, got.code)
		require.Contains(t, got.out, "alarm      2          at least 3: all well, nobody answers, something fails\n")
		b.write("sops/tests/alarm/again.yaml", alarmed("again", alarmWell))
		require.Equal(t, exitOK, b.orderly("test", "--coverage").code)
	})
	t.Run("WritesJUnit", func(t *testing.T) {
		t.Parallel()
		b := setup(t, map[string]string{"well": alarmWell, "wrong": alarmWrong, "odd": "peple: []\n"})
		file := filepath.Join(b.dir, "junit.xml")
		require.Equal(t, exitFailed, b.orderly("test", "--junit", file).code)
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var all junit.Testsuites
		require.NoError(t, xml.Unmarshal(text, &all))
		require.Equal(t, [3]int{3, 1, 1}, [3]int{all.Tests, all.Failures, all.Errors})
		require.Len(t, all.Suites, 1)
		require.Equal(t, "alarm", all.Suites[0].Name)
		for _, c := range all.Suites[0].Testcases {
			switch c.Name {
			case "wrong":
				require.Contains(t, c.Failure.Data, "- +4m cleo")
				require.Contains(t, c.Failure.Message, "wrong.yaml:7:10: state")
			case "odd":
				require.Contains(t, c.Error.Message, "odd.yaml:5:1")
			default:
				require.Nil(t, c.Failure)
			}
		}
	})
	t.Run("SaysTheSameHoweverManyRunAtOnce", func(t *testing.T) {
		t.Parallel()
		scenarios := map[string]string{}
		for _, n := range strings.Fields("a b c d e f g h i j k l m n o p") {
			scenarios["well-"+n], scenarios["wrong-"+n] = alarmWell, alarmWrong
		}
		b := setup(t, scenarios)
		one := b.orderly("test", "--parallel", "1")
		for _, n := range []string{"2", "4", "16"} {
			require.Equal(t, timeless(one.out), timeless(b.orderly("test", "--parallel", n).out))
		}
		require.Equal(t, exitUsage, b.orderly("test", "--parallel", "0").code)
	})
}
