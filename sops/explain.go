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
	undeclared = regexp.MustCompile(`^undeclared reference to '([^']*)' \(in container '[^']*'\)`)
	noField    = regexp.MustCompile(`^undefined field '([^']*)'`)
	objectName = regexp.MustCompile(`object ([A-Za-z0-9_.\- ]+)`)
)

// explain says what CEL's checker found in words that help.
func (c *compiler) explain(message string, at place) string {
	if m := undeclared.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%q is not known here%s", m[1], hint(m[1], c.known(at)))
	}
	if m := noField.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("no field %q%s", m[1], hint(m[1], c.fieldNames()))
	}
	message = strings.TrimPrefix(message, "Syntax error: ")
	message = strings.ReplaceAll(message, "double", "number")
	message = strings.TrimSuffix(message, " (in container '')")
	if strings.Contains(message, "no matching overload") && strings.Contains(message, "int") && strings.Contains(message, "number") {
		message += "; make both numbers with double(…) or both whole with int(…)"
	}
	return objectName.ReplaceAllString(message, "$1")
}

// known lists the names that can stand alone at a place.
func (c *compiler) known(at place) []string {
	known := []string{"inputs", "now"}
	if !at.bare {
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
		if idPattern.MatchString(name) || strings.Contains(name, ".") {
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

// describeType names a type for a person.
func describeType(t *Type) string {
	switch t.Kind {
	case TypeString:
		return "text"
	case TypeInt:
		return "whole number"
	case TypeList:
		return "list of " + describeType(t.Elem)
	case TypeMap:
		return "map of " + describeType(t.Elem)
	case TypeObject:
		return t.Name
	case TypeAny:
		return "value of any type"
	}
	return string(t.Kind)
}
