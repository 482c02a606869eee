package screen_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/starter/screen"
)

func TestOutputsAreSummedUp(t *testing.T) {
	long := "docs-db: 3 backups, 3 of them verified, data of 1h would be lost (promised: at most 26h)."
	for _, tt := range []struct {
		name, raw, want string
	}{
		{name: "nothing"},
		{name: "null", raw: `null`},
		{name: "no JSON", raw: `{`},
		{name: "no object", raw: `[1,2]`, want: "[2]"},
		{name: "sorted, by size", raw: `{"b":[1],"a":1,"c":{"x":1}}`, want: "a 1, b [1], c {1}"},
		{name: "the summary first, whole", raw: `{"a":1,"summary":"` + long + `","z":2}`, want: long + " a 1, z 2"},
		{name: "only a summary", raw: `{"summary":"fine."}`, want: "fine."},
		{name: "a summary that says nothing", raw: `{"a":1,"summary":""}`, want: "a 1, summary "},
		{name: "a summary that is no text", raw: `{"summary":3}`, want: "summary 3"},
		{name: "a summary cannot reach the terminal", raw: `{"summary":"a\u001b[2Jb"}`, want: screen.Clean("a\x1b[2Jb")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, screen.Outputs(json.RawMessage(tt.raw)))
		})
	}
}
