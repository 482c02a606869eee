package e2e

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/orderly-ops/orderly/workflows"
)

// broken is a step that something can happen to. The first of steps side by side stands for all of them in what
// strikes while they run, which is the same for each.
type broken struct {
	id     string
	beside bool // others run beside it, and it is not the first
}

// breakable is the shipped weekly maintenance in which any step of an action can be made to fail after it has
// done its work: that of the id given as the input fail. Nothing else is different but that indexes are always
// looked at, and that a step whose worker died is begun again sooner.
func breakable(t *testing.T) (source string, steps []broken) {
	t.Helper()
	var doc yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "../sops/library/weekly-maintenance.yaml")), &doc))
	root := doc.Content[0]
	set(value(root, "inputs"), "fail", "{type: string}")
	phases := value(root, "phases").Content
	for _, phase := range phases {
		steps = append(steps, breakSteps(value(phase, "steps"))...)
	}
	last := value(phases[len(phases)-1], "steps") // a cancellation at its last step has to come before its end
	last.Content = append(last.Content, &yaml.Node{Kind: yaml.MappingNode})
	set(last.Content[len(last.Content)-1], "id", "linger")
	set(last.Content[len(last.Content)-1], "wait", "5s")
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	require.NoError(t, enc.Encode(&doc))
	return out.String(), steps
}

// heavy are the steps whose work takes seconds, and more of them on a machine that does other things as well.
var heavy = []string{"containers", "dump", "prune", "vacuum", "reindex", "intact"}

func breakSteps(list *yaml.Node) (steps []broken) {
	for _, step := range list.Content {
		id := value(step, "id").Value
		if inner := value(step, "parallel"); inner != nil {
			for i, one := range breakSteps(inner) {
				one.beside = i > 0
				steps = append(steps, one)
			}
			continue
		}
		if inner := value(step, "each"); inner != nil {
			steps = append(steps, breakSteps(value(inner, "steps"))...)
			continue
		}
		steps = append(steps, broken{id: id})
		if value(step, "uses") == nil {
			continue
		}
		expect := fmt.Sprintf("inputs.fail != %q", id)
		if also := value(step, "expect"); also != nil {
			expect += " && (" + also.Value + ")"
		}
		set(step, "expect", fmt.Sprintf("%q", expect))
		switch {
		case id == "update": // it waits for health
		case slices.Contains(heavy, id):
			set(step, "timeout", "40s")
		default:
			set(step, "timeout", "15s")
		}
		if id == "reindex" {
			set(step, "if", "inputs.reindex")
		}
	}
	return steps
}

// value is what a mapping has under a key; nil when nothing.
func value(node *yaml.Node, key string) *yaml.Node {
	for i := 0; i < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i+1]
		}
	}
	return nil
}

// set puts a value, written as YAML, under a key.
func set(node *yaml.Node, key, text string) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		panic(err) // a mistake in this test
	}
	if old := value(node, key); old != nil {
		*old = *doc.Content[0]
		return
	}
	node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, doc.Content[0])
}

// mishap is what happens to a maintenance while one of its steps runs.
type mishap struct {
	name string
	// fails makes the step fail once it has done its work.
	fails bool
	// undoing says that it strikes during the undo, not during the step.
	undoing bool
	// strikes happens once.
	strikes func(s *site, id, step string)
}

var mishaps = []mishap{
	{name: "fails", fails: true},
	{name: "is cancelled", strikes: cancelled},
	{name: "loses its worker and fails", fails: true, strikes: killed},
	{name: "fails and its undo loses its worker", fails: true, undoing: true, strikes: killed},
}

func cancelled(s *site, id, _ string) {
	s.send(id, "abort", map[string]any{"by": "ana", "reason": "customers complain"})
}

func killed(s *site, id, step string) {
	s.worker.kill()
	s.worker = s.restart(s.worker)
	if slices.Contains(passedOver, step) { // its failure alone would not end anything
		cancelled(s, id, step)
	}
}

// passedOver are the steps that can't be made to fail, or whose failure is no reason to stop.
var passedOver = []string{"before", "temporary", "audit", "go", "review", "health"}

// wanted says whether there is anything to be learnt from this mishap at a step.
func (m mishap) wanted(step broken) bool {
	switch {
	case m.undoing:
		return slices.Contains([]string{"dump", "vacuum", "update"}, step.id)
	case m.strikes == nil:
		return !slices.Contains(passedOver, step.id)
	}
	return !step.beside
}

// unchanged are steps after the update before which nobody approves of it: the same with it is tried at others.
var unchanged = []string{"trend-cpu", "trend-memory", "trend-disk", "health"}

// due says whether the moment has come.
func (m mishap) due(rec *workflows.Record, step string) (now bool) {
	if m.undoing {
		return slices.ContainsFunc(rec.Undo, func(u *workflows.Step) bool { return u.State == workflows.Running })
	}
	each(rec, func(s *workflows.Step) {
		now = now || s.ID == step && s.State != workflows.Pending && s.State != workflows.Skipped
	})
	return now
}
