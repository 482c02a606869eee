package sops_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/sops"
)

type embedded struct {
	Shared string `json:"shared" doc:"Of all." target:"postgres"`
}

type everything struct {
	embedded
	Text    string           `json:"text" enum:"a,b" default:"a"`
	Maybe   *int             `json:"maybe"`
	Late    time.Time        `json:"late,omitzero"`
	Long    sops.Duration    `json:"long,omitempty"`
	Raw     json.RawMessage  `json:"raw,omitempty"`
	Map     map[string]probe `json:"map,omitempty"`
	List    [][]float64      `json:"list,omitempty"`
	Any     any              `json:"any,omitempty"`
	Named   sops.Date        `json:"named,omitzero"`
	Bytes   []byte           `json:"bytes,omitempty"`
	Hidden  string           `json:"-"`
	Plain   bool
	private string
}

func TestTypeOfReadsStructs(t *testing.T) {
	t.Parallel()
	_ = everything{}.private
	o := sops.TypeOf[everything]()
	require.Equal(t, sops.TypeObject, o.Kind)
	require.Equal(t, "sops_test.everything", o.Name)
	kinds := map[string]sops.TypeKind{}
	for _, f := range o.Fields {
		kinds[f.Name] = f.Type.Kind
	}
	require.Equal(t, map[string]sops.TypeKind{
		"shared": sops.TypeString, "text": sops.TypeString, "maybe": sops.TypeInt, "late": sops.TypeTime, "long": sops.TypeDuration,
		"raw": sops.TypeAny, "map": sops.TypeMap, "list": sops.TypeList, "any": sops.TypeAny, "named": sops.TypeString,
		"bytes": sops.TypeString, "Plain": sops.TypeBool,
	}, kinds)
	shared, _ := o.Field("shared")
	require.Equal(t, "postgres", shared.Target)
	require.False(t, shared.Optional)
	maybe, _ := o.Field("maybe")
	require.True(t, maybe.Optional)
	text, _ := o.Field("text")
	require.Equal(t, []string{"a", "b"}, text.Enum)
}

type loop struct {
	Next *loop `json:"next"`
}

func TestTypeOfRefusesWhatProceduresCannotHold(t *testing.T) {
	t.Parallel()
	require.Panics(t, func() { sops.TypeOf[chan int]() })
	require.Panics(t, func() { sops.TypeOf[map[int]string]() })
	require.Panics(t, func() { sops.TypeOf[time.Duration]() })
	require.Panics(t, func() { sops.TypeOf[loop]() })
}

func TestTypeCheckNamesEveryProblem(t *testing.T) {
	t.Parallel()
	o := sops.TypeOf[everything]()
	good := map[string]any{"shared": "x", "text": "a", "maybe": nil, "Plain": true, "late": "2026-11-21T02:14:00Z",
		"map": map[string]any{"p": map[string]any{"ok": true, "status": 200.0, "mean": 1}}}
	require.NoError(t, o.Check(good))
	err := o.Check(map[string]any{"shared": 5, "text": "c", "maybe": 1.5, "late": "now", "lnog": "1h", "list": []any{[]any{"x"}}, "map": map[string]any{"p": 1}})
	require.EqualError(t, err, `late: "now" is not a time; write it like 2026-11-21T02:14:00Z
list[0][0]: want a number, found the text "x"
unknown key "lnog"; did you mean "long"?
map.p: want a mapping, found the number 1
maybe: want a whole number, found the number 1.5
shared: want text, found the number 5
text: "c" is not one of a, b
the key "Plain" is missing`)
}

func TestDurationsAndDatesSurviveJSON(t *testing.T) {
	t.Parallel()
	var v struct {
		D sops.Duration `json:"d"`
		T sops.Date     `json:"t"`
	}
	require.NoError(t, json.Unmarshal([]byte(`{"d":"1d12h","t":"2026-11-21"}`), &v))
	require.Equal(t, 36*time.Hour, v.D.D())
	out, err := json.Marshal(v)
	require.NoError(t, err)
	require.JSONEq(t, `{"d":"36h","t":"2026-11-21"}`, string(out))
	require.Error(t, json.Unmarshal([]byte(`{"d":"soon"}`), &v))
	require.Error(t, json.Unmarshal([]byte(`{"t":"soon"}`), &v))
}
