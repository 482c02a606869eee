package report

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/journal"
	"github.com/orderly-ops/orderly/internal/testenv"
)

func setup(t testing.TB) (actions, *journal.Journal) {
	t.Helper()
	j, err := journal.Open(t.Context(), filepath.Join(t.TempDir(), "journal.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, j.Close()) })
	return actions{journal: j}, j
}

// attempt calls the action as an activity of a step, the same at each call.
func attempt(t *testing.T, a actions, in FindingsInput) (Findings, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(a.findings, activity.RegisterOptions{Name: "it"})
	var out Findings
	value, err := env.ExecuteActivity("it", in)
	if err == nil {
		require.NoError(t, value.Get(&out))
	}
	return out, err
}

var morning = FindingsInput{
	Rules: []Rule{
		{Check: "memory", Severity: "warning", Found: []string{"host web-1 uses 91 % of its memory"}, Act: "find what grows; the trend is in the record"},
		{Check: "disk", Severity: "info", Found: []string{"/var is at 71 %"}},
		{Check: "container enterprise-docs-api-and-worker", Severity: "critical", Found: []string{
			"unhealthy for 12m, 4 restarts since yesterday, the last health check said: connection to the database refused by the server",
			"exit code 137",
		}, Act: "look at its logs and restart it"},
		{Check: "api", Severity: "critical", Found: nil},
	},
	NotChecked: []NotChecked{{What: "caches", Why: "no redis target in orderly.yaml"}},
}

func TestFindingsAreSortedCountedAndSummedUp(t *testing.T) {
	t.Parallel()
	a, _ := setup(t)
	out, err := attempt(t, a, morning)
	require.NoError(t, err)
	var got []string
	for _, f := range out.Findings {
		got = append(got, f.Severity+" "+f.Check)
	}
	require.Equal(t, []string{
		"critical container enterprise-docs-api-and-worker", "critical container enterprise-docs-api-and-worker",
		"warning memory", "info disk", "info caches",
	}, got)
	require.Equal(t, []int{2, 1, 2, 1, 0}, []int{out.Critical, out.Warnings, out.Infos, out.Unchecked, out.LeftOut})
	require.Equal(t, "critical", out.Worst)
	require.False(t, out.OK)
	require.Equal(t, "4 checks: 2 critical, 1 warning, 1 note; 1 not checked.", out.Summary)
	require.Equal(t, `SEVERITY  CHECK                           FINDING
critical  container                       unhealthy for 12m, 4 restarts since yesterday, the last
          enterprise-docs-api-and-worker  health check said: connection to the database refused by
                                          the server
                                          → look at its logs and restart it
critical  container                       exit code 137
          enterprise-docs-api-and-worker  → look at its logs and restart it
warning   memory                          host web-1 uses 91 % of its memory
                                          → find what grows; the trend is in the record
info      disk                            /var is at 71 %
info      caches                          not checked: no redis target in orderly.yaml
`, out.Table)
}

func TestFindingsAreKeptOnceHoweverOftenTheStepIsTried(t *testing.T) {
	t.Parallel()
	a, j := setup(t)
	for range 2 {
		_, err := attempt(t, a, morning)
		require.NoError(t, err)
	}
	kept, err := j.Findings(t.Context(), journal.FindingFilter{})
	require.NoError(t, err)
	require.Len(t, kept, 5)
	require.Equal(t, "not checked: no redis target in orderly.yaml", kept[4].Text)
	require.NotEmpty(t, kept[0].RunID)
	require.NotEmpty(t, kept[0].Step)
	require.WithinDuration(t, time.Now(), kept[0].At, time.Minute)
}

func TestWhenAllIsWellItSaysSo(t *testing.T) {
	t.Parallel()
	a, _ := setup(t)
	out, err := attempt(t, a, FindingsInput{Rules: []Rule{{Check: "api", Severity: "critical"}}})
	require.NoError(t, err)
	require.Equal(t, Findings{
		Findings: []Finding{}, Worst: "none", OK: true, Summary: "1 check: nothing found.", Table: "No findings.\n",
	}, out)
	out, err = attempt(t, a, FindingsInput{NotChecked: morning.NotChecked})
	require.NoError(t, err)
	require.True(t, out.OK)
	require.Equal(t, "info", out.Worst)
	require.Equal(t, "0 checks: nothing found; 1 not checked.", out.Summary)
}

func TestTheTableStaysNarrowWhateverIsFound(t *testing.T) {
	t.Parallel()
	a, j := setup(t)
	var found []string
	for n := range 400 {
		found = append(found, fmt.Sprintf("%d: \x1b[31mred\x1b[0m\ttab\nline \x00\a%s %s", n, strings.Repeat("ünbroken", 30), strings.Repeat("word ", 200)))
	}
	out, err := attempt(t, a, FindingsInput{Rules: []Rule{
		{Check: strings.Repeat("long check ", 10), Severity: "info", Found: found, Act: strings.Repeat("do it ", 40)},
	}})
	require.NoError(t, err)
	require.Equal(t, 400, out.Infos)
	require.Len(t, out.Findings, maxListed)
	require.Equal(t, 100, out.LeftOut)
	require.Contains(t, out.Table, "… and 100 more in the journal")
	for line := range strings.Lines(out.Table) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), tableWidth)
		require.NotContains(t, line, "\x1b")
	}
	require.Contains(t, out.Findings[0].Text, "0: red tab line ünb")
	require.Equal(t, maxText, utf8.RuneCountInString(out.Findings[0].Text))
	kept, err := j.Findings(t.Context(), journal.FindingFilter{Limit: 1000})
	require.NoError(t, err)
	require.Len(t, kept, 400)
}

func TestWhatCanNotBeReportedIsRefused(t *testing.T) {
	t.Parallel()
	a, _ := setup(t)
	_, err := attempt(t, a, FindingsInput{Rules: []Rule{{Check: "x", Severity: "bad"}}})
	require.ErrorContains(t, err, `rules[0].severity is "bad"; it is one of critical, warning, info`)
	testenv.RequirePermanent(t, err, action.ErrInput)
	_, err = attempt(t, actions{}, FindingsInput{})
	testenv.RequirePermanent(t, err, action.ErrNotConfigured)
	_, err = a.findings(context.Background(), FindingsInput{})
	require.ErrorContains(t, err, "as an activity")
	require.Len(t, Actions(Deps{}), 8, "described without a journal")
}

func TestFindingsAreReportedEvenIfTheJournalIsAway(t *testing.T) {
	t.Parallel()
	a, j := setup(t)
	require.NoError(t, j.Close())
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterActivityWithOptions(a.findings, activity.RegisterOptions{Name: "report.findings"})
	attempts := 0
	env.SetOnActivityStartedListener(func(*activity.Info, context.Context, converter.EncodedValues) { attempts++ })
	env.ExecuteWorkflow(func(ctx workflow.Context) (Findings, error) {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
		var out Findings
		in := FindingsInput{Rules: []Rule{{Check: "api", Severity: critical, Found: []string{"it is down"}}}}
		err := workflow.ExecuteActivity(ctx, "report.findings", in).Get(ctx, &out)
		return out, err
	})
	var out Findings
	require.NoError(t, env.GetWorkflowResult(&out))
	require.Equal(t, 2, attempts)
	require.Equal(t, 1, out.Critical)
	require.Contains(t, out.Table, "could not be written to the maintenance log")
}
