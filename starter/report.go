package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	write "github.com/orderly-ops/orderly/internal/report"
	"github.com/orderly-ops/orderly/starter/screen"
)

// reportRequest is what `orderly report` was asked for.
type reportRequest struct {
	run, kind, out string
	html           bool
}

func (a *app) reportCommand() *cobra.Command {
	var req reportRequest
	var kinds []string
	for _, k := range write.Kinds() {
		kinds = append(kinds, string(k))
	}
	cmd := &cobra.Command{
		Use:   "report <run>",
		Short: "Write the report of a run, open or over",
		Long: `Write the report of a run as Markdown, with --html as a page that needs nothing
else, with --json as sections, tables and what is missing. A run that has kept
a report (post-mortem, weekly-maintenance, backup, monthly-review) gives that
one. Of any other it is made now, from its record: an incident's report has
what its post-mortem was told so far. What nobody has said or measured stands
in it as missing, and stderr counts it.

Kinds: ` + strings.Join(kinds, ", ") + `.

` + runHelp,
		Example: examples(
			"orderly report emergency-response/main",
			"orderly report emergency-response/main --kind post-mortem --html -o it.html",
			"orderly report weekly-maintenance/docs-db --json | jq '.missing'"),
		Args:              exactly("run"),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			req.run = args[0]
			return a.report(cmd.Context(), req)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&req.html, "html", false, "a page instead of Markdown")
	flags.StringVar(&req.kind, "kind", "", "another kind than fits the run best")
	flags.StringVarP(&req.out, "output", "o", "", "into this file instead of stdout; .html makes a page")
	_ = cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(kinds, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) report(ctx context.Context, req reportRequest) error {
	if req.kind != "" && !slices.Contains(write.Kinds(), write.Kind(req.kind)) {
		return exit(exitUsage, "there is no kind of report %q; the help lists them", req.kind)
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	return a.withRecord(ctx, req.run, func(f found) error {
		doc, err := a.document(ctx, cfg, f.record, write.Kind(req.kind))
		if err != nil {
			return err
		}
		return a.printReport(doc, req)
	})
}

// printReport writes the document in the form that was asked for and counts what is missing.
func (a *app) printReport(doc *write.Document, req reportRequest) error {
	if n := len(doc.Missing); n > 0 {
		a.say("%s missing from this report, of which people can say %d", plural(n, "part"), len(doc.Unanswered()))
	}
	if a.json && req.out == "" {
		return a.printJSON(doc)
	}
	text, err := a.reportText(doc, req)
	if err != nil {
		return exit(exitFailed, "write the report: %w", err)
	}
	if req.out == "" {
		_, err = a.stdout.Write(text)
		return err
	}
	if err := writeWhole(req.out, text); err != nil {
		return exit(exitFailed, "write the report: %w", err)
	}
	a.say("written to %s", screen.Clean(req.out))
	return nil
}

func (a *app) reportText(doc *write.Document, req reportRequest) ([]byte, error) {
	switch {
	case a.json:
		return indentedJSON(doc)
	case req.html, strings.EqualFold(filepath.Ext(req.out), ".html"):
		return doc.HTML()
	}
	return doc.Markdown(), nil
}

// writeWhole writes a file so that nobody ever reads half of it.
func writeWhole(name string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it is gone once it has its name
	_, err = f.Write(text)
	if err = cmp.Or(err, f.Chmod(0o644), f.Close()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.Rename(f.Name(), name)
}
