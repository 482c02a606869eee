package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/starter/screen"
	"github.com/orderly-ops/orderly/workflows"
)

// messageCommands are those by which people answer a run.
func (a *app) messageCommands() []*cobra.Command {
	return []*cobra.Command{
		a.messageCommand(ackVerb()), a.doneCommand(), a.skipCommand(),
		a.messageCommand(approveVerb()), a.messageCommand(rejectVerb()),
		a.decisionCommand(retryVerb()), a.decisionCommand(rollbackVerb()), a.decisionCommand(failVerb()),
		a.messageCommand(escalateVerb()), a.messageCommand(extendVerb()),
		a.messageCommand(noteVerb()), a.messageCommand(updateVerb()),
		a.messageCommand(severityVerb()), a.messageCommand(resolveVerb()),
		a.handoverCommand(), a.messageCommand(abortVerb()), a.alertCommand(),
	}
}

func ackVerb() verb {
	return verb{
		use: "ack <run> [note…]", short: "Acknowledge: I have seen it and am on it",
		long: `Acknowledge what a run pages people for. The paging stops at once; an incident
that nobody has becomes yours. It holds as long as something is heard from you:
after the lease of the policy you are asked whether you are still on it, and then
paging begins again.`,
		examples: examples("orderly ack emergency-response", `orderly ack emergency-response/api "looking at the database"`),
		message:  workflows.MessageAcknowledge,
		payload: func(by string, args []string) (any, error) {
			return workflows.Acknowledge{By: by, Note: words(args)}, nil
		},
	}
}

func approveVerb() verb {
	return verb{
		use: "approve <run> <step> [reason…]", short: "Approve what a run asks leave for",
		long: `Approve a step that waits for a decision, or an undo that would lose data. Where
several have to agree, it goes on when enough have.`,
		examples: examples("orderly approve weekly-maintenance/docs-db restore", "orderly approve weekly-maintenance/docs-db undo:dump"),
		message:  workflows.MessageDecide, needs: []string{"step"}, offer: offerSteps(sops.KindApprove), names: approval,
		payload: func(by string, args []string) (any, error) {
			return workflows.Decide{By: by, Step: args[0], Approve: true, Reason: words(args[1:])}, nil
		},
	}
}

func rejectVerb() verb {
	return verb{
		use: "reject <run> <step> <reason…>", short: "Reject what a run asks leave for",
		long: `Reject a step that waits for a decision, and say why. One rejection is enough.
An undo that is rejected is left.`,
		examples: examples(`orderly reject weekly-maintenance/docs-db restore "it would lose orders"`),
		message:  workflows.MessageDecide, needs: []string{"step", "reason"}, offer: offerSteps(sops.KindApprove), names: approval,
		payload: func(by string, args []string) (any, error) {
			return workflows.Decide{By: by, Step: args[0], Reason: words(args[1:])}, nil
		},
	}
}

func escalateVerb() verb {
	return verb{
		use: "escalate <run> [reason…]", short: "Page the next tier now",
		long:     "Page the next tier now, whoever has acknowledged.",
		examples: examples(`orderly escalate emergency-response/api "I can't log in to the database host"`),
		message:  workflows.MessageEscalate,
		payload: func(by string, args []string) (any, error) {
			return workflows.Escalate{By: by, Reason: words(args)}, nil
		},
	}
}

func extendVerb() verb {
	return verb{
		use: "extend <run> <clock> <for> <reason…>", short: "Give a running clock more time",
		long: `Give a running clock more time, and say why. <clock> is its name in the record:
run, respond, resolve, update, phase:<id>, step:<id>, or a step's id. <for> is
how much longer than it had: 15m, 2h. A clock that was breached stays breached.`,
		examples: examples(`orderly extend weekly-maintenance/docs-db ready 30m "a colleague is coming"`),
		message:  workflows.MessageExtend, needs: []string{"clock", "for", "reason"}, offer: offerClocks,
		payload: func(by string, args []string) (any, error) {
			longer, err := sops.ParseDuration(args[1])
			if err != nil {
				return nil, exit(exitUsage, "%s: %w; how much longer is written like 15m or 2h", args[1], err)
			}
			return workflows.Extend{By: by, Clock: args[0], For: longer, Reason: words(args[2:])}, nil
		},
	}
}

func noteVerb() verb {
	return verb{
		use: "note <run> <text…|->", short: "Write a note to the timeline",
		long: "Write a note to a run's timeline. - reads it from stdin.",
		examples: examples(
			`orderly note emergency-response/api "restarted the pool, errors are falling"`,
			"docker logs --tail 5 api 2>&1 | orderly note emergency-response/api -"),
		message: workflows.MessageNote, needs: []string{"text"},
		payload: func(by string, args []string) (any, error) {
			return workflows.Note{By: by, Text: words(args)}, nil
		},
	}
}

func updateVerb() verb {
	return verb{
		use: "update <run> <text…|->", short: "Tell the stakeholders how an incident stands",
		long:     "Send a status update to the stakeholders of an incident; the clock of the next\none begins. - reads it from stdin.",
		examples: examples(`orderly update emergency-response/api "The API answers again; we watch it."`),
		message:  workflows.MessageUpdate, needs: []string{"text"},
		payload: func(by string, args []string) (any, error) {
			return workflows.Update{By: by, Text: words(args)}, nil
		},
	}
}

func severityVerb() verb {
	return verb{
		use: "severity <run> <grade> <reason…>", short: "Change how grave an incident is",
		long: `Change the severity of an incident to a grade of its scale, and say why. Its
clocks are timed anew. A graver one never gives more time, and pages the people
of its own policy.`,
		examples: examples(`orderly severity emergency-response/api P0 "orders are being lost"`),
		message:  workflows.MessageSeverity, needs: []string{"grade", "reason"},
		payload: func(by string, args []string) (any, error) {
			return workflows.ChangeSeverity{By: by, Severity: args[0], Reason: words(args[1:])}, nil
		},
	}
}

func resolveVerb() verb {
	return verb{
		use: "resolve <run> <resolution…|->", short: "Say that an incident is over, and how",
		long:     "Say that an incident is over. What still waits for people is closed, paging\nstops, and the stakeholders are told. - reads the resolution from stdin.",
		examples: examples(`orderly resolve emergency-response/api "connection pool raised to 200"`),
		message:  workflows.MessageResolve, needs: []string{"resolution"},
		payload: func(by string, args []string) (any, error) {
			return workflows.Resolve{By: by, Resolution: words(args)}, nil
		},
	}
}

func abortVerb() verb {
	return verb{
		use: "abort <run> <reason…>", short: "End a run",
		long: `End a run. What is under way is told to stop; what was changed is undone first,
in reverse order, where the procedure says so; then its last steps still run. A
rollback that goes on already is not ended by it.`,
		examples: examples(`orderly abort emergency-response/api "false alarm: the probe was wrong"`),
		message:  workflows.MessageAbort, needs: []string{"reason"},
		payload: func(by string, args []string) (any, error) {
			return workflows.Abort{By: by, Reason: words(args)}, nil
		},
	}
}

func (a *app) handoverCommand() *cobra.Command {
	until := ""
	cmd := a.messageCommand(verb{
		use: "handover <run> <person>", short: "Give an incident and what is asked of you to somebody else",
		long: `Give an incident, and what a run asks of you, to somebody else. With --until it
comes back to whoever has it now.`,
		examples: examples(
			"orderly handover emergency-response/api ben",
			"orderly handover emergency-response/api ben --until 07:30"),
		message: workflows.MessageHandover, needs: []string{"person"}, most: 1, offer: a.offerPeople,
		payload: func(by string, args []string) (any, error) {
			m := workflows.Handover{By: by, To: args[0]}
			if until == "" {
				return m, nil
			}
			t, err := untilTime(until, time.Now())
			m.Until = &t
			return m, err
		},
	})
	cmd.Flags().StringVar(&until, "until", "", "when it comes back: 07:30 (here, today or tomorrow), 8h, or RFC 3339")
	return cmd
}

// untilTime reads a time to come: a time of day where the operator sits, a distance, or a full time.
func untilTime(s string, at time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC(), nil
	}
	if t, err := time.Parse("15:04", s); err == nil {
		day := time.Date(at.Year(), at.Month(), at.Day(), t.Hour(), t.Minute(), 0, 0, at.Location())
		if !day.After(at) {
			day = day.AddDate(0, 0, 1)
		}
		return day.UTC(), nil
	}
	if d, err := sops.ParseDuration(strings.TrimPrefix(s, "+")); err == nil {
		return at.Add(d.D()).UTC(), nil
	}
	return time.Time{}, exit(exitUsage, "--until %s is not a time; write it like 07:30, 8h or 2026-12-24T07:30:00Z", screen.Clean(s))
}
