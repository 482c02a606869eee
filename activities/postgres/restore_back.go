package postgres

import (
	"context"

	"go.temporal.io/sdk/activity"

	"github.com/orderly-ops/orderly/activities/action"
)

// SwapBackInput is the input of postgres.swap-back.
type SwapBackInput struct {
	Database string `json:"database" target:"postgres" doc:"The database."`
	Previous string `json:"previous,omitempty" doc:"What to put in its place: previous of postgres.restore." default:"what this run has replaced, if it has"`
	DryRun   bool   `json:"dry_run,omitempty" doc:"Look, and change nothing."`
}

// SwapBack is the output of postgres.swap-back.
type SwapBack struct {
	Swapped    bool    `json:"swapped" doc:"The previous database is live again; false when there was nothing to put back."`
	RestoredAs string  `json:"restored_as" doc:"The live database's name."`
	Previous   string  `json:"previous" doc:"What was put back; empty when nothing was."`
	UndoneAs   string  `json:"undone_as" doc:"What was live until now is called so; empty when nothing was swapped."`
	Downtime   float64 `json:"downtime" doc:"Milliseconds in which nobody could connect."`
	DryRun     bool    `json:"dry_run" doc:"Nothing was changed."`
}

// swapBack is the action postgres.swap-back.
func (a *actions) swapBack(ctx context.Context, in SwapBackInput) (SwapBack, error) {
	d, err := a.databases.Get(in.Database)
	if err != nil {
		return SwapBack{}, err
	}
	defer action.KeepAlive(ctx)()
	admin, err := d.administer(ctx)
	if err != nil {
		return SwapBack{}, err
	}
	defer admin.close(ctx)
	bound, release, err := admin.claim(ctx, theRestoreOf(d))
	if err != nil {
		return SwapBack{}, err
	}
	defer release()
	out, err := admin.putBack(bound, in)
	return out, causeOf(bound, err)
}

func (a *admin) putBack(ctx context.Context, in SwapBackInput) (SwapBack, error) {
	s, live := stepOf(ctx, a.d.place), a.d.own()
	out := SwapBack{RestoredAs: live, DryRun: in.DryRun}
	all, err := a.list(ctx)
	if err != nil {
		return out, err
	}
	undone := s.named(live, madeUndone)
	if has(all, undone) { // an earlier attempt did it
		out.Swapped, out.UndoneAs = true, undone
		return out, nil
	}
	previous, err := a.toPutBack(ctx, in, all)
	if err != nil || previous.Name == "" || in.DryRun {
		out.Previous = previous.Name
		return out, err
	}
	l, _ := readLabel(previous.Comment)
	do := swap{live: live, other: previous.Name, liveComment: l.Comment}
	if has(all, live) {
		aside := s.label(madeUndone, l.Backup)
		aside.Comment, aside.Instead = commentOf(all, live), previous.Name
		do.aside, do.asideComment = undone, aside.String()
	}
	down, err := a.exchange(ctx, do)
	if err != nil {
		return out, err
	}
	out.Swapped, out.Previous, out.UndoneAs, out.Downtime = true, previous.Name, do.aside, milliseconds(down)
	return out, nil
}

// toPutBack finds the database that is to be live again; none when this run has replaced none.
func (a *admin) toPutBack(ctx context.Context, in SwapBackInput, all []listed) (listed, error) {
	live := a.d.own()
	if in.Previous == "" {
		return ownReplaced(ctx, live, all), nil
	}
	for _, s := range all {
		if s.Name != in.Previous {
			continue
		}
		if _, ours := readLabel(s.Comment); !ours || madeOf(s.Name, live) == "" || madeOf(s.Name, live) == madeRestoring {
			return listed{}, action.Permanent(action.ErrInput, "postgres.swap-back: %q is no copy of %q that Orderly has made", s.Name, live)
		}
		return s, nil
	}
	if putBackBefore(in.Previous, live, all) {
		return listed{}, nil
	}
	return listed{}, a.missing("postgres.swap-back", in.Previous)
}

// ownReplaced is the newest database that a step of this same run has replaced.
func ownReplaced(ctx context.Context, live string, all []listed) (found listed) {
	if !activity.IsActivity(ctx) {
		return listed{}
	}
	run := activity.GetInfo(ctx).WorkflowExecution.RunID
	var newest label
	for _, s := range all {
		l, ours := readLabel(s.Comment)
		if ours && madeOf(s.Name, live) == madeBefore && l.Run == run && (found.Name == "" || l.At.After(newest.At)) {
			found, newest = s, l
		}
	}
	return found
}

// putBackBefore says that a previous database that is not there any more was put back: what it replaced
// then remembers its name.
func putBackBefore(previous, live string, all []listed) bool {
	for _, s := range all {
		if l, ours := readLabel(s.Comment); ours && madeOf(s.Name, live) == madeUndone && l.Instead == previous {
			return true
		}
	}
	return false
}

func has(all []listed, name string) bool {
	for _, s := range all {
		if s.Name == name {
			return true
		}
	}
	return false
}

func commentOf(all []listed, name string) string {
	for _, s := range all {
		if s.Name == name {
			return s.Comment
		}
	}
	return ""
}

// DropCopyInput is the input of postgres.drop-copy.
type DropCopyInput struct {
	Database string `json:"database" target:"postgres" doc:"The database it is a copy of."`
	Copy     string `json:"copy" doc:"The copy: previous or restored_as of postgres.restore, undone_as of postgres.swap-back. One that is gone is fine."`
	DryRun   bool   `json:"dry_run,omitempty" doc:"Look, and drop nothing."`
}

// DropCopy is the output of postgres.drop-copy.
type DropCopy struct {
	Copy    string `json:"copy" doc:"The copy."`
	Dropped bool   `json:"dropped" doc:"It was dropped now; false for one that was gone, and in a dry run."`
	Bytes   int64  `json:"bytes" doc:"Its size; 0 when we may not see it."`
	DryRun  bool   `json:"dry_run" doc:"Nothing was changed."`
}

// dropCopy is the action postgres.drop-copy.
func (a *actions) dropCopy(ctx context.Context, in DropCopyInput) (DropCopy, error) {
	d, err := a.databases.Get(in.Database)
	if err != nil {
		return DropCopy{}, err
	}
	out := DropCopy{Copy: in.Copy, DryRun: in.DryRun}
	if madeOf(in.Copy, d.own()) == "" {
		return out, action.Permanent(action.ErrInput, "postgres.drop-copy: %q is no copy of %q that Orderly has made", in.Copy, d.own())
	}
	defer action.KeepAlive(ctx)()
	admin, err := d.administer(ctx)
	if err != nil {
		return out, err
	}
	defer admin.close(ctx)
	bound, release, err := admin.claim(ctx, theRestoreOf(d))
	if err != nil {
		return out, err
	}
	defer release()
	all, err := admin.list(bound)
	if err != nil || !has(all, in.Copy) {
		return out, err
	}
	if _, ours := readLabel(commentOf(all, in.Copy)); !ours {
		return out, action.Permanent(action.ErrInput, "postgres.drop-copy: %q does not bear Orderly's mark: somebody else uses it", in.Copy)
	}
	if out.Bytes, err = admin.size(bound, in.Copy); err != nil || in.DryRun {
		return out, err
	}
	err = admin.drop(bound, in.Copy)
	out.Dropped = err == nil
	return out, err
}
