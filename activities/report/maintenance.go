package report

import (
	"cmp"
	"context"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/orderly-ops/orderly/activities/action"
	write "github.com/orderly-ops/orderly/internal/report"
	"github.com/orderly-ops/orderly/sops"
)

// MaintenanceInput is the input of report.maintenance. What the journal knows is not asked for; what is left
// out here and only people or other steps could know stands in the report as missing.
type MaintenanceInput struct {
	Title           string         `json:"title,omitempty" doc:"The headline." default:"Maintenance report"`
	Period          sops.Duration  `json:"period,omitempty" doc:"How far back figures and incidents are read from the journal, at most 90d." default:"7d"`
	Outcome         string         `json:"outcome" doc:"How the maintenance ended, in few words, as in completed or rolled back."`
	Reason          string         `json:"reason,omitempty" doc:"Why, when it did not end as planned."`
	Activities      []Activity     `json:"activities" doc:"What was to be done, in order, and what became of it."`
	Recovered       *float64       `json:"recovered,omitempty" doc:"Bytes of disk space that were recovered." default:"not measured"`
	Pool            *float64       `json:"pool,omitempty" doc:"Percent of the database's connections in use now." default:"not measured"`
	SlowQueries     []string       `json:"slow_queries,omitempty" doc:"The slowest queries, a line each."`
	Undone          []Undone       `json:"undone,omitempty" doc:"What was put back, and what was not, as run.undone says it."`
	Left            []string       `json:"left,omitempty" doc:"What was changed besides and deliberately not put back, a line each."`
	Upcoming        []UpcomingWork `json:"upcoming,omitempty" doc:"Work that is planned next."`
	Recommendations []string       `json:"recommendations,omitempty" doc:"What should be done about what was found, a line each."`
}

// Maintenance is the output of report.maintenance.
type Maintenance struct {
	Written
	From      time.Time  `json:"from" doc:"The period of the figures begins here"`
	To        time.Time  `json:"to" doc:"and ends here."`
	Uptime    []Uptime   `json:"uptime" doc:"How often each service was found working, by name."`
	Responses []Level    `json:"responses" doc:"Mean answers of the services in milliseconds, by name."`
	CPU       []Level    `json:"cpu" doc:"Percent of the processors, by host."`
	Memory    []Level    `json:"memory" doc:"Percent of the memory, by host."`
	Disks     []Growth   `json:"disks" doc:"Percent of each disk, by host and mount."`
	Databases []Level    `json:"databases" doc:"Milliseconds that a simple query takes, by target."`
	Incidents Incidents  `json:"incidents" doc:"Incidents that began in the period, over or not."`
	Runs      []RunCount `json:"runs" doc:"Runs of procedures that began in the period and have ended, by procedure."`
	LeftOut   []string   `json:"left_out" doc:"Records that could not be read, each with the reason: whether they were incidents is not known."`
	Done      int        `json:"done" doc:"How many activities succeeded"`
	NotDone   int        `json:"not_done" doc:"and how many did not."`
}

const (
	defaultPeriod = 7 * 24 * time.Hour
	longestPeriod = 90 * 24 * time.Hour
)

func (a actions) maintenance(ctx context.Context, in MaintenanceInput) (Maintenance, error) {
	const name = "report.maintenance"
	period := cmp.Or(time.Duration(in.Period), defaultPeriod)
	switch {
	case period > longestPeriod:
		return Maintenance{}, action.Permanent(action.ErrInput, "period: %s is more than 90d", in.Period)
	case strings.TrimSpace(in.Outcome) == "":
		return Maintenance{}, action.Permanent(action.ErrInput, "outcome is empty; say how the maintenance ended")
	}
	if err := a.ready(ctx, name); err != nil {
		return Maintenance{}, err
	}
	to := time.Now().UTC().Truncate(time.Second)
	out := Maintenance{From: to.Add(-period), To: to, LeftOut: []string{}}
	gather := gatherer{journal: a.journal, from: out.From, to: to.Add(time.Second), self: activity.GetInfo(ctx).WorkflowExecution.ID}
	if err := gather.all(ctx, &out); err != nil {
		return Maintenance{}, err
	}
	model := in.model(&out)
	model.Run = own(ctx)
	out.Done, out.NotDone = model.Done()
	var err error
	out.Written, err = a.keep(ctx, "maintenance-report", model.Document())
	return out, err
}

// model is what the report is made of.
func (in *MaintenanceInput) model(out *Maintenance) *write.Maintenance {
	return &write.Maintenance{
		Title: in.Title, Outcome: in.Outcome, Reason: in.Reason, From: out.From, To: out.To,
		Uptime: out.Uptime, Responses: out.Responses, CPU: out.CPU, Memory: out.Memory, Disks: out.Disks, Databases: out.Databases,
		Incidents: out.Incidents, Runs: out.Runs, LeftOut: out.LeftOut, Activities: in.Activities, Recovered: in.Recovered, Pool: in.Pool,
		SlowQueries: in.SlowQueries, Undone: in.Undone, Left: in.Left, Upcoming: in.Upcoming, Recommendations: in.Recommendations,
	}
}
