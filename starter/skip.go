package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	workflowpb "go.temporal.io/api/workflow/v1"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/starter/screen"
	"github.com/orderly-ops/orderly/workflows"
)

func (a *app) skipCommand() *cobra.Command {
	by, why := "", ""
	cmd := &cobra.Command{
		Use:   "skip <run> [step] <reason…>",
		Short: "Say that a step is not done, or that its failure does not matter",
		Long: `Say that a step which waits for people will not be done, and why; the
run goes on.
Of a step that has failed and is held its failure is passed over, and of an undo
that has failed what it would have undone is left. Without <step>, and with the
reason as --reason, it is the one that waits, if there is only one.

` + refusedHelp,
		Example: examples(
			`orderly skip weekly-maintenance/docs-db ready "checked on Friday"`,
			`orderly skip weekly-maintenance/docs-db --reason "it can wait"`),
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return errors.New("say which run")
			case len(args) < 3 && strings.TrimSpace(why) == "":
				return errors.New("say which step, and the reason")
			case len(args) > 2 && why != "":
				return errors.New("say the reason once: --reason or after the step")
			}
			return nil
		},
		ValidArgsFunction: a.completeMessage(offerSkip),
		RunE: func(cmd *cobra.Command, args []string) error {
			rest, err := a.fromStdin(args[1:])
			if err != nil {
				return err
			}
			named, reason := "", why
			if len(rest) > 0 {
				named = rest[0]
			}
			if len(rest) > 1 {
				reason = words(rest[1:])
			}
			return a.withOpenRun(cmd.Context(), args[0], func(c *cluster, run *workflowpb.WorkflowExecutionInfo) error {
				m, err := a.skipping(cmd, c, run, named, reason)
				if err != nil {
					return err
				}
				m.By = a.who(by)
				return a.deliver(cmd.Context(), c, run, workflows.MessageComplete, m)
			})
		},
	}
	byFlag(cmd, &by)
	cmd.Flags().StringVar(&why, "reason", "", "why, instead of after the step")
	return cmd
}

// skipping is the message that skips what is meant. A run that does not answer now may still take a message
// about the step that was named.
func (a *app) skipping(cmd *cobra.Command, c *cluster, run *workflowpb.WorkflowExecutionInfo, named, reason string) (workflows.Complete, error) {
	r, err := c.whatWaits(cmd.Context(), run)
	switch {
	case err != nil && named != "" && !strings.HasPrefix(named, prefixHold):
		return workflows.Complete{Step: named, Skip: true, Reason: reason}, nil
	case err != nil:
		return workflows.Complete{}, err
	}
	return skipMessage(r, named, reason)
}

// skipMessage skips an ask of the procedure, or passes over what is held.
func skipMessage(r *workflows.Record, named, reason string) (workflows.Complete, error) {
	var asks []*workflows.Step
	for _, s := range r.Waiting() {
		if s.Kind == string(sops.KindAsk) {
			asks = append(asks, s)
		}
	}
	if named == "" {
		if len(asks) == 0 {
			return workflows.Complete{}, exit(exitRefused, "nothing waits to be done in %s; `%s` shows how it stands",
				r.WorkflowID, screen.Command("orderly", "show", r.WorkflowID))
		}
		if len(asks) > 1 {
			return workflows.Complete{}, exit(exitUsage, "%d steps wait; say which of %s", len(asks), strings.Join(skipNames(asks), ", "))
		}
		return skipped(asks[0], reason), nil
	}
	own := slices.DeleteFunc(slices.Clone(asks), func(s *workflows.Step) bool { return strings.HasPrefix(s.Path, prefixHold) })
	if !slices.ContainsFunc(own, func(s *workflows.Step) bool { return s.Path == named || s.ID == named }) {
		if found := namedBy(holds(r), named, prefixHold); len(found) == 1 {
			return skipped(found[0], reason), nil
		}
	}
	return workflows.Complete{Step: named, Skip: true, Reason: reason}, nil // the run says what is wrong with it
}

func skipped(s *workflows.Step, reason string) workflows.Complete {
	if strings.HasPrefix(s.Path, prefixHold) {
		return decided(s, "skip", reason)
	}
	return workflows.Complete{Step: s.Path, Skip: true, Reason: reason}
}

func skipNames(asks []*workflows.Step) (names []string) {
	for _, s := range asks {
		names = append(names, heldName(s))
	}
	return names
}

// offerSkip are the steps that were asked of people or are held.
func offerSkip(r *workflows.Record, args []string) (offers []string) {
	if len(args) > 0 {
		return nil
	}
	for _, s := range r.Waiting() {
		if s.Kind == string(sops.KindAsk) {
			offers = append(offers, heldName(s)+"\t"+s.Title)
		}
	}
	return offers
}
