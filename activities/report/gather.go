package report

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/orderly-ops/orderly/internal/journal"
	write "github.com/orderly-ops/orderly/internal/report"
	"github.com/orderly-ops/orderly/workflows"
)

// The figures that the daily check keeps and a maintenance report reads.
const (
	figureUp       = "service_up" // 100 when it worked, 0 when not
	figureResponse = "api_mean"
	figureCPU      = "cpu_percent"
	figureMemory   = "memory_percent"
	figureDisk     = "disk_percent"
	figureDatabase = "database_latency"
)

// The parts of a maintenance report, as steps give and see them.
type (
	// Level is how high a figure was.
	Level = write.Level
	// Uptime is how often a service was found working.
	Uptime = write.Uptime
	// Growth is how full something is and was.
	Growth = write.Growth
	// Incidents counts incidents.
	Incidents = write.Incidents
	// SeverityCount is how many incidents were how grave.
	SeverityCount = write.SeverityCount
	// RunCount is how often a procedure ran.
	RunCount = write.RunCount
	// Activity is one thing that was to be done.
	Activity = write.Activity
	// Undone is a step that a rollback had to do with.
	Undone = write.Undone
	// UpcomingWork is planned work.
	UpcomingWork = write.UpcomingWork
	// OneBackup is what a report needs to know of a backup.
	OneBackup = write.Backup
)

// gatherer reads from the journal what is known of a time.
type gatherer struct {
	journal  *journal.Journal
	from, to time.Time
	self     string // the run that asks, which is not counted
}

func (g gatherer) all(ctx context.Context, out *Maintenance) error {
	up, err := g.levels(ctx, figureUp)
	if err != nil {
		return err
	}
	out.Uptime = make([]Uptime, len(up))
	for i, l := range up {
		out.Uptime[i] = Uptime{Subject: l.Subject, Percent: l.Mean, Looks: l.Points}
	}
	for name, into := range map[string]*[]Level{
		figureResponse: &out.Responses, figureCPU: &out.CPU, figureMemory: &out.Memory, figureDatabase: &out.Databases,
	} {
		if *into, err = g.levels(ctx, name); err != nil {
			return err
		}
	}
	if out.Disks, err = g.growth(ctx, figureDisk); err != nil {
		return err
	}
	return g.runs(ctx, out)
}

// levels sums a figure up for everything it was measured of.
func (g gatherer) levels(ctx context.Context, name string) ([]Level, error) {
	out := []Level{}
	err := g.each(ctx, name, func(subject string, points []journal.Point) {
		l := Level{Subject: subject, Peak: points[0].Value, Last: points[len(points)-1].Value, Points: len(points)}
		for _, p := range points {
			l.Mean += p.Value / float64(len(points))
			l.Peak = max(l.Peak, p.Value)
		}
		out = append(out, l)
	})
	return out, err
}

func (g gatherer) growth(ctx context.Context, name string) ([]Growth, error) {
	out := []Growth{}
	err := g.each(ctx, name, func(subject string, points []journal.Point) {
		first, last := points[0].Value, points[len(points)-1].Value
		out = append(out, Growth{Subject: subject, Now: last, Change: last - first, Grown: len(points) > 1, Points: len(points)})
	})
	return out, err
}

// each gives the values of a figure, subject by subject; never none.
func (g gatherer) each(ctx context.Context, name string, use func(subject string, points []journal.Point)) error {
	subjects, err := g.journal.Subjects(ctx, name, g.from, g.to)
	if err != nil {
		return err
	}
	for _, subject := range subjects {
		points, err := g.journal.Trend(ctx, name, subject, g.from, g.to)
		if err != nil {
			return err
		}
		if len(points) > 0 {
			use(subject, points)
		}
	}
	return nil
}

// runs counts the runs that began in the time and have ended, and the incidents that began in it, over or not. What was
// no incident for the key figures is none here.
func (g gatherer) runs(ctx context.Context, out *Maintenance) error {
	all, err := g.journal.Accounts(ctx, journal.AccountFilter{From: g.from, To: g.to})
	if err != nil {
		return err
	}
	counts, severities := map[string]RunCount{}, map[SeverityCount]int{}
	for _, a := range all {
		r := a.Run
		if r.WorkflowID == g.self || r.Started.Before(g.from) {
			continue
		}
		if !r.Ended.IsZero() {
			c := counts[r.Procedure]
			if r.State == string(workflows.Succeeded) {
				c.Succeeded++
			} else {
				c.Failed++
			}
			counts[r.Procedure] = c
		}
		switch inc := a.Facts.Incident; {
		case a.Damaged != nil:
			out.LeftOut = append(out.LeftOut, fmt.Sprintf("%s@%s: %v", r.WorkflowID, r.RunID, a.Damaged))
		case inc != nil && !inc.Quiet && !inc.FalseAlarm:
			severities[SeverityCount{Scale: inc.Scale, Severity: inc.Severity}]++
			out.Incidents.Total++
			if inc.Over == nil && r.Ended.IsZero() {
				out.Incidents.Open++
			}
		}
	}
	slices.Sort(out.LeftOut)
	out.Runs, out.Incidents.BySeverity = []RunCount{}, []SeverityCount{}
	for _, procedure := range slices.Sorted(maps.Keys(counts)) {
		c := counts[procedure]
		c.Procedure = procedure
		out.Runs = append(out.Runs, c)
	}
	for s, n := range severities {
		s.Count = n
		out.Incidents.BySeverity = append(out.Incidents.BySeverity, s)
	}
	slices.SortFunc(out.Incidents.BySeverity, func(a, b SeverityCount) int {
		return cmp.Or(cmp.Compare(a.Scale, b.Scale), cmp.Compare(a.Severity, b.Severity))
	})
	return nil
}
