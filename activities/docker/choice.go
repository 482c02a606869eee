package docker

import (
	"path"
	"slices"
	"strings"

	"github.com/orderly-ops/orderly/activities/action"
)

// Filter is which containers are looked at. All that is given must hold.
type Filter struct {
	Names  []string `json:"names,omitempty" doc:"Names, as glob patterns (\"docs-*\"); one must match." default:"any"`
	Labels []string `json:"labels,omitempty" doc:"Labels it must all have: \"key\" or \"key=value\"."`
}

// check says whether the patterns can be used.
func (f Filter) check(doing string) error {
	for _, pattern := range f.Names {
		if _, err := path.Match(pattern, ""); err != nil {
			return action.Permanent(action.ErrInput, "%s: names: %q is not a glob pattern", doing, pattern)
		}
	}
	return nil
}

// choose keeps the containers that the filter wants, by name.
func (f Filter) choose(all []summary) []summary {
	wanted := slices.DeleteFunc(slices.Clone(all), func(c summary) bool { return !f.wants(c) })
	slices.SortFunc(wanted, func(a, b summary) int { return strings.Compare(a.name, b.name) })
	return wanted
}

func (f Filter) wants(c summary) bool {
	named := len(f.Names) == 0 || slices.ContainsFunc(f.Names, func(pattern string) bool {
		ok, _ := path.Match(pattern, c.name) // check has seen the pattern
		return ok
	})
	return named && !slices.ContainsFunc(f.Labels, func(label string) bool { return !has(c.labels, label) })
}

func has(labels map[string]string, wanted string) bool {
	key, value, exact := strings.Cut(wanted, "=")
	found, ok := labels[key]
	return ok && (!exact || found == value)
}
