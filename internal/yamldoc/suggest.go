package yamldoc

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// Suggest finds the candidate that somebody who wrote word most likely meant, or "". The answer does not
// depend on the order of the candidates.
func Suggest(word string, candidates []string) string {
	const longest = 100 // the distance costs length × length
	if word == "" || len(word) > longest {
		return ""
	}
	best, bestDistance := "", 1<<30
	for _, c := range candidates {
		if len(c) > longest || c == word {
			continue
		}
		d, near := distance(word, c)
		if near && (d < bestDistance || d == bestDistance && c < best) {
			best, bestDistance = c, d
		}
	}
	return best
}

// distance says how far two words are apart, and whether one may be a slip for the other.
func distance(word, candidate string) (int, bool) {
	a, b := plain(word), plain(candidate)
	d := levenshtein.Distance(a, b, nil)
	switch {
	case d <= max(1, min(len(a), len(b))/3) && min(len(a), len(b)) > 1:
		return d, true
	case d == 2 && sameLetters(a, b): // two letters swapped
		return d, true
	case len(a) >= 3 && (strings.HasPrefix(b, a) || strings.HasSuffix(b, a)):
		return d, true
	case len(b) >= 3 && strings.HasPrefix(a, b):
		return d, true
	}
	return d, false
}

// plain takes case and the choice between - and _ out of a word.
func plain(s string) string {
	return strings.ReplaceAll(strings.ToLower(s), "_", "-")
}

func sameLetters(a, b string) bool {
	x, y := []byte(a), []byte(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

// Hint is the end of a message about an unknown word: `; did you mean "steps"?`, or else the candidates
// when they are few, or else nothing.
func Hint(word string, candidates []string) string {
	if s := Suggest(word, candidates); s != "" {
		return fmt.Sprintf("; did you mean %q?", s)
	}
	const few = 12
	if len(candidates) == 0 || len(candidates) > few {
		return ""
	}
	sorted := slices.Clone(candidates)
	slices.Sort(sorted)
	return "; known: " + strings.Join(sorted, ", ")
}
