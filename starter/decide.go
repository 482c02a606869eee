package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	workflowpb "go.temporal.io/api/workflow/v1"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/starter/screen"
	"github.com/orderly-ops/orderly/workflows"
)

// What the engine's own questions are called: "hold:vacuum" asks what is to become of the step vacuum, which
// has failed, "undo:dump" whether dump may be undone, "hold:undo:dump" what is to become of its undo.
const (
	prefixHold = "hold:"
	prefixUndo = "undo:"
)

// fieldDecision is the field of such a question's form that holds the choice, fieldReason the other one.
const (
	fieldDecision = "decision"
	fieldReason   = "reason"
)

// decision is a command that decides about what has failed.
type decision struct {
	use, short, long string
	examples         string
	words            []string // what the run calls it; of several it is the one that is offered
	reasoned         bool     // it needs a reason
}

func retryVerb() decision {
	return decision{
		use: "retry <run> [step]", short: "Try again what has failed and waits for a decision",
		long: `Begin a step again that has failed and is held until somebody decides, or an undo
that has failed.`,
		examples: examples("orderly retry weekly-maintenance/docs-db", `orderly retry weekly-maintenance/docs-db vacuum --reason "there is room again"`),
		words:    []string{"retry"},
	}
}

func rollbackVerb() decision {
	return decision{
		use: "rollback <run> [step]", short: "Undo what a run has changed because a step has failed",
		long: `Decide about a step that has failed and is held: what the run has changed is
undone, in reverse order, and the run ends. A run that nothing has stopped is
rolled back by abort, where its procedure says so.`,
		examples: examples(`orderly rollback weekly-maintenance/docs-db --reason "the disk is full"`),
		words:    []string{"rollback"},
	}
}

func failVerb() decision {
	return decision{
		use: "fail <run> [step]", short: "Leave what has failed as it is, and end there",
		long: `Decide about what has failed and is held. Of a step: the run ends as failed,
and what it has changed stays. Of an undo: nothing more is undone; what is
left can be undone later with undo.`,
		examples: examples(`orderly fail weekly-maintenance/docs-db vacuum --reason "not tonight"`),
		words:    []string{"stop", "abort"}, reasoned: true,
	}
}

// heldHelp says which <step> is meant.
const heldHelp = `Without <step> it is the one that waits for a decision, if there is only one.

` + refusedHelp

func (a *app) decisionCommand(d decision) *cobra.Command {
	by, reason := "", ""
	cmd := &cobra.Command{
		Use: d.use, Short: d.short, Long: d.long + "\n\n" + heldHelp, Example: d.examples,
		Args: func(_ *cobra.Command, args []string) error {
			return d.wants(args, reason)
		},
		ValidArgsFunction: a.completeMessage(offerHeld(d.words)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withOpenRun(cmd.Context(), args[0], func(c *cluster, run *workflowpb.WorkflowExecutionInfo) error {
				r, err := c.whatWaits(cmd.Context(), run)
				if err != nil {
					return err
				}
				m, err := d.message(r, strings.Join(args[1:], ""), reason)
				if err != nil {
					return err
				}
				m.By = a.who(by)
				return a.deliver(cmd.Context(), c, run, workflows.MessageComplete, m)
			})
		},
	}
	byFlag(cmd, &by)
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return cmd
}

func (d decision) wants(args []string, reason string) error {
	switch {
	case len(args) == 0:
		return errors.New("say which run")
	case len(args) > 2:
		return fmt.Errorf("one step at a time; found %s. The reason is given as --reason \"…\"", strings.Join(args[1:], ", "))
	case d.reasoned && strings.TrimSpace(reason) == "":
		return errors.New("say why with --reason")
	}
	return nil
}

// whatWaits is the record of an open run, to see what it waits for.
func (c *cluster) whatWaits(ctx context.Context, run *workflowpb.WorkflowExecutionInfo) (*workflows.Record, error) {
	id := run.GetExecution().GetWorkflowId()
	r, err := c.status(ctx, id, "")
	if err != nil {
		return nil, failed("ask "+id+" what waits", err)
	}
	return r, nil
}

// message is the answer to the question about a step that is held.
func (d decision) message(r *workflows.Record, named, reason string) (workflows.Complete, error) {
	s, err := heldStep(r, named)
	if err != nil {
		return workflows.Complete{}, d.otherwise(r, err)
	}
	offered := s.Ask.Fields[fieldDecision].Options
	i := slices.IndexFunc(d.words, func(word string) bool { return slices.Contains(offered, word) })
	if i < 0 {
		return workflows.Complete{}, exit(exitRefused, "%s can't be decided with %q; it offers:\n  %s",
			heldName(s), d.words[0], strings.Join(r.AnswerCommands(s), "\n  "))
	}
	return decided(s, d.words[i], reason), nil
}

// otherwise says what does what was meant to a run where nothing is held.
func (d decision) otherwise(r *workflows.Record, err error) error {
	switch {
	case !slices.Contains(d.words, "rollback") || len(holds(r)) > 0:
		return err
	case screen.RollingBack(r):
		return exit(exitRefused, "%s is being rolled back already; `%s` shows it", r.WorkflowID, screen.Command("orderly", "watch", r.WorkflowID))
	}
	return exit(exitRefused, "%w\nTo end it and undo first what it has changed, where its procedure says so:\n  %s",
		err, screen.Command("orderly", "abort", r.WorkflowID)+" …")
}

// decided answers the question about what has failed.
func decided(s *workflows.Step, word, reason string) workflows.Complete {
	form := map[string]any{fieldDecision: word}
	if reason = strings.TrimSpace(reason); reason != "" {
		form[fieldReason] = reason
	}
	return workflows.Complete{Step: s.Path, Form: form}
}

// holds are the open questions about what has failed.
func holds(r *workflows.Record) []*workflows.Step {
	return slices.DeleteFunc(r.Waiting(), func(s *workflows.Step) bool { return !strings.HasPrefix(s.Path, prefixHold) })
}

// heldName is what people call what a question is about: "hold:undo:dump#2" is about "undo:dump".
func heldName(s *workflows.Step) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(s.Path, prefixHold), "#")
	return name
}

// heldStep finds the question about a step: by its path, or where that is clear by the step's plain id.
func heldStep(r *workflows.Record, named string) (*workflows.Step, error) {
	open := holds(r)
	var names []string
	for _, s := range open {
		names = append(names, heldName(s))
	}
	found := namedBy(open, named, prefixHold)
	switch {
	case named == "" && len(open) == 1:
		return open[0], nil
	case len(open) == 0:
		return nil, exit(exitRefused, "nothing of %s waits for a decision; `%s` shows how it stands", r.WorkflowID, screen.Command("orderly", "show", r.WorkflowID))
	case named == "" || len(found) > 1:
		return nil, exit(exitUsage, "%d steps wait for a decision; say which of %s", len(open), strings.Join(names, ", "))
	case len(found) == 0:
		return nil, exit(exitRefused, "no step %q waits for a decision%s; waiting are %s", named, didYouMean(named, names), strings.Join(names, ", "))
	}
	return found[0], nil
}

// namedBy are the questions that a name may mean; one whose path it is stands for itself.
func namedBy(questions []*workflows.Step, name, prefix string) (found []*workflows.Step) {
	for _, s := range questions {
		about, _, _ := strings.Cut(strings.TrimPrefix(s.Path, prefix), "#")
		id := strings.TrimPrefix(strings.TrimPrefix(s.ID, prefix), prefixUndo)
		switch name {
		case s.Path, about:
			return []*workflows.Step{s}
		case s.ID, strings.TrimPrefix(s.ID, prefix), id, strings.TrimPrefix(about, prefixUndo):
			found = append(found, s)
		}
	}
	return found
}

// approval is the path of the approval that a name means; the name itself where that is not clear, which the
// run then says.
func approval(r *workflows.Record, named string) string {
	open := slices.DeleteFunc(r.Waiting(), func(s *workflows.Step) bool { return s.Kind != string(sops.KindApprove) })
	if found := namedBy(open, named, ""); len(found) == 1 {
		return found[0].Path
	}
	return named
}

// offerHeld are the steps that wait for one of these decisions.
func offerHeld(words []string) func(*workflows.Record, []string) []string {
	return func(r *workflows.Record, args []string) (offers []string) {
		if len(args) > 0 {
			return nil
		}
		for _, s := range holds(r) {
			if slices.ContainsFunc(s.Ask.Fields[fieldDecision].Options, func(o string) bool { return slices.Contains(words, o) }) {
				offers = append(offers, heldName(s)+"\t"+s.Title)
			}
		}
		return offers
	}
}
