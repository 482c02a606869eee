package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/workflows"
)

// world is what the actions of a random run change: a stack of marks for each thing. A change that is undone
// has to be the last one of its thing, or the order was wrong.
type world struct {
	mu      sync.Mutex
	marks   map[string][]string
	wrong   []string
	sawUndo bool
}

func (w *world) change(thing, mark string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sawUndo {
		w.wrong = append(w.wrong, mark+" changed after the undo had begun")
	}
	w.marks[thing] = append(w.marks[thing], mark)
}

// restore takes a change back. One that was never made, or was taken back already, is no fault.
func (w *world) restore(thing, mark string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sawUndo = true
	marks := w.marks[thing]
	i := slices.Index(marks, mark)
	if i < 0 {
		return
	}
	if i != len(marks)-1 {
		w.wrong = append(w.wrong, fmt.Sprintf("%s was undone before %s", mark, marks[len(marks)-1]))
	}
	w.marks[thing] = slices.Delete(marks, i, i+1)
}

func (w *world) left() (out []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, marks := range w.marks {
		out = append(out, marks...)
	}
	return out
}

// randomChanges is a procedure of steps, rounds and branches that change things. No two that run side by side
// change the same one.
func randomChanges(rnd *rand.Rand) string {
	var b strings.Builder
	b.WriteString("sop: p\ntitle: P\nowners: [lead]\non_failure: rollback\nphases:\n")
	n := 0
	change := func(thing string) string {
		n++
		extra := ""
		if rnd.IntN(5) == 0 {
			extra = ", on_failure: continue"
		}
		return fmt.Sprintf(`{id: s%d, uses: test.break, with: {say: "%s"}%s, undo: {uses: test.break, with: {say: "%s"}}}`, n, thing, extra, thing)
	}
	for phase := range 1 + rnd.IntN(3) {
		fmt.Fprintf(&b, "  - id: phase%d\n    steps:\n", phase)
		for range 1 + rnd.IntN(3) {
			switch n++; rnd.IntN(4) {
			case 0:
				fmt.Fprintf(&b, "      - {id: b%d, parallel: [%s, %s]}\n", n, change("left"), change("right"))
			case 1:
				fmt.Fprintf(&b, "      - {id: b%d, each: {in: [x, y, z], at_once: %d, steps: [%s]}}\n", n, 1+rnd.IntN(3), change("${{ item }}"))
			case 2:
				fmt.Fprintf(&b, "      - {id: b%d, wait: 40s}\n      - %s\n", n, change("common"))
			default:
				fmt.Fprintf(&b, "      - %s\n", change("common"))
			}
		}
	}
	return b.String()
}

// TestWhateverEndsARunItsChangesArePutBack runs random procedures into random failures, cancellations and new
// executions, and looks whether the world is as it was.
func TestWhateverEndsARunItsChangesArePutBack(t *testing.T) {
	t.Parallel()
	for seed := range uint64(120) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(seed, 4))
			source, w := randomChanges(rnd), &world{marks: map[string][]string{}}
			fate, moment, failing := rnd.IntN(3), time.Duration(rnd.IntN(100))*time.Second, 1+rnd.IntN(8)
			weak := rnd.IntN(2) == 0 // every undo fails at first
			began := 0
			prepare := func(b *bench) {
				b.do = func(ctx context.Context, id string, attempt int, in doInput) (doOutput, error) {
					if path, ok := strings.CutPrefix(id, "undo:"); ok {
						path, _, _ = strings.Cut(path, "#")
						if weak && attempt < 3 {
							return doOutput{}, errAway
						}
						w.restore(in.Say, path)
						return doOutput{}, nil
					}
					w.mu.Lock()
					if attempt == 1 {
						began++
					}
					fails := fate == 0 && began == failing
					w.mu.Unlock()
					if fails && rnd.IntN(2) == 0 {
						return doOutput{}, errAway // before it has changed anything
					}
					if attempt == 1 {
						w.change(in.Say, id)
					}
					if fails {
						return doOutput{}, errAway
					}
					return doOutput{Said: in.Say}, ctx.Err()
				}
			}
			b := setup(t, source)
			prepare(b)
			if fate == 1 {
				b.after(moment, b.env.CancelWorkflow)
			}
			if fate == 2 {
				b.signal(moment, "abort", in{"by": "bob", "reason": "enough"})
			}
			b.after(time.Duration(rnd.IntN(120))*time.Second, func() { b.env.SetContinueAsNewSuggested(rnd.IntN(2) == 0) })
			rec := seeThrough(t, b, source, prepare)
			require.Empty(t, w.wrong, source)
			switch {
			case rec.Rollback != nil:
				require.Empty(t, w.left(), source)
				require.Equal(t, workflows.Succeeded, rec.Rollback.State)
			default:
				require.Equal(t, workflows.Succeeded, rec.State, source)
			}
		})
	}
}

// seeThrough runs a bench to its end, through as many executions as it takes.
func seeThrough(t *testing.T, b *bench, source string, prepare func(*bench)) *workflows.Record {
	t.Helper()
	var args []any
	for range 5 {
		b.env.ExecuteWorkflow("P", args...)
		again, ok := errors.AsType[*workflow.ContinueAsNewError](b.env.GetWorkflowError())
		if !ok {
			return b.record()
		}
		next := setup(t, source)
		next.env.SetStartTime(b.env.Now())
		prepare(next)
		b, args = next, decoded(t, again)
	}
	require.Fail(t, "it never ends")
	return nil
}
