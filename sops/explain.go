package sops

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

var (
	undeclared = regexp.MustCompile(`^undeclared reference to '([^']*)'`)
	noField    = regexp.MustCompile(`^undefined field '([^']*)'`)
	noOverload = regexp.MustCompile(`^found no matching overload for '([^']*)' applied to '(.*)'`)
	tooMuch    = regexp.MustCompile(`^extraneous input '([^']*)'`)
	objectName = regexp.MustCompile(`object ([A-Za-z0-9_.\- ]+)`)
	plainName  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.]*$`)
	celWords   = strings.NewReplacer("string", "text", "double", "number", "timestamp", "time", "google.protobuf.", "", "dyn", "any")
	operators  = strings.NewReplacer("_", "", "@", "")
)

// explain says what CEL's checker found in words that help.
func (c *compiler) explain(message string, at place) string {
	message = strings.TrimPrefix(message, "Syntax error: ")
	if m := undeclared.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%q is not known here%s", m[1], hint(m[1], c.known(at)))
	}
	if m := noField.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("no field %q%s", m[1], hint(m[1], c.fieldNames()))
	}
	if m := noOverload.FindStringSubmatch(message); m != nil {
		types := objectName.ReplaceAllString(celWords.Replace(m[2]), "$1")
		return fmt.Sprintf("%s does not take %s%s", operatorName(m[1]), types, numbersHint(m[2]))
	}
	if m := tooMuch.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%q is too much here", m[1])
	}
	switch {
	case strings.HasPrefix(message, "mismatched input '<EOF>'"):
		return "the expression ends too early"
	case strings.HasPrefix(message, "token recognition error at: ''"), strings.HasPrefix(message, `token recognition error at: '"`):
		return "the text that begins here has no end"
	}
	message, _, _ = strings.Cut(message, " expecting {")
	return objectName.ReplaceAllString(strings.TrimSuffix(message, " (in container '')"), "$1")
}

// operatorName is what a function of CEL is called in an expression: `_==_` is ==.
func operatorName(name string) string {
	switch name {
	case "_[_]":
		return "[ ]"
	case "_?_:_":
		return "? :"
	}
	if plainName.MatchString(name) {
		return name
	}
	return operators.Replace(name)
}

// numbersHint helps with the one thing that surprises in CEL: it never mixes whole numbers with others.
func numbersHint(arguments string) string {
	if strings.Contains(arguments, "int") && strings.Contains(arguments, "double") {
		return "; make both numbers with double(…) or both whole with int(…)"
	}
	return ""
}

// known lists the names that can stand alone at a place.
func (c *compiler) known(at place) []string {
	var known []string
	if !at.closed {
		known = append(known, "inputs", "now")
	}
	if !at.bare && !at.closed {
		known = append(known, "steps", "run")
	}
	for _, v := range at.vars {
		known = append(known, v.name)
	}
	if at.outputs != nil {
		known = append(known, "outputs")
	}
	if at.failure {
		known = append(known, "failure")
	}
	for name := range language().Functions() {
		if plainName.MatchString(name) {
			known = append(known, name)
		}
	}
	return known
}

// fieldNames lists the members of every object the procedure can see.
func (c *compiler) fieldNames() []string {
	names := map[string]bool{}
	for _, t := range c.typing.objects {
		for _, f := range t.Fields {
			names[f.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// hint is the "did you mean" at the end of a message, or nothing.
func hint(word string, candidates []string) string {
	if s := yamldoc.Suggest(word, candidates); s != "" {
		return fmt.Sprintf("; did you mean %q?", s)
	}
	return ""
}

// noun names a type for a person.
func noun(t *Type) string {
	switch t.Kind {
	case TypeString:
		return "text"
	case TypeInt:
		return "whole number"
	case TypeList:
		return "list of " + noun(t.Elem)
	case TypeMap:
		return "map of " + noun(t.Elem)
	case TypeObject:
		return t.Name
	case TypeAny:
		return "value of any type"
	}
	return string(t.Kind)
}

// describeType is a noun with its article.
func describeType(t *Type) string {
	switch {
	case t.Kind == TypeString:
		return noun(t)
	case t.Kind == TypeObject && strings.HasPrefix(t.Name, "outputs of"):
		return "the " + noun(t)
	}
	return "a " + noun(t)
}
