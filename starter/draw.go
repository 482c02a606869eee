package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/diagram"
)

// The formats of what can be drawn.
const (
	formatText    = "text"
	formatMermaid = "mermaid"
	formatSVG     = "svg"
)

// formatFlag lets people ask for a picture.
func formatFlag(cmd *cobra.Command, format *string, of string) {
	formats := []string{formatText, formatMermaid, formatSVG}
	cmd.Flags().StringVar(format, "format", formatText, "text, mermaid or svg ("+of+")")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
}

// checkFormat refuses a format that there is not.
func checkFormat(format string) error {
	switch format {
	case formatText, formatMermaid, formatSVG:
		return nil
	}
	return exit(exitUsage, "there is no format %q; there are text, mermaid and svg", format)
}

// draw prints a picture: Mermaid text, or an SVG file.
func (a *app) draw(p diagram.Picture, format string) {
	text := p.Mermaid()
	if format == formatSVG {
		text = p.SVG()
	}
	a.print(strings.TrimRight(text, "\n"))
}

// drawFlow prints what a procedure does; as Mermaid text where nobody asks for a file.
func (a *app) drawFlow(cfg *config.Config, procedure, format string) error {
	if procedure == "" {
		return exit(exitUsage, "say which procedure; `orderly validate` checks them all")
	}
	lib, problems := procedures(cfg)
	p, known := lib.Get(procedure)
	if !known {
		return noProcedure(procedure, lib.IDs(), problems)
	}
	a.draw(diagram.Flow(p), format)
	return nil
}
