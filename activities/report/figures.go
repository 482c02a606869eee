package report

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/orderly-ops/orderly/internal/freshness"
	"github.com/orderly-ops/orderly/internal/kpi"
	write "github.com/orderly-ops/orderly/internal/report"
)

// weeksShown is how far back the charts go.
const weeksShown = 13

// figures adds the key figures of the month, and charts of the weeks before its end. self is the run that asks.
func (a actions) figures(ctx context.Context, model *write.Monthly, self string) error {
	options := kpi.Options{Since: model.From, Until: model.To, Self: self, Review: told(model.Review)}
	set, err := kpi.Read(ctx, a.journal, options)
	if err != nil {
		return fmt.Errorf("key figures: %w", err)
	}
	for _, f := range set.Figures {
		one := write.Figure{Title: f.Title, Target: f.TargetText, Met: f.Met, Of: f.Of + ": " + strconv.Itoa(f.N)}
		if f.Value != nil {
			one.Text = f.Text
		}
		model.Figures = append(model.Figures, one)
	}
	for _, l := range set.LeftOut {
		model.LeaveOut(l.WorkflowID+"@"+l.RunID, l.Why)
	}
	if err := a.charts(ctx, model, self); err != nil {
		return err
	}
	return a.freshness(ctx, model)
}

// freshness adds how the procedures stand.
func (a actions) freshness(ctx context.Context, model *write.Monthly) error {
	if a.procedures == nil {
		return nil
	}
	all, err := freshness.List(ctx, a.procedures(), a.journal, model.Made)
	if err != nil {
		return fmt.Errorf("procedures: %w", err)
	}
	for _, p := range all {
		one := write.Freshness{
			ID: p.ID, Owners: p.Owners, State: string(p.State), Stale: p.State.NeedsReview(),
			LastRun: lastRun(p.LastRun), LastDrill: lastRun(p.LastDrill),
		}
		if p.Reviewed != nil {
			one.Reviewed = *p.Reviewed
		}
		model.Procedures = append(model.Procedures, one)
	}
	return nil
}

func lastRun(r *freshness.Run) string {
	if r == nil {
		return ""
	}
	return r.Started.UTC().Format(time.DateOnly) + ", " + r.State
}

func (a actions) charts(ctx context.Context, model *write.Monthly, self string) error {
	weekly, err := kpi.Read(ctx, a.journal, kpi.Options{Since: model.To.AddDate(0, 0, -7*weeksShown), Until: model.To, By: kpi.ByWeek, Self: self})
	if err != nil {
		return fmt.Errorf("key figures by week: %w", err)
	}
	drawn, err := kpi.Charts(weekly)
	if err != nil {
		return err
	}
	for _, c := range drawn {
		model.Pictures = append(model.Pictures, write.Picture{Title: c.Title, Desc: c.Desc, SVG: c.SVG})
	}
	return nil
}

// told is what the review was told, as figures need it.
func told(r *write.Review) *kpi.Review {
	if r == nil {
		return nil
	}
	return &kpi.Review{Satisfaction: r.Satisfaction, Invited: r.Invited, Present: r.Present}
}
