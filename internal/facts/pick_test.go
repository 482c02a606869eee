package facts

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPickLeavesWhatIsNamed(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		`{}`: `{}`, ` { } `: `{}`, `{"a":1}`: `{"a":1}`, `{"x":1}`: `{}`, `{"x":{"a":2},"a" : [ 1 , {"}":"]"} ] , "y":"a"}`: `{"a":[ 1 , {"}":"]"} ]}`,
		"{\"x\":\"\\\\\",\n\t\"a\":\"q\\\"\\\\\\\"}\" , \"b\":null}": `{"a":"q\"\\\"}","b":null}`,
		`{"a":-1.5e3,"x":true,"b":false}`:                            `{"a":-1.5e3,"b":false}`,
		`{"x":"","a":"","y":[],"b":{}}`:                              `{"a":"","b":{}}`,
	} {
		got, err := pick([]byte(data), "a", "b")
		require.NoError(t, err, data)
		require.Equal(t, want, string(got), data)
	}
	for _, data := range []string{
		``, ` `, `{`, `{"a"`, `{"a":1}}`, `{"a":"`, "nul", `{"a":1,}`, `{,"a":1}`, `{"a":[1,]}`, `{"a":[,1]}`, `{"a":[1 2]}`, `{"a" 1}`, `{"a":}`, `{a:1}`,
		`{"x":01}`, `{"x":1.}`, `{"x":.5}`, `{"x":1e}`, `{"x":-}`, `{"x":+1}`, `{"x":nulL}`, `{"x":truefalse}`, "{\"x\":\"\n\"}", `{"x":"\q"}`, `{"x":"\u12g4"}`,
		`{"x":"\`, `{"x":"\u12`, "{\"x\":\"\x00\"}", `{"a":1}x`, `{"a":1]`, `{"x":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`,
	} {
		require.False(t, json.Valid([]byte(data)), data)
		_, err := pick([]byte(data), "a")
		require.ErrorIs(t, err, errNoJSON, data)
	}
	for _, data := range []string{
		`{"x":"\u12aF\/\b\""}`, `{"x":-0.1E+7}`, `{"x":0e-1}`, "{\"x\":\"\xff\x7f\"}", "\t{\r\n\"x\" :[ ] , \"\":{ } }\n", `{"x":` + strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000) + `}`,
	} {
		require.True(t, json.Valid([]byte(data)), data)
		got, err := pick([]byte(data), "a")
		require.NoError(t, err, data)
		require.Equal(t, `{}`, string(got))
	}
	for _, data := range []string{`[]`, `7`, `"{"`, `null`} {
		_, err := pick([]byte(data), "a")
		require.ErrorContains(t, err, "not a JSON object", data)
	}
}

// FuzzPick compares what is left with what the whole holds.
func FuzzPick(f *testing.F) {
	f.Add([]byte(`{"a": {"b": "\\\""}, "x": [1, "]"], "b": 1e9}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := pick(data, "a", "b")
		var whole map[string]json.RawMessage
		if json.Unmarshal(data, &whole) != nil || whole == nil {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		var part map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(got, &part))
		for _, name := range []string{"a", "b"} {
			require.Equal(t, string(whole[name]), string(part[name]))
		}
		for name := range part {
			require.Contains(t, []string{"a", "b"}, name)
		}
	})
}
