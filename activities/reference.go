package activities

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/sops"
)

// WriteReference writes the Markdown reference of a catalogue: every action with its manners, inputs and
// outputs, all of it taken from the Go types.
func WriteReference(w io.Writer, cat *sops.Catalogue) error {
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, "# Actions")
	fmt.Fprintln(out, "\nWhat a step can do with `uses`. Written by `orderly actions --markdown` from the Go types in `activities/`.")
	fmt.Fprintln(out)
	for _, name := range cat.Names() {
		a, _ := cat.Action(name)
		fmt.Fprintf(out, "- [`%s`](#%s): %s\n", name, strings.ReplaceAll(name, ".", ""), firstSentence(a.Doc))
	}
	for _, name := range cat.Names() {
		a, _ := cat.Action(name)
		writeAction(out, a)
	}
	return out.Flush()
}

func writeAction(w io.Writer, a sops.Action) {
	fmt.Fprintf(w, "\n## %s\n\n%s\n\n%s\n", a.Name, a.Doc, manners(a))
	fmt.Fprint(w, "\n### Input\n\n")
	writeFields(w, a.Input, "with", true)
	fmt.Fprint(w, "\n### Output\n\n")
	writeFields(w, a.Output, "outputs", false)
}

// manners is one line on how an action behaves when a step says nothing else.
func manners(a sops.Action) string {
	parts := []string{"one attempt may take " + short(a.Timeout)}
	if a.Retry.Attempts == 1 {
		parts = append(parts, "made once")
	} else {
		parts = append(parts, fmt.Sprintf("made up to %d times, from %s apart", a.Retry.Attempts, short(time.Duration(a.Retry.Initial))))
	}
	if a.Heartbeat > 0 {
		parts = append(parts, "counts as lost after "+short(a.Heartbeat)+" of silence")
	}
	if a.Destructive {
		parts = append(parts, "**destructive**: `dry_run` shows what it would do, and a drill sets it")
	}
	line := strings.Join(parts, "; ")
	return strings.ToUpper(line[:1]) + line[1:] + "."
}

// writeFields writes the table of an object's fields, those of nested objects by their path.
func writeFields(w io.Writer, t *sops.Type, where string, input bool) {
	if len(t.Fields) == 0 {
		fmt.Fprintf(w, "`%s` has no fields.\n", where)
		return
	}
	fmt.Fprint(w, "| Field | Type | Meaning |\n| --- | --- | --- |\n")
	writeRows(w, t, "", input)
}

func writeRows(w io.Writer, t *sops.Type, prefix string, input bool) {
	for _, f := range t.Fields {
		name := prefix + f.Name
		fmt.Fprintf(w, "| `%s` | %s | %s |\n", name, cell(typeName(f.Type)), cell(meaning(f, input)))
		if inner, path := members(f.Type, name); inner != nil {
			writeRows(w, inner, path+".", input)
		}
	}
}

// members finds the object inside a field's type, and the path to its fields.
func members(t *sops.Type, path string) (*sops.Type, string) {
	for t != nil {
		switch t.Kind {
		case sops.TypeObject:
			return t, path
		case sops.TypeList:
			t, path = t.Elem, path+"[]"
		case sops.TypeMap:
			t, path = t.Elem, path+".*"
		default:
			return nil, ""
		}
	}
	return nil, ""
}

// typeName is a type as operators say it.
func typeName(t *sops.Type) string {
	switch t.Kind {
	case sops.TypeList:
		return "list of " + typeName(t.Elem)
	case sops.TypeMap:
		return "map of " + typeName(t.Elem)
	default:
		return string(t.Kind)
	}
}

// meaning is what a field is for, with everything its tags say.
func meaning(f sops.Field, input bool) string {
	parts := []string{f.Doc}
	if len(f.Enum) > 0 {
		parts = append(parts, "One of `"+strings.Join(f.Enum, "`, `")+"`.")
	}
	if f.Target != "" {
		parts = append(parts, "Names a target under `targets."+f.Target+"`.")
	}
	switch {
	case input && f.Default != "":
		parts = append(parts, "Default: "+f.Default+".")
	case input && !f.Optional:
		parts = append(parts, "**Required.**")
	}
	return strings.Join(parts, " ")
}

// cell makes text fit for one cell of a Markdown table.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(s)
}

func firstSentence(doc string) string {
	if i := strings.Index(doc, ". "); i >= 0 {
		return doc[:i+1]
	}
	return doc
}

// short writes a duration without its zero parts: 1m, not 1m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}
