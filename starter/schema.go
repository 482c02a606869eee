package main

import (
	"bytes"

	"github.com/spf13/cobra"

	"github.com/orderly-ops/orderly/activities"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/simulate"
	"github.com/orderly-ops/orderly/sops"
)

func (a *app) schemaCommand() *cobra.Command {
	markdown := false
	cmd := &cobra.Command{
		Use:   "schema [procedure|scenario|org|config]",
		Short: "The JSON Schema of procedures, scenarios, org.yaml or orderly.yaml",
		Long: `Print the JSON Schema of procedure files (the default), of scenarios, of
org.yaml or of orderly.yaml. An editor with YAML support completes and checks
keys with it; expressions and what files say about each other are checked by
"orderly validate". --markdown prints the reference of procedures or of org.yaml.`,
		Example: examples(
			"orderly schema > procedure.schema.json",
			"orderly schema scenario > scenario.schema.json",
			"orderly schema org > org.schema.json",
			"orderly schema config > orderly.schema.json",
			"orderly schema --markdown > procedure.md"),
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"procedure", "scenario", "org", "config"},
		RunE: func(_ *cobra.Command, args []string) error {
			what := "procedure"
			if len(args) == 1 {
				what = args[0]
			}
			if markdown {
				return a.keys(what)
			}
			return a.schema(what)
		},
	}
	cmd.Flags().BoolVar(&markdown, "markdown", false, "print the reference of every key instead")
	return cmd
}

// keys prints the reference of a document.
func (a *app) keys(what string) error {
	switch what {
	case "procedure":
		return sops.WriteReference(a.stdout)
	case "org":
		return sops.WriteOrgReference(a.stdout)
	}
	return exit(exitUsage, "there is no reference of %s; its schema has a line on every key", what)
}

func (a *app) schema(what string) error {
	write := func() ([]byte, error) { return sops.JSONSchema(activities.Catalogue()) }
	switch what {
	case "scenario":
		write = simulate.JSONSchema
	case "org":
		write = sops.OrgSchema
	case "config":
		write = config.JSONSchema
	}
	text, err := write()
	if err != nil {
		return exit(exitFailed, "%w", err)
	}
	a.print(string(bytes.TrimRight(text, "\n")))
	return nil
}
