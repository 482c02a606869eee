package yamldoc_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// Files made to be slow or large to read are refused, or read, without growing beyond their size.
func TestParseIsBoundedForHostileFiles(t *testing.T) {
	t.Parallel()
	fill := func(s string) string { return strings.Repeat(s, yamldoc.DefaultLimits.Bytes/len(s)) }
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'z'; c++ {
		p := string(c - 1)
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+p+",", 9) + "]\n"
	}
	for name, src := range map[string]string{
		"BlockNesting":     fill("- "),
		"MappingNesting":   fill("? "),
		"IndentedNesting":  staircase(),
		"Brackets":         strings.Repeat("[", 3999),
		"Braces":           strings.Repeat("{a: ", 3999),
		"ClosedBrackets":   strings.Repeat("[", 3999) + strings.Repeat("]", 3999),
		"AliasBomb":        bomb,
		"LongKey":          fill("k") + ": 1",
		"OpenQuote":        `a: "` + fill("x"),
		"Escapes":          `a: "` + fill(`\x41`)[:200_000],
		"ManyKeysAlike":    fill("a: 1\n"),
		"OpenBlockScalar":  "a: |\n" + fill("\n"),
		"Tags":             fill("!a "),
		"Anchors":          fill("&a "),
		"Directives":       fill("%YAML 1.1\n"),
		"ManyDocuments":    fill("---\n"),
		"Colons":           fill(":"),
		"CommentsAndLists": fill("# c\n- a\n"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, ps := yamldoc.Parse("f.yaml", []byte(src), yamldoc.Limits{})
			require.Error(t, ps.Err())
		})
	}
}

// staircase nests by indentation.
func staircase() string {
	var b strings.Builder
	for i := 0; b.Len() < yamldoc.DefaultLimits.Bytes-1000; i++ {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}
