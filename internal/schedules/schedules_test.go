package schedules_test

import (
	"context"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/server/temporaltest"

	"github.com/orderly-ops/orderly/internal/schedules"
	"github.com/orderly-ops/orderly/sops"
)

// setup is a cluster of its own and a way to say what the files want.
type setup struct {
	t      *testing.T
	client client.Client
	keeper *schedules.Keeper
}

func newSetup(t *testing.T) *setup {
	t.Helper()
	s := temporaltest.NewServer(temporaltest.WithT(t))
	c := s.GetDefaultClient()
	return &setup{t: t, client: c, keeper: schedules.New(c.ScheduleClient())}
}

func (s *setup) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	s.t.Cleanup(cancel)
	return ctx
}

// wanted is the schedules of a procedure `check` with these lines under schedules.
func wanted(t *testing.T, lines string) ([]schedules.Schedule, error) {
	t.Helper()
	text := "sop: check\ntitle: Check\ninputs: {database: {type: string, default: docs}}\n"
	if lines != "" {
		text += "schedules:\n" + lines
	}
	text += "phases: [{id: a, steps: [{id: x, wait: 1s}]}]\n"
	lib, problems := sops.LoadLibrary(
		[]sops.Source{{Name: "test", FS: fstest.MapFS{"check.yaml": {Data: []byte(text)}}}}, sops.Env{Catalogue: sops.NewCatalogue()})
	require.NoError(t, problems.Err())
	return schedules.Wanted(lib, "orderly")
}

func (s *setup) plan(lines string, prune bool) schedules.Plan {
	s.t.Helper()
	want, err := wanted(s.t, lines)
	require.NoError(s.t, err)
	plan, err := s.keeper.Plan(s.ctx(), want, prune)
	require.NoError(s.t, err)
	return plan
}

func (s *setup) apply(lines string, prune bool) {
	s.t.Helper()
	require.NoError(s.t, s.keeper.Apply(s.ctx(), s.plan(lines, prune), func(schedules.Change) {}))
}

const morning = `  - {id: morning, cron: "0 6 * * 1-5", time_zone: Europe/Berlin, jitter: 30s, with: {database: shop}}` + "\n"

func TestApplyingTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	first := s.plan(morning, false)
	require.Len(t, first, 1)
	require.Equal(t, schedules.Create, first[0].Verb)
	s.apply(morning, false)
	again := s.plan(morning, false)
	require.Equal(t, schedules.Unchanged, again[0].Verb, "%+v", again[0].Fields)
	require.False(t, again.Pending())

	d, err := s.client.ScheduleClient().GetHandle(s.ctx(), "check/morning").Describe(s.ctx())
	require.NoError(t, err)
	require.Equal(t, schedules.DefaultCatchup, d.Schedule.Policy.CatchupWindow, "always explicit: Temporal's default is a year")
	require.Equal(t, "Europe/Berlin", d.Schedule.Spec.TimeZoneName)
}

func TestDriftIsShownFieldByField(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	s.apply(morning, false)
	s.change("check/morning", func(next *client.Schedule) {
		next.Spec.Calendars = nil
		next.Spec.CronExpressions = []string{"*/15 * * * *"}
		next.Policy.CatchupWindow = time.Hour
	})
	plan := s.plan(morning, false)
	require.Equal(t, schedules.Update, plan[0].Verb)
	require.True(t, plan[0].ByHand)
	require.Equal(t, []schedules.Drift{
		{Field: "cron", Have: "*/15 * * * *", Want: "0 6 * * 1-5"},
		{Field: "catchup", Have: "1h0m0s", Want: "10m0s"},
	}, plan[0].Fields)
	s.apply(morning, false)
	require.False(t, s.plan(morning, false).Pending())
}

func TestAnEditedFileIsToldFromAHandInTheCluster(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	s.apply(morning, false)
	plan := s.plan(`  - {id: morning, cron: "0 7 * * 1-5", time_zone: Europe/Berlin, jitter: 30s, overlap: buffer_one, catchup: 1h, with: {database: docs}}`+"\n", false)
	require.False(t, plan[0].ByHand)
	fields := map[string]bool{}
	for _, f := range plan[0].Fields {
		fields[f.Field] = true
	}
	require.Equal(t, map[string]bool{"cron": true, "overlap": true, "catchup": true, "inputs": true}, fields)
}

func TestAPauseThatAnOperatorOrderedSurvives(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	s.apply(morning, false)
	require.NoError(t, s.keeper.Pause(s.ctx(), "check/morning", "moving house (ann)"))
	require.False(t, s.plan(morning, false).Pending())
	s.apply(`  - {id: morning, cron: "0 7 * * *"}`+"\n", false)
	status, err := s.keeper.Status(s.ctx(), "check/morning")
	require.NoError(t, err)
	require.Equal(t, "0 7 * * *", status.Cron)
	require.True(t, status.Paused)
	require.Equal(t, "moving house (ann)", status.Note)
	require.Nil(t, status.Next)
	require.NoError(t, s.keeper.Resume(s.ctx(), "check/morning", ""))
}

func TestAnEditedPausedIsApplied(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	paused := `  - {id: morning, cron: "0 6 * * *", paused: true}` + "\n"
	s.apply(paused, false)
	status, err := s.keeper.Status(s.ctx(), "check/morning")
	require.NoError(t, err)
	require.True(t, status.Paused)
	require.NoError(t, s.keeper.Resume(s.ctx(), "check/morning", ""))
	require.False(t, s.plan(paused, false).Pending(), "the operator's word stands while the file says the same")
	require.NoError(t, s.keeper.Pause(s.ctx(), "check/morning", ""))
	s.apply(`  - {id: morning, cron: "0 6 * * *"}`+"\n", false)
	status, err = s.keeper.Status(s.ctx(), "check/morning")
	require.NoError(t, err)
	require.False(t, status.Paused)
}

func TestPruneRemovesOnlyOurs(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	s.apply(morning, false)
	_, err := s.client.ScheduleClient().Create(s.ctx(), client.ScheduleOptions{
		ID: "somebody/else", Spec: client.ScheduleSpec{CronExpressions: []string{"@daily"}},
		Action: &client.ScheduleWorkflowAction{ID: "x", Workflow: "X", TaskQueue: "other"},
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		ids, err := s.keeper.Managed(s.ctx())
		return err == nil && len(ids) == 1
	}, 20*time.Second, 50*time.Millisecond)
	kept := s.plan("", false)
	require.Equal(t, schedules.Orphan, kept[0].Verb)
	require.Len(t, kept, 1)
	s.apply("", true)
	_, err = s.keeper.Status(s.ctx(), "check/morning")
	require.ErrorIs(t, err, schedules.ErrNotFound)
	_, err = s.keeper.Status(s.ctx(), "somebody/else")
	require.NoError(t, err)
}

func TestSomebodyElsesScheduleIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	_, err := s.client.ScheduleClient().Create(s.ctx(), client.ScheduleOptions{
		ID: "check/morning", Spec: client.ScheduleSpec{CronExpressions: []string{"@daily"}},
		Action: &client.ScheduleWorkflowAction{ID: "x", Workflow: "X", TaskQueue: "other"},
	})
	require.NoError(t, err)
	plan := s.plan(morning, true)
	require.Equal(t, []string{"check/morning"}, plan.Foreign())
	require.False(t, plan.Pending())
}

func TestTriggerStartsARunWithTheInputs(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	s.apply(morning, false)
	started, err := s.keeper.Trigger(s.ctx(), "check/morning")
	require.NoError(t, err)
	require.Regexp(t, `^check/morning-\d{4}-`, started.WorkflowID)
	d, err := s.client.DescribeWorkflowExecution(s.ctx(), started.WorkflowID, started.RunID)
	require.NoError(t, err)
	require.Equal(t, "Check", d.GetWorkflowExecutionInfo().GetType().GetName())
	require.Equal(t, "orderly", d.GetWorkflowExecutionInfo().GetTaskQueue())
	_, err = s.keeper.Trigger(s.ctx(), "check/morning")
	require.ErrorIs(t, err, schedules.ErrStillRunning)
	_, err = s.keeper.Trigger(s.ctx(), "check/evening")
	require.ErrorIs(t, err, schedules.ErrNotFound)
}

// change edits a schedule as somebody in the Temporal UI would.
func (s *setup) change(id string, edit func(*client.Schedule)) {
	s.t.Helper()
	err := s.client.ScheduleClient().GetHandle(s.ctx(), id).Update(s.ctx(), client.ScheduleUpdateOptions{
		DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			next := in.Description.Schedule
			edit(&next)
			return &client.ScheduleUpdate{Schedule: &next}, nil
		},
	})
	require.NoError(s.t, err)
}

// TestTheFirstMondayOfAMonth says that a day of the month and a day of the week must both hold, which is not
// what a crontab does.
func TestTheFirstMondayOfAMonth(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	s.apply(`  - {id: review, cron: "0 9 1-7 * 1"}`+"\n", false)
	d, err := s.client.ScheduleClient().GetHandle(s.ctx(), "check/review").Describe(s.ctx())
	require.NoError(t, err)
	require.NotEmpty(t, d.Info.NextActionTimes)
	for _, at := range d.Info.NextActionTimes {
		require.Equal(t, time.Monday, at.UTC().Weekday())
		require.LessOrEqual(t, at.UTC().Day(), 7)
	}
}
