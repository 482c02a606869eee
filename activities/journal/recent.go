package journal

import (
	"cmp"
	"context"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/orderly-ops/orderly/activities/action"
	store "github.com/orderly-ops/orderly/internal/journal"
	"github.com/orderly-ops/orderly/sops"
)

const (
	defaultSince = 24 * time.Hour
	mostSince    = 90 * 24 * time.Hour
	// mostRead bounds what one look reads of the journal.
	mostRead = 1000
	// mostListed bounds what goes into the run's history.
	mostListed = 50
)

// RecentInput is the input of journal.recent.
type RecentInput struct {
	Since sops.Duration `json:"since,omitempty" doc:"How far to look back, at most 90d." default:"24h"`
}

// Recent is the output of journal.recent.
type Recent struct {
	Runs     int          `json:"runs" doc:"Runs that were started in that time, this one and drills left out, at most 1,000."`
	Failed   []FailedRun  `json:"failed" doc:"Those that failed, the newest first, at most 50."`
	Critical int          `json:"critical" doc:"Critical findings noted in that time, at most 1,000."`
	Warnings int          `json:"warnings" doc:"Warnings noted in that time, at most 1,000."`
	Findings []PastNotice `json:"findings" doc:"The critical ones, the newest first, at most 50."`
	// Open is not bounded by the time that is looked back at: what began earlier and goes on is outstanding too.
	Open []OpenIncident `json:"open" doc:"Incidents that go on now, whenever they began, as far as the journal knows; the oldest first, at most 50."`
}

// OpenIncident is an incident that nobody has closed yet.
type OpenIncident struct {
	WorkflowID string    `json:"workflow_id" doc:"Its run."`
	Severity   string    `json:"severity" doc:"How grave it is."`
	State      string    `json:"state" doc:"open, acknowledged or mitigated."`
	Services   []string  `json:"services" doc:"The services affected."`
	Since      time.Time `json:"since" doc:"When people were first to be called."`
	Alerts     int       `json:"alerts" doc:"How many alerts it is of."`
}

// FailedRun is a run that failed.
type FailedRun struct {
	WorkflowID string    `json:"workflow_id" doc:"The run."`
	Procedure  string    `json:"procedure" doc:"Its procedure."`
	Started    time.Time `json:"started" doc:"When it was started."`
}

// PastNotice is a finding of another run.
type PastNotice struct {
	At         time.Time `json:"at" doc:"When it was found."`
	WorkflowID string    `json:"workflow_id" doc:"The run that found it."`
	Check      string    `json:"check" doc:"What was looked at."`
	Text       string    `json:"text" doc:"What was found."`
}

func (a actions) recent(ctx context.Context, in RecentInput) (Recent, error) {
	if a.journal == nil {
		return Recent{}, errNoJournal()
	}
	since := cmp.Or(time.Duration(in.Since), defaultSince)
	if since < 0 || since > mostSince {
		return Recent{}, action.Permanent(action.ErrInput, "since: %s is not between 0 and 90d", in.Since)
	}
	from, self := time.Now().Add(-since), ""
	if activity.IsActivity(ctx) {
		self = activity.GetInfo(ctx).WorkflowExecution.ID
	}
	out := Recent{Failed: []FailedRun{}, Findings: []PastNotice{}, Open: []OpenIncident{}}
	if err := a.recentRuns(ctx, from, self, &out); err != nil {
		return Recent{}, err
	}
	if err := a.recentFindings(ctx, from, self, &out); err != nil {
		return Recent{}, err
	}
	if err := a.openNow(ctx, self, &out); err != nil {
		return Recent{}, err
	}
	return out, nil
}

// openNow finds the incidents that go on. Those that a maintenance window holds back, and those found to be none, are
// nobody's business here.
func (a actions) openNow(ctx context.Context, self string, out *Recent) error {
	now := time.Now()
	going, err := a.journal.Accounts(ctx, store.AccountFilter{From: now, To: now})
	if err != nil {
		return err
	}
	for _, one := range going {
		inc := one.Facts.Incident
		if one.Damaged != nil || inc == nil || inc.Over != nil || inc.Quiet || inc.FalseAlarm || !one.Run.Ended.IsZero() || one.Run.WorkflowID == self {
			continue
		}
		out.Open = append(out.Open, OpenIncident{
			WorkflowID: one.Run.WorkflowID, Severity: inc.Severity, State: inc.State, Services: append([]string{}, inc.Services...),
			Since: inc.Opened, Alerts: len(inc.Alerts),
		})
	}
	slices.SortFunc(out.Open, func(a, b OpenIncident) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.WorkflowID, b.WorkflowID))
	})
	out.Open = out.Open[:min(len(out.Open), mostListed)]
	return nil
}

func (a actions) recentRuns(ctx context.Context, from time.Time, self string, out *Recent) error {
	runs, err := a.journal.Runs(ctx, store.RunFilter{From: from, NoDrills: true, Limit: mostRead})
	if err != nil {
		return err
	}
	for _, r := range runs {
		if r.WorkflowID == self {
			continue
		}
		out.Runs++
		if r.State == "failed" && len(out.Failed) < mostListed {
			out.Failed = append(out.Failed, FailedRun{WorkflowID: r.WorkflowID, Procedure: r.Procedure, Started: r.Started})
		}
	}
	return nil
}

func (a actions) recentFindings(ctx context.Context, from time.Time, self string, out *Recent) error {
	for severity, count := range map[string]*int{"critical": &out.Critical, "warning": &out.Warnings} {
		found, err := a.journal.Findings(ctx, store.FindingFilter{Severity: severity, From: from, Limit: mostRead})
		if err != nil {
			return err
		}
		for _, f := range found {
			if f.WorkflowID == self {
				continue
			}
			*count++
			if severity == "critical" && len(out.Findings) < mostListed {
				out.Findings = append(out.Findings, PastNotice{At: f.At, WorkflowID: f.WorkflowID, Check: f.Check, Text: f.Text})
			}
		}
	}
	return nil
}
