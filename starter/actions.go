package main

import (
	"cmp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/orderly-ops/orderly/activities"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/starter/screen"
)

func (a *app) actionsCommand() *cobra.Command {
	markdown := false
	cmd := &cobra.Command{
		Use:   "actions [name]",
		Short: "List what a step can do with `uses`, or explain one action",
		Long: `List the actions there are, or explain one: its inputs, its outputs, how long an
attempt may take and how often it is made.

With --json: {name, doc, destructive, timeout, attempts, inputs, outputs}, a
list of them without a name. --markdown prints the whole reference.`,
		Example: examples(
			"orderly actions",
			"orderly actions postgres.ping",
			"orderly actions --markdown > docs/actions.md"),
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return activities.Catalogue().Names(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case markdown:
				return activities.WriteReference(a.stdout, activities.Catalogue())
			case len(args) == 1:
				return a.action(args[0])
			default:
				return a.actions()
			}
		},
	}
	cmd.Flags().BoolVar(&markdown, "markdown", false, "print the reference of all actions")
	return cmd
}

// actionInfo is an action as `--json` shows it. Its fields are stable.
type actionInfo struct {
	Name        string      `json:"name"`
	Doc         string      `json:"doc"`
	Destructive bool        `json:"destructive"`
	Timeout     string      `json:"timeout"`
	Attempts    int         `json:"attempts"`
	Inputs      []fieldInfo `json:"inputs"`
	Outputs     []fieldInfo `json:"outputs"`
}

// fieldInfo is one field of an action's input or output.
type fieldInfo struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	Doc      string   `json:"doc,omitempty"`
	Optional bool     `json:"optional,omitempty"`
	Default  string   `json:"default,omitempty"`
	Enum     []string `json:"enum,omitempty"`
	Target   string   `json:"target,omitempty"`
}

func describeAction(act sops.Action) actionInfo {
	return actionInfo{
		Name: act.Name, Doc: act.Doc, Destructive: act.Destructive,
		Timeout: sops.Duration(act.Timeout).String(), Attempts: act.Retry.Attempts,
		Inputs: describeFields(act.Input), Outputs: describeFields(act.Output),
	}
}

func describeFields(t *sops.Type) []fieldInfo {
	all := make([]fieldInfo, len(t.Fields))
	for i, f := range t.Fields {
		all[i] = fieldInfo{
			Name: f.Name, Type: typeName(f.Type), Doc: f.Doc, Optional: f.Optional, Default: f.Default,
			Enum: f.Enum, Target: f.Target,
		}
	}
	return all
}

// typeName is a type in words: "list of docker.Container".
func typeName(t *sops.Type) string {
	switch {
	case t.Kind == sops.TypeList && t.Elem != nil:
		return "list of " + typeName(t.Elem)
	case t.Kind == sops.TypeMap && t.Elem != nil:
		return "map of " + typeName(t.Elem)
	case t.Kind == sops.TypeObject && t.Name != "":
		return t.Name
	default:
		return string(t.Kind)
	}
}

func (a *app) actions() error {
	cat := activities.Catalogue()
	infos := make([]actionInfo, 0, len(cat.Names()))
	table := &screen.Table{Header: []string{"ACTION", "WHAT IT DOES"}, Wraps: 1, Paint: a.paint()}
	for _, name := range cat.Names() {
		act, _ := cat.Action(name)
		infos = append(infos, describeAction(act))
		table.Add(name, firstSentence(act.Doc))
	}
	if a.json {
		return a.printJSON(infos)
	}
	a.print(table.Lines(a.width())...)
	return nil
}

func firstSentence(doc string) string {
	first, _, _ := strings.Cut(doc, ". ")
	return strings.TrimRight(first, ".")
}

func (a *app) action(name string) error {
	cat := activities.Catalogue()
	act, ok := cat.Action(name)
	if !ok {
		return exit(exitNotFound, "there is no action %q%s", name, cmp.Or(didYouMean(name, cat.Names()), "; `orderly actions` lists them"))
	}
	info := describeAction(act)
	if a.json {
		return a.printJSON(info)
	}
	a.print(a.paint().Tone(screen.Bold, act.Name))
	a.print(screen.Wrap(screen.Clean(act.Doc), a.width())...)
	a.print("", "One attempt may take "+info.Timeout+"; "+plural(info.Attempts, "attempt")+" in all"+pauses(act.Retry)+".")
	if act.Destructive {
		a.print("It changes or deletes something; a drill only says what it would do.")
	}
	a.section("Inputs (with)", a.fields(act.Input, true))
	a.section("Outputs", a.fields(act.Output, false))
	return nil
}

func pauses(r sops.Retry) string {
	if r.Attempts < 2 {
		return ""
	}
	return ", the second after " + sops.Duration(max(r.Initial.D(), time.Millisecond)).String()
}

// fields explains the members of an object; members of objects inside are named by their path.
func (a *app) fields(t *sops.Type, input bool) []string {
	table := &screen.Table{Header: []string{"NAME", "TYPE", "MEANING"}, Wraps: 2, Paint: a.paint()}
	addFields(table, "", t, input, 0)
	if table.Len() == 0 {
		return []string{"none"}
	}
	return table.Lines(a.width())
}

// deepest is how far down objects inside objects are shown.
const deepest = 4

func addFields(table *screen.Table, prefix string, t *sops.Type, input bool, depth int) {
	for _, f := range t.Fields {
		table.Add(prefix+f.Name, screen.Cut(typeName(f.Type), 26), meaning(f, input))
		if inner, mark := inside(f.Type); inner != nil && depth < deepest {
			addFields(table, prefix+f.Name+mark+".", inner, input, depth+1)
		}
	}
}

// inside is the object in a field, or in its list or map.
func inside(t *sops.Type) (*sops.Type, string) {
	switch t.Kind {
	case sops.TypeObject:
		return t, ""
	case sops.TypeList, sops.TypeMap:
		if t.Elem != nil && t.Elem.Kind == sops.TypeObject {
			return t.Elem, "[]"
		}
	}
	return nil, ""
}

func meaning(f sops.Field, input bool) string {
	parts := []string{f.Doc}
	if len(f.Enum) > 0 {
		parts = append(parts, "One of "+strings.Join(f.Enum, ", ")+".")
	}
	if f.Target != "" {
		parts = append(parts, "Names a "+f.Target+" target.")
	}
	if f.Default != "" {
		parts = append(parts, "Default: "+f.Default+".")
	}
	if input && !f.Optional && f.Default == "" {
		parts = append(parts, "Required.")
	}
	return strings.Join(parts, " ")
}
