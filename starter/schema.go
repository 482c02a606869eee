package main

import (
	"bytes"

	"github.com/spf13/cobra"

	"github.com/orderly-ops/orderly/activities"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/sops"
)

func (a *app) schemaCommand() *cobra.Command {
	markdown := false
	cmd := &cobra.Command{
		Use:   "schema [procedure|config]",
		Short: "Print the JSON Schema of procedures or of orderly.yaml, for editors",
		Long: `Print the JSON Schema of procedure files (the default) or of orderly.yaml. An
editor with YAML support completes and checks keys with it; expressions and what
files say about each other are checked by "orderly validate".`,
		Example: examples(
			"orderly schema > procedure.schema.json",
			"orderly schema config > orderly.schema.json",
			"orderly schema --markdown > procedure.md"),
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"procedure", "config"},
		RunE: func(_ *cobra.Command, args []string) error {
			if markdown {
				return sops.WriteReference(a.stdout)
			}
			what := "procedure"
			if len(args) == 1 {
				what = args[0]
			}
			return a.schema(what)
		},
	}
	cmd.Flags().BoolVar(&markdown, "markdown", false, "print the reference of every key of a procedure instead")
	return cmd
}

func (a *app) schema(what string) error {
	write := func() ([]byte, error) { return sops.JSONSchema(activities.Catalogue()) }
	if what == "config" {
		write = config.JSONSchema
	}
	text, err := write()
	if err != nil {
		return exit(exitFailed, "%w", err)
	}
	a.print(string(bytes.TrimRight(text, "\n")))
	return nil
}
