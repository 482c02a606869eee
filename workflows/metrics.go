package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// Names of what the engine counts. On /metrics they are orderly_runs_ended_total,
// orderly_steps_ended_total, orderly_clock_lateness_seconds and orderly_page_lateness_seconds.
const (
	metricRuns     = "orderly_runs_ended"     // by procedure, state
	metricSteps    = "orderly_steps_ended"    // by procedure, action, state
	metricLateness = "orderly_clock_lateness" // from due to noticed, by procedure
	metricPages    = "orderly_page_lateness"  // from due to handed out, by procedure
)

// count counts one; nothing is counted again when a history is replayed.
func (r *run) count(ctx workflow.Context, name string, tags map[string]string) {
	tags["procedure"] = r.record.Procedure
	workflow.GetMetricsHandler(ctx).WithTags(tags).Counter(name).Inc(1)
}

func (r *run) countRun(ctx workflow.Context) {
	r.count(ctx, metricRuns, map[string]string{"state": string(r.record.State)})
}

func (r *run) countStep(ctx workflow.Context, s *Step) {
	r.count(ctx, metricSteps, map[string]string{"action": orElse(s.Action, s.Kind), "state": string(s.State)})
}

func (r *run) timeLateness(ctx workflow.Context, late time.Duration) {
	tags := map[string]string{"procedure": r.record.Procedure}
	workflow.GetMetricsHandler(ctx).WithTags(tags).Timer(metricLateness).Record(late)
}

func (r *run) timePage(ctx workflow.Context, late time.Duration) {
	tags := map[string]string{"procedure": r.record.Procedure}
	workflow.GetMetricsHandler(ctx).WithTags(tags).Timer(metricPages).Record(late)
}
