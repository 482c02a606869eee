package sops_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/sops"
)

// expression loads a procedure with one expression, evaluated after a step named d.
func expression(t testing.TB, source string) sops.Value {
	t.Helper()
	quoted, err := json.Marshal("${{ " + source + " }}")
	require.NoError(t, err)
	p := parse(t, "x.yaml", `sop: x
title: X
inputs: {m: {type: map}, l: {type: list}, n: {type: int}, f: {type: number}, s: {type: string}, when: {type: time}}
phases:
  - id: one
    steps:
      - {id: d, uses: http.check, with: {url: x}}
      - {id: e, uses: report.findings, with: {extra: {v: `+string(quoted)+`}}}
`)
	return p.Phases[0].Steps[1].With
}

func result(t testing.TB, source string, scope *sops.Scope) (any, error) {
	t.Helper()
	v, err := expression(t, source).Eval(scope)
	if err != nil {
		return nil, err
	}
	return v.(map[string]any)["extra"].(map[string]any)["v"], nil
}

func evalScope(outputs string) *sops.Scope {
	return &sops.Scope{
		Inputs: map[string]any{
			"m": map[string]any{"z": 1.0, "a": 2.5, "k": []any{1.0, "x"}, "b": nil},
			"l": []any{3.0, 1.0, map[string]any{"y": true}},
			"n": int64(7), "f": 2.0, "s": "text",
		},
		Step: func(string) (sops.StepView, bool) {
			return sops.StepView{Status: "succeeded", Outputs: json.RawMessage(outputs)}, outputs != ""
		},
		Now: time.Date(2026, 11, 21, 2, 14, 0, 0, time.UTC),
		Run: sops.RunView{ID: "x/1", Started: time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)},
	}
}

func TestExpressionsGive(t *testing.T) {
	t.Parallel()
	outputs := `{"ok":true,"status":200,"mean":1,"labels":{"b":"2","a":"1"}}`
	for source, want := range map[string]any{
		`1 + 2`:                              int64(3),
		`inputs.f * 1.5`:                     3.0,
		`double(inputs.n) / 2.0`:             3.5,
		`inputs.n > 6.5`:                     true,
		`now - run.started`:                  "14m",
		`now + duration("1h")`:               "2026-11-21T03:14:00Z",
		`duration_text(now - run.started)`:   "14m",
		`fixed(inputs.f / 3.0, 2)`:           "0.67",
		`percent(0.873)`:                     "87%",
		`bytes_text(1610612736)`:             "1.5 GiB",
		`bytes_text(5)`:                      "5 B",
		`inputs.m`:                           map[string]any{"z": int64(1), "a": 2.5, "k": []any{int64(1), "x"}, "b": nil},
		`inputs.m.map(k, k)`:                 []any{"a", "b", "k", "z"},
		`{"q": 1, "b": 2, "c": 3}.map(k, k)`: []any{"b", "c", "q"},
		`inputs.m.transformList(k, v, k)`:    []any{"a", "b", "k", "z"},
		`inputs.m.exists(k, v, v == 2.5)`:    true,
		`"%s".format([inputs.m])`:            `{a: 2.5, b: null, k: [1, x], z: 1}`,
		`inputs.l[2].y`:                      true,
		`has(inputs.m.nope)`:                 false,
		`has(steps.d.outputs.health)`:        false,
		`steps.d.outputs.health == ""`:       true,
		`has(steps.d.outputs.status)`:        true,
		`steps.d.outputs.mean`:               1.0,
		`steps.d.outputs.labels.map(k, k)`:   []any{"a", "b"},
		`steps.d.outputs`:                    map[string]any{"ok": true, "status": int64(200), "mean": 1.0, "labels": map[string]any{"a": "1", "b": "2"}},
		`steps.d.status`:                     "succeeded",
		`inputs.when < now`:                  true,
		`steps.d.outputs == steps.d.outputs`: true,
		`[3, 1, 2].sort()`:                   []any{int64(1), int64(2), int64(3)},
		`null`:                               nil,
		`inputs.s + "}}"`:                    "text}}",
		`{"a": {"b": 1}}`:                    map[string]any{"a": map[string]any{"b": int64(1)}},
		`b"ab"`:                              "YWI=",
	} {
		t.Run(source, func(t *testing.T) {
			t.Parallel()
			got, err := result(t, source, evalScope(outputs))
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
}

func TestExpressionsFailPlainly(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`inputs.m.nope`:               `no such key: nope`,
		`inputs.l[9]`:                 `index out of bounds: 9`,
		`1 / (inputs.n - 7)`:          `division by zero`,
		`steps.d.outputs.status`:      `step d has not run, so it has no outputs`,
		`steps.d.outputs`:             `step d has not run, so it has no outputs`,
		`0.0 / (inputs.f - 2.0)`:      `not a number JSON can hold`,
		`{1: 2}`:                      `a map's keys have to be text`,
		`duration(inputs.s)`:          `type conversion error`,
		`fixed(1.0, 99)`:              `digits have to be 0 to 12`,
		`"x".matches(inputs.s + "(")`: `missing closing )`,
	} {
		t.Run(source, func(t *testing.T) {
			t.Parallel()
			_, err := result(t, source, evalScope(""))
			require.ErrorContains(t, err, "x.yaml:8:")
			require.ErrorContains(t, err, want)
		})
	}
}

// An expression that would run for long or take much memory is stopped, whatever it is made of.
func TestExpressionsAreBounded(t *testing.T) {
	t.Parallel()
	scope := evalScope("")
	items := make([]any, 10_000)
	for i := range items {
		items[i] = strings.Repeat("x", 100)
	}
	scope.Inputs["l"] = items
	scope.Inputs["s"] = strings.Repeat("a", 100_000)
	for _, source := range []string{
		`inputs.l.map(a, inputs.l.map(b, inputs.l.size())).size()`,
		`inputs.l.all(a, inputs.l.all(b, inputs.l.all(c, a == b)))`,
		`lists.range(10000).map(a, lists.range(10000).size()).size()`,
		`inputs.s.replace("", inputs.s).size()`,
		`inputs.s.replace("a", inputs.s).size()`,
		`inputs.s.split("").map(c, inputs.s).join("").size()`,
		`inputs.l.map(a, inputs.s + inputs.s).join(",").size()`,
		`inputs.l.map(a, inputs.s.matches("(a+)+b")).size()`,
		`inputs.l.map(a, inputs.l).flatten().map(a, inputs.l).flatten().size()`,
		`sets.contains(inputs.l, inputs.l.map(x, x + "y"))`,
		`inputs.l.map(x, x + "y").distinct().size()`,
	} {
		t.Run(source, func(t *testing.T) {
			t.Parallel()
			s := *scope
			_, err := result(t, source, &s)
			require.Error(t, err)
			require.Regexp(t, "too (many|large)", err.Error())
		})
	}
}

func TestTheSameExpressionGivesTheSameAgain(t *testing.T) {
	t.Parallel()
	big := map[string]any{}
	for i := range 200 {
		big[fmt.Sprintf("k%03d", i)] = float64(i)
	}
	for _, source := range []string{
		`inputs.m.map(k, k)`, `inputs.m.filter(k, k > "k1")`, `inputs.m.transformList(k, v, v)`,
		`"%s".format([inputs.m])`, `string(inputs.m.map(k, inputs.m[k]).map(x, string(x)).join(","))`,
		`{"b": inputs.m, "a": inputs.m}.map(k, k + string(size(k)))`, `inputs.m == inputs.m`,
	} {
		v := expression(t, source)
		var first string
		for range 20 {
			scope := evalScope("")
			scope.Inputs["m"] = big
			got, err := v.Eval(scope)
			require.NoError(t, err)
			text, err := json.Marshal(got)
			require.NoError(t, err)
			if first == "" {
				first = string(text)
			}
			require.Equal(t, first, string(text), source)
		}
	}
}

func TestAThousandItemsAreNotTooMany(t *testing.T) {
	t.Parallel()
	items := make([]any, 2000)
	for i := range items {
		items[i] = map[string]any{"name": fmt.Sprintf("container-%d", i), "cpu": float64(i) / 10, "labels": []any{"a", "b"}}
	}
	scope := evalScope("")
	scope.Inputs["l"] = items
	got, err := result(t, `inputs.l.filter(c, c.cpu > 90.0 && c.labels.exists(x, x == "b")).map(c, c.name + ": " + fixed(c.cpu, 1) + "%").join(", ").size()`, scope)
	require.NoError(t, err)
	require.Positive(t, got)
}
