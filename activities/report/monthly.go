package report

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/journal"
	write "github.com/orderly-ops/orderly/internal/report"
)

// MonthlyInput is the input of report.monthly.
type MonthlyInput struct {
	Month string `json:"month,omitempty" doc:"The month, as in 2026-11." default:"the one before"`
	// Review is what people said at the meeting.
	Review *write.Review `json:"review,omitempty" doc:"What people said at the meeting." default:"it has not been held"`
}

// Monthly is the output of report.monthly.
type Monthly struct {
	Written
	Month     string   `json:"month" doc:"Which month it is of, as in 2026-11."`
	Incidents int      `json:"incidents" doc:"Incidents that began in it."`
	Items     int      `json:"items" doc:"Action items that are still open."`
	Overdue   int      `json:"overdue" doc:"Those of them whose day has passed."`
	Stale     []string `json:"stale" doc:"Procedures that should be reviewed."`
	Missed    []string `json:"missed" doc:"Key figures that miss their target, each in a line."`
	LeftOut   []string `json:"left_out" doc:"Records that could not be read, each with the reason."`
}

func (a actions) monthly(ctx context.Context, in MonthlyInput) (Monthly, error) {
	const name = "report.monthly"
	if err := a.ready(ctx, name); err != nil {
		return Monthly{}, err
	}
	now := time.Now().UTC()
	from, to, err := monthOf(in.Month, now)
	if err != nil {
		return Monthly{}, err
	}
	defer action.KeepAlive(ctx)()
	model := write.Monthly{Run: own(ctx), From: from, To: to, Made: now, Review: in.Review}
	if err := a.gatherMonth(ctx, &model); err != nil {
		return Monthly{}, err
	}
	out := Monthly{Month: from.Format("2006-01"), Incidents: len(model.Incidents), Items: len(model.Items), Stale: []string{}, Missed: []string{}, LeftOut: append([]string{}, model.LeftOut...)}
	out.count(&model)
	out.Written, err = a.keep(ctx, "monthly-review-"+out.Month, model.Document())
	return out, err
}

// count says what the meeting should look at first.
func (m *Monthly) count(model *write.Monthly) {
	for _, i := range model.Items {
		if i.Due < model.Made.Format(time.DateOnly) {
			m.Overdue++
		}
	}
	for _, p := range model.Procedures {
		if p.Stale {
			m.Stale = append(m.Stale, p.ID)
		}
	}
	for _, f := range model.Figures {
		if f.Met != nil && !*f.Met {
			m.Missed = append(m.Missed, f.Title+": "+f.Text+", target "+f.Target)
		}
	}
}

// monthOf is a month's beginning and that of the next; without a name, of the month before now.
func monthOf(name string, now time.Time) (from, to time.Time, err error) {
	if strings.TrimSpace(name) == "" {
		this := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
		return this.AddDate(0, -1, 0), this, nil
	}
	from, err = time.Parse("2006-01", strings.TrimSpace(name))
	if err != nil {
		return from, to, action.Permanent(action.ErrInput, "month: %q is no month such as 2026-11", name)
	}
	return from, from.AddDate(0, 1, 0), nil
}

// stillFollowed is how long before the month incidents are looked at whose action items may be open.
const stillFollowed = 90 * 24 * time.Hour

// openOnes are the post-mortems that are still open. The journal may have an older state of one, or none; what it was
// told and which action items are left it tells best itself.
type openOnes struct {
	kept map[string][]byte // by workflow id: what the journal has of it
	seen map[string]bool   // those that are over, or were taken
}

// takeOpen takes the post-mortems of an incident that are still open.
func (a actions) takeOpen(ctx context.Context, gather *write.Month, incident []byte, open openOnes) {
	rec, err := write.Read(incident)
	if err != nil {
		return // gather names what is damaged
	}
	for _, id := range write.PostMortems(rec) {
		a.takeOne(ctx, gather, id, open)
	}
}

// takeOne takes an open post-mortem as it is now, else as the journal has it. Of one that is gone the report says that
// it is missing.
func (a actions) takeOne(ctx context.Context, gather *write.Month, id string, open openOnes) {
	if open.seen[id] {
		return
	}
	open.seen[id] = true
	raw := open.kept[id]
	if rec := a.told(ctx, id, ""); rec != nil {
		if now, err := json.Marshal(rec); err == nil {
			raw = now
		}
	}
	if raw != nil {
		gather.Take(id, write.PostMortemProcedure, raw)
	}
}

// gatherMonth reads the journal: incidents of the month, and post-mortems of any time for what is still open. Which
// runs were incidents is known without their records; most records need not be read.
func (a actions) gatherMonth(ctx context.Context, model *write.Monthly) error {
	runs, err := a.journal.Accounts(ctx, journal.AccountFilter{From: model.From.Add(-stillFollowed), To: model.To})
	if err != nil {
		return err
	}
	gather, open := write.Gather(model.From, model.To), openOnes{map[string][]byte{}, map[string]bool{}}
	postMortems := journal.RunFilter{Procedure: write.PostMortemProcedure, NoDrills: true, Records: true}
	err = a.journal.EachRun(ctx, postMortems, func(r journal.Run) error {
		if r.Ended.IsZero() {
			open.kept[r.WorkflowID] = bytes.Clone(r.Record)
			return nil
		}
		open.seen[r.WorkflowID] = true
		gather.Take(r.WorkflowID+"@"+r.RunID, r.Procedure, r.Record)
		return nil
	})
	if err != nil {
		return err
	}
	for _, account := range runs {
		if account.Facts.Incident == nil {
			continue // damaged ones are named by the key figures
		}
		r, err := a.journal.Run(ctx, account.Run.WorkflowID, account.Run.RunID)
		if err != nil {
			return err
		}
		gather.Take(r.WorkflowID+"@"+r.RunID, r.Procedure, r.Record)
		a.takeOpen(ctx, gather, r.Record, open)
	}
	for _, id := range slices.Sorted(maps.Keys(open.kept)) {
		a.takeOne(ctx, gather, id, open)
	}
	model.Incidents, model.Items, model.LeftOut = gather.Done()
	return a.figures(ctx, model, activity.GetInfo(ctx).WorkflowExecution.ID)
}
