// Package journal lets procedures keep figures in the maintenance log and ask how they moved.
package journal

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/orderly-ops/orderly/activities/action"
	store "github.com/orderly-ops/orderly/internal/journal"
)

// Actions declares the actions of this package. A nil journal is enough to describe them.
func Actions(j *store.Journal) []action.Definition {
	a := actions{journal: j}
	return []action.Definition{
		action.Define("journal.measure",
			"Keep figures in the maintenance log. Each is kept once for the step, however often the step is tried.",
			a.measure),
		action.Define("journal.trend",
			"How a figure moved over the last days: a straight line through its values. With few values it says that there is not enough data.",
			a.trend),
		action.Define("journal.trends",
			"How one figure moved for several subjects, such as every container or disk. At most 500 subjects are looked at.",
			a.trends),
		action.Define("journal.recent",
			"What the maintenance log noted lately: runs, failed ones, critical findings and warnings. The run that asks leaves itself out.",
			a.recent),
	}
}

type actions struct{ journal *store.Journal }

// errNoJournal is what an action without a journal says.
func errNoJournal() error {
	return action.Permanent(action.ErrNotConfigured, "this worker has no journal open: give journal.dsn in orderly.yaml")
}

// MeasureInput is the input of journal.measure.
type MeasureInput struct {
	Figures []Figure `json:"figures" doc:"What was measured. None is fine. A name goes with a subject once."`
}

// Figure is one measured value.
type Figure struct {
	Name    string  `json:"name" doc:"What was measured, as in memory_percent. Trends are asked for by this name."`
	Subject string  `json:"subject,omitempty" doc:"What it was measured of: a host, a container, an endpoint."`
	Value   float64 `json:"value" doc:"The figure, in its unit."`
	Unit    string  `json:"unit,omitempty" doc:"Its unit, as in %, s, ms, bytes." default:"a plain number"`
}

// Measured is the output of journal.measure.
type Measured struct {
	Kept int `json:"kept" doc:"How many figures the journal now holds from this step."`
}

func (a actions) measure(ctx context.Context, in MeasureInput) (Measured, error) {
	if a.journal == nil {
		return Measured{}, errNoJournal()
	}
	if !activity.IsActivity(ctx) {
		return Measured{}, errors.New("journal.measure: it has to be called as an activity, whose run and step the figures belong to")
	}
	info, now := activity.GetInfo(ctx), time.Now()
	rows, seen := make([]store.Measurement, len(in.Figures)), map[[2]string]bool{}
	for i, f := range in.Figures {
		figure := [2]string{f.Name, f.Subject}
		if f.Name == "" {
			return Measured{}, action.Permanent(action.ErrInput, "figures[%d].name is empty", i)
		}
		if seen[figure] {
			return Measured{}, action.Permanent(action.ErrInput, "figures[%d]: %s of %q is given twice", i, f.Name, f.Subject)
		}
		seen[figure] = true
		rows[i] = store.Measurement{
			WorkflowID: info.WorkflowExecution.ID, RunID: info.WorkflowExecution.RunID, Step: info.ActivityID,
			Name: f.Name, Subject: f.Subject, Value: f.Value, Unit: f.Unit, At: now,
		}
	}
	if err := a.journal.Measure(ctx, rows); err != nil {
		return Measured{}, err
	}
	return Measured{Kept: len(rows)}, nil
}
