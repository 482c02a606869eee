package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/journal"
	write "github.com/orderly-ops/orderly/internal/report"
	"github.com/orderly-ops/orderly/starter/screen"
	"github.com/orderly-ops/orderly/workflows"
)

// kept gives the journal's record of a run to use where Temporal has none to give: it no longer knows the run, or
// can't be reached. missing is what Temporal said.
func (a *app) kept(ctx context.Context, cfg *config.Config, arg string, missing error, use func(found) error) error {
	var e *exitError
	if !errors.As(missing, &e) || e.code != exitNotFound && e.code != exitUnreachable {
		return missing
	}
	var rec *workflows.Record
	err := readJournal(ctx, cfg, func(ctx context.Context, j *journal.Journal) error {
		run, err := keptRun(ctx, j, arg)
		if err == nil {
			rec, err = write.Read(run.Record)
		}
		return err
	})
	switch {
	case err == nil:
	case errors.Is(err, errSeveral):
		return err
	case errors.Is(err, write.ErrDamaged):
		return exit(e.code, "%w; the journal's record of %s does not help either: %w", missing, arg, err)
	default:
		return missing
	}
	why := "Temporal no longer knows this run"
	if e.code == exitUnreachable {
		why = screen.Clean(missing.Error())
	}
	a.say("this is the journal's record%s (%s)", asOf(rec), why)
	return use(found{record: rec})
}

// asOf says how old the record of a run is that may have gone on since.
func asOf(rec *workflows.Record) string {
	if rec.State.Done() {
		return ""
	}
	return " as of " + screen.Stamp(rec.Updated()) + "; what happened since is not in it"
}

// keptRun finds the run that an argument means in the journal, by the rules of runHelp.
func keptRun(ctx context.Context, j *journal.Journal, arg string) (journal.Run, error) {
	id, runID := splitRun(arg)
	run, err := j.Run(ctx, id, runID)
	if !errors.Is(err, journal.ErrNotFound) || runID != "" {
		return run, err
	}
	for _, state := range []workflows.State{workflows.Running, ""} { // of those that are open, if any are
		latest, listErr := j.Runs(ctx, journal.RunFilter{Procedure: id, State: string(state), Limit: 1})
		if listErr != nil {
			return journal.Run{}, listErr
		}
		if len(latest) > 0 {
			return j.Run(ctx, latest[0].WorkflowID, latest[0].RunID)
		}
	}
	var ids []string
	each := j.EachRun(ctx, journal.RunFilter{}, func(r journal.Run) error {
		if strings.HasPrefix(r.WorkflowID, id) && !slices.Contains(ids, r.WorkflowID) {
			ids = append(ids, r.WorkflowID)
		}
		return nil
	})
	switch {
	case each != nil || len(ids) == 0:
		return journal.Run{}, cmp.Or(each, err)
	case len(ids) > 1:
		return journal.Run{}, several(id, ids)
	}
	return j.Run(ctx, ids[0], "")
}
