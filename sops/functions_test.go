package sops_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/sops"
)

// What Functions documents, called once each.
func TestDocumentedFunctionsCanBeCalled(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]any{
		`[2, 1].sortBy(x, x)[0]`: int64(1), `[1, 2].slice(0, 1).size()`: int64(1), `[1, 1].distinct().size()`: int64(1),
		`[[1], [2]].flatten().size()`: int64(2), `[1, 2].reverse()[0]`: int64(2), `math.round(1.4)`: 1.0, `math.ceil(1.4)`: 2.0,
		`math.floor(1.4)`: 1.0, `math.abs(-1)`: int64(1), `math.least(1, 2)`: int64(1), `math.greatest(1, 2)`: int64(2),
		`sets.contains([1, 2], [1])`: true, `sets.intersects([1], [2])`: false, `sets.equivalent([1], [1])`: true,
		`"a".upperAscii()`: "A", `"A".lowerAscii()`: "a", `" a ".trim()`: "a", `"abc".substring(1)`: "bc", `"aa".replace("a", "b")`: "bb",
		`"a b".split(" ").join("-")`: "a-b", `"abc".startsWith("a")`: true, `"abc".endsWith("c")`: true, `"abc".matches("^a.c$")`: true,
		`string(1)`: "1", `int("7")`: int64(7), `double("1.5")`: 1.5, `bool("true")`: true, `[1].exists(i, x, i == 0 && x == 1)`: true,
	} {
		got, err := result(t, source, evalScope(""))
		require.NoError(t, err, source)
		require.Equal(t, want, got, source)
	}
	for _, f := range sops.Functions() {
		require.NotEmpty(t, f.Use, f.Name)
		require.NotEmpty(t, f.Doc, f.Name)
	}
}
