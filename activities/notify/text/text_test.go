package text

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestALineStaysOneHarmlessLine(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"  API\r\nBcc: x@y \t down ":    "API Bcc: x@y down",
		"\x1b[2Jgone\x07":               "[2Jgone",
		"pay \u202eevil\u202c \u2066x":  "pay evil x",
		"Zoë 👩\u200d🚒 日本語":              "Zoë 👩\u200d🚒 日本語",
		"a\u2028b\u2029c\u0085d\ufeffe": "a b c de",
		"\xff\xfe broken":               "�� broken",
		"":                              "",
	} {
		require.Equal(t, want, Line(in, 100), "%q", in)
	}
	require.Equal(t, "äöü…", Line("äöüäöü", 4))
}

func TestLinesKeepTheirShape(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a\n  b\n\n c", Lines("a\r\n  b\n\n\x1bc \n\n"))
	require.Equal(t, "x y", Lines("x\ry"))
}
