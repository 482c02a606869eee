package sops

import (
	"bufio"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strings"
	"time"
)

// WriteReference writes the Markdown reference of the procedure language: every key of every part, and the
// functions that expressions can call. All of it is taken from the document types.
func WriteReference(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, "# Keys of a procedure")
	fmt.Fprintln(out, "\nWritten by `orderly schema --markdown` from the Go types in `sops/`. How they work together is told in "+
		"[procedures.md](../procedures.md). A *text* may hold `${{ }}`, an *expression* is bare CEL, and a *duration* is written "+
		"as `90s`, `1h30m`, `2d` or `1w`.")
	seen := map[reflect.Type]bool{}
	writePart(out, reflect.TypeFor[Procedure](), seen)
	fmt.Fprint(out, "\n## Functions\n\nBesides the operators of CEL, expressions can call these.\n\n| Function | For instance | What it gives |\n| --- | --- | --- |\n")
	for _, f := range Functions() {
		fmt.Fprintf(out, "| `%s` | `%s` | %s |\n", f.Name, strings.ReplaceAll(f.Use, "|", `\|`), strings.ReplaceAll(f.Doc, "|", `\|`))
	}
	return out.Flush()
}

// WriteOrgReference writes the Markdown reference of org.yaml: every key of every part, from the Go types.
func WriteOrgReference(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, "# Keys of org.yaml")
	fmt.Fprintln(out, "\nWritten by `orderly schema org --markdown` from the Go types in `sops/`. The file says who there is and who is paged "+
		"when; `orderly validate` checks it, `orderly oncall` shows who is on call, and one to begin with is in `sops/library`. "+
		"A *duration* is written as `90s`, `1h30m`, `2d` or `1w`, an *expression* is bare CEL. People, roles, teams, channels and groups "+
		"of stakeholders share one set of ids.")
	writePart(out, reflect.TypeFor[Org](), map[reflect.Type]bool{})
	return out.Flush()
}

// writePart writes the table of one document type, then those of the types in it.
func writePart(w io.Writer, t reflect.Type, seen map[reflect.Type]bool) {
	if seen[t] {
		return
	}
	seen[t] = true
	fmt.Fprintf(w, "\n## %s\n\n| Key | Type | Meaning |\n| --- | --- | --- |\n", partName(t))
	var parts []reflect.Type
	for i := range t.NumField() {
		f := t.Field(i)
		key := f.Tag.Get("yaml")
		if !f.IsExported() || key == "" || key == "-" {
			continue
		}
		name, part := keyType(f.Type)
		fmt.Fprintf(w, "| `%s` | %s | %s |\n", key, name, keyMeaning(f))
		if part != nil {
			parts = append(parts, part)
		}
	}
	for _, part := range parts {
		writePart(w, part, seen)
	}
}

// quoted is a word in quotes in a doc tag, where a backtick can't stand; an apostrophe is none.
var quoted = regexp.MustCompile(`(^|[ (])'([^']+)'`)

func keyMeaning(f reflect.StructField) string {
	text := quoted.ReplaceAllString(f.Tag.Get("doc"), "$1`$2`")
	if enum := f.Tag.Get("enum"); enum != "" {
		text += " One of `" + strings.ReplaceAll(enum, ",", "`, `") + "`."
	}
	if f.Tag.Get("required") == "true" {
		text += " **Required.**"
	}
	return text
}

// keyType is a type in words, and the document type that it leads to, if any.
func keyType(t reflect.Type) (string, reflect.Type) {
	switch t {
	case reflect.TypeFor[Duration]():
		return "duration", nil
	case reflect.TypeFor[Span]():
		return "duration or `next-business-day`", nil
	case reflect.TypeFor[time.Time]():
		return "time", nil
	case reflect.TypeFor[Date]():
		return "date", nil
	case reflect.TypeFor[Expr]():
		return "expression", nil
	case reflect.TypeFor[Template]():
		return "text", nil
	case reflect.TypeFor[Value]():
		return "value", nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		return keyType(t.Elem())
	case reflect.Slice:
		name, part := keyType(t.Elem())
		return "list of " + name, part
	case reflect.Map:
		name, part := keyType(t.Elem())
		return "map of " + name, part
	case reflect.Struct:
		return "[" + partName(t) + "](#" + partName(t) + ")", t
	case reflect.Interface:
		return "any value", nil
	case reflect.Int:
		return "whole number", nil
	case reflect.Float64:
		return "number", nil
	case reflect.Bool:
		return "true or false", nil
	}
	return "word", nil
}

// partName is how a document type is called on the page: "form field" for FormField.
func partName(t reflect.Type) string {
	var b strings.Builder
	for i, r := range t.Name() {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('-')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}
