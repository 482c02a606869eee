package sops

import (
	"fmt"
	"slices"
	"strings"
)

// cycle follows links from an id and gives the way back to it, or nothing.
func cycle(from string, next func(string) []string) []string {
	var path []string
	seen := map[string]bool{}
	var walk func(id string) bool
	walk = func(id string) bool {
		for _, n := range next(id) {
			if n == from {
				path = append(path, id)
				return true
			}
			if seen[n] {
				continue
			}
			seen[n] = true
			if walk(n) {
				path = append(path, id)
				return true
			}
		}
		return false
	}
	if !walk(from) {
		return nil
	}
	slices.Reverse(path)
	return append(path, from)
}

// circles reports every link that leads back to where it begins, each circle once.
func (c *orgChecker) circles(ids []string, at func(id string) Pos, next func(string) []string, what string) {
	told := map[string]bool{}
	for _, id := range ids {
		if told[id] {
			continue
		}
		if path := cycle(id, next); path != nil {
			for _, p := range path {
				told[p] = true
			}
			c.problems.Add(at(id), "%s", fmt.Sprintf(what, strings.Join(path, " → ")))
		}
	}
}
