package schedules

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
)

// The memo by which Orderly knows its schedules again. memoManaged is on the schedule itself, for
// listing; the others are on its action, because only that can be changed later, and so they are also
// on every run that the schedule starts.
const (
	memoManaged  = "orderly_managed"
	memoSchedule = "orderly_schedule" // the schedule's id
	memoDigest   = "orderly_digest"   // of what the file said when it was last applied
	memoPaused   = "orderly_paused"   // what the file said about paused then
)

// overlaps are the words of the files for Temporal's policies.
var overlaps = map[string]enumspb.ScheduleOverlapPolicy{
	"skip":            enumspb.SCHEDULE_OVERLAP_POLICY_SKIP,
	"buffer_one":      enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE,
	"buffer_all":      enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL,
	"allow_all":       enumspb.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL,
	"cancel_other":    enumspb.SCHEDULE_OVERLAP_POLICY_CANCEL_OTHER,
	"terminate_other": enumspb.SCHEDULE_OVERLAP_POLICY_TERMINATE_OTHER,
}

func overlapWord(p enumspb.ScheduleOverlapPolicy) string {
	for word, policy := range overlaps {
		if policy == p {
			return word
		}
	}
	return DefaultOverlap // unspecified: Temporal skips
}

func (s Schedule) spec() client.ScheduleSpec {
	return client.ScheduleSpec{
		Calendars: []client.ScheduleCalendarSpec{s.times.calendar(s.Cron)}, Jitter: s.Jitter, TimeZoneName: s.TimeZone,
	}
}

func (s Schedule) action() *client.ScheduleWorkflowAction {
	return &client.ScheduleWorkflowAction{
		ID: s.ID, Workflow: s.WorkflowType, TaskQueue: s.TaskQueue, Args: []any{s.Inputs},
		Memo: map[string]any{memoSchedule: s.ID, memoDigest: s.digest(), memoPaused: s.Paused},
	}
}

func (s Schedule) options() client.ScheduleOptions {
	return client.ScheduleOptions{
		ID: s.ID, Spec: s.spec(), Action: s.action(), Overlap: overlaps[s.Overlap], CatchupWindow: s.Catchup,
		Paused: s.Paused, Memo: map[string]any{memoManaged: true},
	}
}

// actual is one schedule as the cluster keeps it.
type actual struct {
	fields  map[string]string
	managed bool
	digest  string
	paused  bool // now
	applied bool // what the file said about paused when it was last applied
	note    string
}

// Names of the fields in which a schedule can differ, in the order in which they are shown.
var fieldNames = []string{
	"cron", "time_zone", "jitter", "overlap", "catchup", "inputs", "workflow_type", "workflow_id", "task_queue",
	"pause_on_failure", "timeouts", "remaining_actions",
}

func (s Schedule) fields() map[string]string {
	return map[string]string{
		"cron": s.times.String(), "time_zone": s.TimeZone, "jitter": s.Jitter.String(), "overlap": s.Overlap,
		"catchup": s.Catchup.String(), "inputs": jsonText(s.Inputs), "workflow_type": s.WorkflowType,
		"workflow_id": s.ID, "task_queue": s.TaskQueue, "pause_on_failure": "false", "timeouts": "none",
		"remaining_actions": "unlimited",
	}
}

func read(d *client.ScheduleDescription) (actual, error) {
	a := actual{fields: map[string]string{}}
	readMemo(d.Memo.GetFields(), memoManaged, &a.managed)
	if state := d.Schedule.State; state != nil {
		a.paused, a.note = state.Paused, state.Note
		a.fields["remaining_actions"] = "unlimited"
		if state.LimitedActions {
			a.fields["remaining_actions"] = strconv.Itoa(state.RemainingActions)
		}
	}
	a.readSpec(d.Schedule.Spec)
	if p := d.Schedule.Policy; p != nil {
		a.fields["overlap"] = overlapWord(p.Overlap)
		a.fields["catchup"] = p.CatchupWindow.String()
		a.fields["pause_on_failure"] = strconv.FormatBool(p.PauseOnFailure)
	}
	action, ok := d.Schedule.Action.(*client.ScheduleWorkflowAction)
	if !ok {
		return a, fmt.Errorf("its action is a %T, not the start of a workflow", d.Schedule.Action)
	}
	a.readAction(action)
	return a, nil
}

func (a *actual) readSpec(spec *client.ScheduleSpec) {
	a.fields["cron"] = timesText(spec)
	a.fields["time_zone"], a.fields["jitter"] = "UTC", "0s"
	if spec == nil {
		return
	}
	if spec.TimeZoneName != "" {
		a.fields["time_zone"] = spec.TimeZoneName
	}
	a.fields["jitter"] = spec.Jitter.String()
}

func (a *actual) readAction(action *client.ScheduleWorkflowAction) {
	a.fields["workflow_type"] = fmt.Sprint(action.Workflow)
	a.fields["workflow_id"] = action.ID
	a.fields["task_queue"] = action.TaskQueue
	a.fields["inputs"] = argsText(action.Args)
	a.fields["timeouts"] = timeoutsText(action)
	memo := map[string]*commonpb.Payload{}
	for k, v := range action.Memo {
		if p, ok := v.(*commonpb.Payload); ok {
			memo[k] = p
		}
	}
	readMemo(memo, memoDigest, &a.digest)
	readMemo(memo, memoPaused, &a.applied)
}

func readMemo(memo map[string]*commonpb.Payload, key string, into any) {
	if p := memo[key]; p != nil {
		_ = converter.GetDefaultDataConverter().FromPayload(p, into) // of another type: not ours
	}
}

// argsText is the start input as JSON with sorted keys.
func argsText(args []any) string {
	if len(args) != 1 {
		return fmt.Sprintf("%d arguments", len(args))
	}
	p, ok := args[0].(*commonpb.Payload)
	if !ok {
		return jsonText(args[0])
	}
	var value any
	if err := converter.GetDefaultDataConverter().FromPayload(p, &value); err != nil {
		return "not JSON"
	}
	return jsonText(value)
}

func jsonText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func timeoutsText(a *client.ScheduleWorkflowAction) string {
	if a.WorkflowExecutionTimeout == 0 && a.WorkflowRunTimeout == 0 {
		return "none"
	}
	return "execution " + orNone(a.WorkflowExecutionTimeout) + ", run " + orNone(a.WorkflowRunTimeout)
}

func orNone(d time.Duration) string {
	if d == 0 {
		return "none"
	}
	return d.String()
}
