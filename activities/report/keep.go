package report

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"go.temporal.io/sdk/activity"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/artifact"
	write "github.com/orderly-ops/orderly/internal/report"
)

// Written is what every report of this package answers with.
type Written struct {
	artifact.Saved
	HTML       string   `json:"html" doc:"Key of the same report as a page that needs nothing else."`
	Model      string   `json:"model" doc:"Key of the same report as JSON, of which orderly report makes any form."`
	Where      string   `json:"where" doc:"Where the page is: a file on the worker's machine, or s3://bucket/key."`
	Read       string   `json:"read" doc:"The command that shows the report."`
	Missing    []string `json:"missing" doc:"What belongs in the report and is not known."`
	Unanswered []string `json:"unanswered" doc:"The part of it that only people know, so that asking them helps."`
	Complete   bool     `json:"complete" doc:"Nothing is missing."`
	Answered   bool     `json:"answered" doc:"Nothing is missing that people could still say."`
	Summary    string   `json:"summary" doc:"One sentence."`
}

// keep keeps a document in its three forms. Secrets are taken out of the texts first: markup that is put around
// them would hide them from the search.
func (a actions) keep(ctx context.Context, name string, d *write.Document) (Written, error) {
	d.Drill = d.Drill || d.Of != nil && *d.Of == *own(ctx) && a.drill(ctx)
	d.Map(a.keeper.Redact)
	page, err := d.HTML()
	if err != nil {
		return Written{}, fmt.Errorf("write the report as HTML: %w", err)
	}
	model, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return Written{}, fmt.Errorf("write the report as JSON: %w", err)
	}
	out := Written{
		Missing: d.Lacking(), Unanswered: d.Unanswered(), Complete: d.Complete, Summary: d.Summary,
		Read: "orderly report " + activity.GetInfo(ctx).WorkflowExecution.ID,
	}
	out.Answered = len(out.Unanswered) == 0
	for _, form := range []struct {
		ending string
		text   []byte
		into   *string
	}{{".html", page, &out.HTML}, {".json", model, &out.Model}, {".md", d.Markdown(), &out.Key}} {
		saved, err := a.keeper.Keep(ctx, name+form.ending, func(w io.Writer) error {
			_, err := w.Write(form.text)
			return err
		})
		if err != nil {
			return Written{}, err
		}
		*form.into, out.Saved = saved.Key, saved
	}
	out.Where = a.keeper.Where(out.HTML)
	return out, nil
}

// asActivity refuses a call that belongs to no run.
func asActivity(ctx context.Context, name string) error {
	if !activity.IsActivity(ctx) {
		return fmt.Errorf("%s: it has to be called as an activity, whose run the report belongs to", name)
	}
	return nil
}

// own is the run that asks for a report, as the report names it.
func own(ctx context.Context) *write.Run {
	at := activity.GetInfo(ctx)
	return &write.Run{WorkflowID: at.WorkflowExecution.ID, RunID: at.WorkflowExecution.RunID}
}

// drill says whether the run that asks is a drill, so that its report says so too.
func (a actions) drill(ctx context.Context) bool {
	rec := a.told(ctx, activity.GetInfo(ctx).WorkflowExecution.ID, "")
	return rec != nil && rec.Drill
}

// ready says why a report can't be made here. What is permanent has to stay on top of the error.
func (a actions) ready(ctx context.Context, name string) error {
	if err := a.usable(name); err != nil {
		return err
	}
	return asActivity(ctx, name)
}

// usable says why a report can't be made at all.
func (a actions) usable(name string) error {
	switch {
	case a.journal == nil:
		return action.Permanent(action.ErrNotConfigured, "%s: this worker has no journal open: give journal.dsn in orderly.yaml", name)
	case a.keeper == nil:
		return action.Permanent(action.ErrNotConfigured, "%s: this worker keeps no artifacts", name)
	}
	return nil
}
