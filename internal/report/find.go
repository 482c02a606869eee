package report

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/internal/journal"
	"github.com/orderly-ops/orderly/workflows"
)

// PostMortemProcedure is the procedure that writes incidents up.
const PostMortemProcedure = "post-mortem"

// Kept is the key under which a run has kept its last report of a kind, as JSON; of any kind when kind is empty.
// It is empty when the run has kept none.
func Kept(rec *workflows.Record, kind Kind) (key string) {
	walk(rec, func(s *workflows.Step) {
		of, ok := strings.CutPrefix(s.Action, "report.")
		if !ok || s.State != workflows.Succeeded || kind != "" && Kind(of) != kind {
			return
		}
		var out struct {
			Model string `json:"model"`
		}
		if json.Unmarshal(s.Outputs, &out) == nil && out.Model != "" {
			key = out.Model
		}
	})
	return key
}

// Find gives the record of a run from the journal: the one that began in that second (RFC 3339), or with an empty
// started the newest of that id. It is journal.ErrNotFound when there is none.
func Find(ctx context.Context, j *journal.Journal, id, started string) (*workflows.Record, error) {
	run, err := begun(ctx, j, id, started)
	if err != nil {
		return nil, err
	}
	rec, err := Read(run.Record)
	if err != nil {
		return nil, fmt.Errorf("%s@%s: %w", id, run.RunID, err)
	}
	return rec, nil
}

// mostAtOnce is how many runs may begin in one second.
const mostAtOnce = 1000

// begun finds the run of an id that began in a second, or with an empty started the newest.
func begun(ctx context.Context, j *journal.Journal, id, started string) (journal.Run, error) {
	if started == "" {
		return j.Run(ctx, id, "")
	}
	at, err := time.Parse(time.RFC3339, started)
	if err != nil {
		return journal.Run{}, fmt.Errorf("started: %q is no time such as 2026-11-21T02:14:00Z", started)
	}
	from := at.Truncate(time.Second)
	found, err := j.Runs(ctx, journal.RunFilter{From: from, To: from.Add(time.Second), Limit: mostAtOnce})
	if err != nil {
		return journal.Run{}, err
	}
	for _, r := range found {
		if r.WorkflowID == id {
			return j.Run(ctx, id, r.RunID)
		}
	}
	return journal.Run{}, fmt.Errorf("run %s that began %s: %w", id, stamp(at), journal.ErrNotFound)
}

// PostMortems are the workflow ids of the post-mortems that a run has started.
func PostMortems(rec *workflows.Record) (ids []string) {
	walk(rec, func(s *workflows.Step) {
		if s.Action == PostMortemProcedure && s.Child != nil && s.Child.WorkflowID != "" {
			ids = append(ids, s.Child.WorkflowID)
		}
	})
	return ids
}

// Told is what the post-mortems of an incident have been told, as far as the journal has them: that is the ones that are over. Those whose record can't be read tell nothing.
func Told(ctx context.Context, j *journal.Journal, rec *workflows.Record) (Answers, error) {
	var all Answers
	filter := journal.RunFilter{Procedure: PostMortemProcedure, From: rec.Started, Records: true}
	err := j.EachRun(ctx, filter, func(r journal.Run) error {
		one, err := Read(r.Record)
		if err != nil || one.Drill != rec.Drill || one.Inputs["incident"] != rec.WorkflowID {
			return nil //nolint:nilerr // a damaged record must not keep anybody from the report
		}
		if started, _ := one.Inputs["started"].(string); started == "" || started == rec.Started.UTC().Truncate(time.Second).Format(time.RFC3339) {
			all = AnswersOf(one).Or(all)
		}
		return nil
	})
	return all, err
}
