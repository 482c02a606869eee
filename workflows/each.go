package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/sops"
)

// maxItems bounds an `each`, because every round is kept in the record.
const maxItems = 2000

// each runs its steps for every item, at_once of them side by side. After a failure no further round
// begins, but those under way are seen to their end.
func (r *run) each(ctx workflow.Context, s *sops.Step, rec *Step, f *frame) error {
	if rec.Items == nil {
		items, err := r.items(ctx, s, f)
		if err != nil {
			return err
		}
		if err := r.record.room(len(items), s.Each.Steps); err != nil {
			return err
		}
		rec.Items = make([]*Item, len(items))
		for i, item := range items {
			rec.Items[i] = &Item{Item: item, State: Pending, Steps: newSteps(s.Each.Steps, roundPrefix(rec, i))}
		}
	}
	if len(rec.Items) == 0 {
		rec.Reason = "nothing to do: the list is empty"
		return nil
	}
	errs := make([]error, len(rec.Items))
	next, stopped := 0, false
	under := 0
	for range min(max(s.Each.AtOnce, 1), len(rec.Items)) {
		under++
		workflow.GoNamed(ctx, rec.Path, func(ctx workflow.Context) {
			defer func() { under-- }()
			for next < len(rec.Items) {
				i := next
				next++
				if stopped && rec.Items[i].State == Pending {
					continue
				}
				errs[i] = r.eachRound(ctx, s, rec, i, f)
				stopped = stopped || errs[i] != nil
			}
		})
	}
	waitAll(ctx, &under)
	return firstError(errs)
}

func (r *run) eachRound(ctx workflow.Context, s *sops.Step, rec *Step, i int, f *frame) error {
	item := rec.Items[i]
	item.State = Running
	err := r.sequence(ctx, s.Each.Steps, item.Steps, eachFrame(s, rec, i, f))
	switch {
	case !errors.Is(err, errDraining):
		item.State = outcome(err)
	case item.Steps[0].State == Pending:
		item.State = Pending // it had not really begun
	}
	return err
}

// eachFrame is what the steps of one round can see.
func eachFrame(s *sops.Step, rec *Step, i int, f *frame) *frame {
	item := rec.Items[i]
	vars := map[string]any{"item": item.Item}
	if s.Each.As != "" {
		vars[s.Each.As] = item.Item
	}
	inner := f.round(roundPrefix(rec, i), item.Steps, vars)
	inner.label = shorten(itemName(item.Item), itemLength)
	return inner
}

func (r *run) items(ctx workflow.Context, s *sops.Step, f *frame) ([]any, error) {
	value, err := s.Each.In.Eval(r.scope(ctx, f))
	if err != nil {
		return nil, expressionError("each: in", err)
	}
	items, ok := value.([]any)
	if !ok {
		return nil, permanent(ErrInput, "each: in must be a list, got %T", value)
	}
	if len(items) > maxItems {
		return nil, permanent(ErrInput, "each: %d items are more than the %d that one step may have", len(items), maxItems)
	}
	return items, nil
}

// roundPrefix is what the paths in a round begin with. Rounds of a step that is tried again are others.
func roundPrefix(rec *Step, i int) string {
	if rec.Tries > 0 {
		return fmt.Sprintf("%s[%d:%d].", rec.Path, rec.Tries+1, i)
	}
	return fmt.Sprintf("%s[%d].", rec.Path, i)
}
