package report

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/orderly-ops/orderly/internal/journal"
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

// mostRuns bounds what one report reads of the journal.
const mostRuns = 1000

// Level is how high a figure was.
type Level struct {
	Subject string  `json:"subject" doc:"What it was measured of."`
	Mean    float64 `json:"mean" doc:"The mean of all values."`
	Peak    float64 `json:"peak" doc:"The largest."`
	Last    float64 `json:"last" doc:"The newest."`
	Points  int     `json:"points" doc:"How many values there are."`
}

// Uptime is how often a service was found working.
type Uptime struct {
	Subject string  `json:"subject" doc:"The service's target."`
	Percent float64 `json:"percent" doc:"The share of the looks at which it worked."`
	Looks   int     `json:"looks" doc:"How often was looked: what happened between two looks is not known."`
}

// Growth is how full something is and was.
type Growth struct {
	Subject string  `json:"subject" doc:"Host and mount."`
	Now     float64 `json:"now" doc:"The newest value, in percent."`
	Change  float64 `json:"change" doc:"Percentage points since the oldest value of the period."`
	Grown   bool    `json:"grown" doc:"There is more than one value, so that change means something."`
	Points  int     `json:"points" doc:"How many values there are."`
}

// Incidents counts incidents.
type Incidents struct {
	Total      int             `json:"total" doc:"All of them."`
	BySeverity []SeverityCount `json:"by_severity" doc:"By scale and severity, sorted."`
}

// SeverityCount is how many incidents were how grave.
type SeverityCount struct {
	Scale    string `json:"scale" doc:"The severity scale; may be empty."`
	Severity string `json:"severity" doc:"As it was at the end."`
	Count    int    `json:"count" doc:"How many."`
}

// RunCount is how often a procedure ran.
type RunCount struct {
	Procedure string `json:"procedure" doc:"Its id."`
	Succeeded int    `json:"succeeded" doc:"Runs that ended well"`
	Failed    int    `json:"failed" doc:"and those that did not."`
}

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

// incidentOf is the part of a run's record that says whether it was an incident.
type incidentOf struct {
	Incident *struct {
		Scale    string `json:"scale"`
		Severity string `json:"severity"`
	} `json:"incident"`
}

func (g gatherer) runs(ctx context.Context, out *Maintenance) error {
	runs, err := g.journal.Runs(ctx, journal.RunFilter{From: g.from, To: g.to, NoDrills: true, Records: true, Limit: mostRuns})
	if err != nil {
		return err
	}
	counts, severities := map[string]RunCount{}, map[SeverityCount]int{}
	for _, r := range runs {
		if r.WorkflowID == g.self || r.Ended.IsZero() {
			continue
		}
		c := counts[r.Procedure]
		if r.State == succeeded {
			c.Succeeded++
		} else {
			c.Failed++
		}
		counts[r.Procedure] = c
		var rec incidentOf
		if err := json.Unmarshal(r.Record, &rec); err != nil {
			return fmt.Errorf("report.maintenance: the record of run %s in the journal: %w", r.WorkflowID, err)
		}
		if rec.Incident != nil {
			severities[SeverityCount{Scale: rec.Incident.Scale, Severity: rec.Incident.Severity}]++
			out.Incidents.Total++
		}
	}
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
