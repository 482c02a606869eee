package main

import "github.com/spf13/cobra"

func (a *app) timelineCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "timeline <run>",
		Short: "Print what happened in a run, minute by minute",
		Long: `Print what happened in a run: the time in UTC, how long after the start, what.
With --json it is the list of events {at, kind, phase, step, by, text}.

` + runHelp,
		Example: examples(
			"orderly timeline daily-check",
			"orderly timeline daily-check --json | jq -r '.[].text'"),
		Args:              exactly("run"),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRecord(cmd.Context(), args[0], a.timeline)
		},
	}
}

func (a *app) timeline(f found) error {
	if a.json {
		return a.printJSON(f.record.Timeline)
	}
	for _, ev := range f.record.Timeline {
		a.print(eventLine(f.record, ev, a.room())...)
	}
	if f.over && f.outcome.word != string(f.record.State) {
		a.say("the run was %s", f.outcome.word)
	}
	return nil
}
