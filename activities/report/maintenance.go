package report

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/artifact"
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

// Activity is one thing that was to be done.
type Activity struct {
	What   string `json:"what" doc:"What, as in Docker clean-up."`
	Status string `json:"status" doc:"The status of its step."`
	Result string `json:"result,omitempty" doc:"What came of it, or why it failed."`
}

// Undone is a step that a rollback had to do with: one of run.undone.
type Undone struct {
	Step  string `json:"step" doc:"Path of the step."`
	Title string `json:"title" doc:"What people read."`
	State string `json:"state" enum:"undone,left,owed" doc:"What became of it."`
	Why   string `json:"why,omitempty" doc:"Why it was not undone."`
}

// UpcomingWork is planned work.
type UpcomingWork struct {
	What        string `json:"what" doc:"What will be done."`
	When        string `json:"when,omitempty" doc:"When."`
	Impact      string `json:"impact,omitempty" doc:"What users will notice."`
	Preparation string `json:"preparation,omitempty" doc:"What has to be prepared."`
}

// Maintenance is the output of report.maintenance.
type Maintenance struct {
	artifact.Saved
	From      time.Time  `json:"from" doc:"The period of the figures begins here"`
	To        time.Time  `json:"to" doc:"and ends here."`
	Uptime    []Uptime   `json:"uptime" doc:"How often each service was found working, by name."`
	Responses []Level    `json:"responses" doc:"Mean answers of the services in milliseconds, by name."`
	CPU       []Level    `json:"cpu" doc:"Percent of the processors, by host."`
	Memory    []Level    `json:"memory" doc:"Percent of the memory, by host."`
	Disks     []Growth   `json:"disks" doc:"Percent of each disk, by host and mount."`
	Databases []Level    `json:"databases" doc:"Milliseconds that a simple query takes, by target."`
	Incidents Incidents  `json:"incidents" doc:"Incidents that began in the period and are over."`
	Runs      []RunCount `json:"runs" doc:"Runs of procedures that began in the period and have ended, by procedure."`
	Done      int        `json:"done" doc:"How many activities succeeded"`
	NotDone   int        `json:"not_done" doc:"and how many did not."`
	Missing   []string   `json:"missing" doc:"What belongs in the report and is not known, with the reason."`
	Complete  bool       `json:"complete" doc:"Nothing is missing."`
	Summary   string     `json:"summary" doc:"One sentence."`
}

const (
	defaultPeriod = 7 * 24 * time.Hour
	longestPeriod = 90 * 24 * time.Hour
)

func (a actions) maintenance(ctx context.Context, in MaintenanceInput) (Maintenance, error) {
	if err := a.usable("report.maintenance"); err != nil {
		return Maintenance{}, err
	}
	period := cmp.Or(time.Duration(in.Period), defaultPeriod)
	switch {
	case period > longestPeriod:
		return Maintenance{}, action.Permanent(action.ErrInput, "period: %s is more than 90d", in.Period)
	case strings.TrimSpace(in.Outcome) == "":
		return Maintenance{}, action.Permanent(action.ErrInput, "outcome is empty; say how the maintenance ended")
	case !activity.IsActivity(ctx):
		return Maintenance{}, errors.New("report.maintenance: it has to be called as an activity, whose run the report belongs to")
	}
	to := time.Now().UTC().Truncate(time.Second)
	out := Maintenance{From: to.Add(-period), To: to}
	gather := gatherer{journal: a.journal, from: out.From, to: to.Add(time.Second), self: activity.GetInfo(ctx).WorkflowExecution.ID}
	if err := gather.all(ctx, &out); err != nil {
		return Maintenance{}, err
	}
	for _, done := range in.Activities {
		if done.Status == succeeded {
			out.Done++
		} else {
			out.NotDone++
		}
	}
	out.Missing = missing(in, &out)
	out.Complete = len(out.Missing) == 0
	out.Summary = out.sentence(in)
	saved, err := a.keeper.Keep(ctx, "maintenance-report.md", func(w io.Writer) error { return writeMaintenance(w, in, &out) })
	out.Saved = saved
	return out, err
}

// succeeded is the status of a step that ended well.
const succeeded = "succeeded"

// missing lists what a maintenance report owes and nobody has said or measured. Nothing is made up for it.
func missing(in MaintenanceInput, out *Maintenance) []string {
	list := []string{}
	lack := func(lacks bool, what string) {
		if lacks {
			list = append(list, what)
		}
	}
	lack(len(out.Uptime) == 0, "uptime: no health check kept whether a service works (figure "+figureUp+")")
	lack(len(out.Responses) == 0, "response times: none were measured (figure "+figureResponse+")")
	lack(len(out.CPU) == 0, "processor: not measured (figure "+figureCPU+")")
	lack(len(out.Memory) == 0, "memory: not measured (figure "+figureMemory+")")
	lack(len(out.Disks) == 0, "disks: not measured (figure "+figureDisk+")")
	lack(!slices.ContainsFunc(out.Disks, func(g Growth) bool { return g.Grown }) && len(out.Disks) > 0,
		"disk growth: there is only one value in the period")
	lack(len(out.Databases) == 0, "query times: not measured (figure "+figureDatabase+")")
	lack(in.Pool == nil, "connection pool: the run did not measure it")
	lack(in.Recovered == nil, "disk space recovered: the run did not measure it")
	lack(len(in.Activities) == 0, "activities: the run lists none")
	lack(len(in.Upcoming) == 0, "upcoming work: nobody has named any, nor said that there is none")
	for i, u := range in.Upcoming {
		name := cmp.Or(oneLine(u.What), fmt.Sprintf("number %d", i+1))
		lack(u.Impact == "", "upcoming work, "+name+": its impact")
		lack(u.Preparation == "", "upcoming work, "+name+": how it is prepared")
	}
	return list
}

// sentence is the report in one sentence.
func (m *Maintenance) sentence(in MaintenanceInput) string {
	text := fmt.Sprintf("Maintenance %s: %d of %s done", oneLine(in.Outcome), m.Done, counted(m.Done+m.NotDone, "activity", "activities"))
	if in.Recovered != nil {
		text += ", " + bytesText(*in.Recovered) + " recovered"
	}
	text += ", " + counted(m.Incidents.Total, "incident", "incidents") + " in " + days(m.To.Sub(m.From))
	if !m.Complete {
		text += fmt.Sprintf("; %d missing from the report", len(m.Missing))
	}
	return text + "."
}

func counted(n int, one, many string) string {
	if n == 1 {
		many = one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func days(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return count(int(d/(24*time.Hour)), "day")
	}
	return sops.Duration(d).String()
}
