package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/orderly-ops/orderly/starter/screen"
)

// app is one invocation of orderly: its surroundings and what the flags of the root command say.
type app struct {
	surroundings
	configFile string
	address    string
	namespace  string
	ui         string
	json       bool
	linked     string // the last link that was printed
}

// run is the whole program except for the process around it.
func run(ctx context.Context, s surroundings) int {
	a := &app{surroundings: s}
	root := a.root() //nolint:contextcheck // commands take the context that ExecuteContext gives them
	root.SetArgs(s.args)
	root.SetIn(s.stdin)
	root.SetOut(s.stdout)
	root.SetErr(s.stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return exitInterrupted // whatever it says, Ctrl-C was the reason
	}
	return report(s.stderr, cmd.CommandPath(), err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "orderly",
		Short: "Run standard operating procedures that finish",
		Long: `Orderly runs standard operating procedures as durable Temporal workflows.

Where things are is said by orderly.yaml (--config). What is asked for goes to
stdout, everything else to stderr; --json gives stable fields for scripts.

` + exitHelp,
		Example: `  orderly start daily-check --watch
  orderly runs --since 24h
  orderly validate`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), "Flags.FlagUsages ", "Flags.FlagUsagesWrapped 80 "))
	flags := root.PersistentFlags()
	flags.StringVar(&a.configFile, "config", "", "settings file (default ./orderly.yaml, or $ORDERLY_CONFIG)")
	flags.StringVar(&a.address, "address", "", "Temporal's host:port, instead of the settings file's")
	flags.StringVar(&a.namespace, "namespace", "", "Temporal namespace, instead of the settings file's")
	flags.StringVar(&a.ui, "ui", "", "address of the Temporal UI, for links (default $TEMPORAL_UI_URL)")
	flags.BoolVar(&a.json, "json", false, "print JSON with stable fields")
	for _, group := range []struct {
		title    string
		commands []*cobra.Command
	}{
		{"Runs:", []*cobra.Command{a.startCommand(), a.watchCommand(), a.runsCommand(), a.showCommand(), a.timelineCommand(), a.reportCommand(), a.undoCommand()}},
		{"When you are asked or paged:", append(a.messageCommands(), a.inboxCommand(), a.onCallCommand(), a.previewCommand())},
		{"Procedures and the house:", []*cobra.Command{
			a.validateCommand(), a.simulateCommand(), a.testCommand(), a.actionsCommand(), a.schemaCommand(), a.scheduleCommand(), a.setupCommand(), a.versionCommand(),
			a.libraryCommand(), a.kpiCommand(),
		}},
	} {
		root.AddGroup(&cobra.Group{ID: group.title, Title: group.title})
		for _, cmd := range group.commands {
			cmd.GroupID = group.title
			root.AddCommand(cmd)
		}
	}
	return root
}

// say writes to stderr: progress, hints, counts.
func (a *app) say(format string, args ...any) {
	fmt.Fprintln(a.stderr, screen.CleanLines(fmt.Sprintf(format, args...)))
}

// sayLink prints the address of a run's page, once.
func (a *app) sayLink(link string) {
	if link == "" || link == a.linked {
		return
	}
	a.linked = link
	a.say("%s", link)
}

// print writes lines to stdout.
func (a *app) print(lines ...string) {
	for _, l := range lines {
		fmt.Fprintln(a.stdout, l)
	}
}

// printJSON writes one JSON document to stdout.
func (a *app) printJSON(v any) error {
	return a.encode(v, "  ")
}

// printJSONLine writes one JSON document on one line to stdout.
func (a *app) printJSONLine(v any) error {
	return a.encode(v, "")
}

func (a *app) encode(v any, indent string) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetIndent("", indent)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := a.stdout.Write(screen.CleanJSON(text.Bytes()))
	return err
}

// terminal is the terminal behind w, if w is one.
func terminal(w io.Writer) (fd int, ok bool) {
	f, isFile := w.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	return int(f.Fd()), true
}

// live says whether stdout can be redrawn in place.
func (a *app) live() bool {
	_, ok := terminal(a.stdout)
	return ok && a.getenv("TERM") != "dumb"
}

// paint colours only on a terminal, and not when NO_COLOR is set.
func (a *app) paint() screen.Painter {
	return screen.Painter{On: a.live() && a.getenv("NO_COLOR") == ""}
}

// Text is laid out for 80 cells where nobody says otherwise, and never wider than eyes can follow.
const (
	defaultWidth = 80
	maxWidth     = 120
	endless      = 1 << 20 // wider than anything
)

// room is how wide a line of a list may get: as wide as it is without a terminal, so that grep finds
// what belongs together on one line.
func (a *app) room() int {
	if _, ok := terminal(a.stdout); !ok {
		return endless
	}
	return a.width()
}

func (a *app) width() int {
	w, _ := a.size()
	return w
}

// size is how many cells and rows there are to write on. A row is unlimited (0) without a terminal.
func (a *app) size() (cells, rows int) {
	fd, ok := terminal(a.stdout)
	if !ok {
		return defaultWidth, 0
	}
	w, h, err := term.GetSize(fd)
	if err != nil || w < 20 {
		return defaultWidth, 0
	}
	return min(w, maxWidth), h
}

// soon bounds one question to the server.
const soon = 10 * time.Second

// examples joins the lines of a command's examples, indented as cobra shows them.
func examples(lines ...string) string { return "  " + strings.Join(lines, "\n  ") }
