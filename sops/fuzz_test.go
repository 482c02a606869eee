package sops_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/orderly-ops/orderly/sops"
)

// FuzzParse looks for a file that crashes the loader, or that it accepts once and not again.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/good/*.yaml", "testdata/bad/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src)
		}
	}
	env := sops.Env{Catalogue: catalogue()}
	f.Fuzz(func(t *testing.T, src []byte) {
		p, ps := sops.Parse("x.yaml", src, env)
		if (p == nil) == (len(ps) == 0) {
			t.Fatalf("a procedure and %d problems", len(ps))
		}
		again, ps2 := sops.Parse("x.yaml", src, env)
		if (again == nil) != (p == nil) || ps.Error() != ps2.Error() {
			t.Fatalf("not the same again:\n%v\n%v", ps, ps2)
		}
		if p != nil {
			if _, err := json.Marshal(p); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzExpression looks for an expression that crashes, does not end, or gives another value when it is
// evaluated again.
func FuzzExpression(f *testing.F) {
	for _, source := range []string{
		`inputs.m.map(k, k)`, `steps.d.outputs.labels.exists(k, v, v == "1")`, `now + duration("1h")`, `"%s %d".format(["a", 1])`,
		`[1, 2].map(x, x * 2).filter(x, x > 2)`, `{"a": 1}["a"]`, `inputs.l[0]`, `has(inputs.m.x) ? 1 : 2`, `math.greatest(1, 2)`,
		`"a,b".split(",").join("-")`, `inputs.m == {"a": 1}`, `inputs.s.matches("a+")`, `lists.range(5).reverse()`, `'}}'`, `b"x"`, `1u + 2u`,
		`steps.d-x`, `inputs.n--1`, `"\u00e9".size()`, `timestamp("2026-01-01T00:00:00Z").getHours()`, `dyn([1, "a"]).exists(x, x == "a")`,
	} {
		f.Add(source)
	}
	env := sops.Env{Catalogue: catalogue()}
	f.Fuzz(func(t *testing.T, source string) {
		quoted, err := json.Marshal("${{ " + source + " }}")
		if err != nil {
			return // not text, so no file can hold it
		}
		p, _ := sops.Parse("x.yaml", []byte(`sop: x
title: X
inputs: {m: {type: map}, l: {type: list}, n: {type: int}, f: {type: number}, s: {type: string}}
phases:
  - id: one
    steps:
      - {id: d, uses: http.check, with: {url: x}}
      - {id: e, uses: report.findings, with: {extra: {v: `+string(quoted)+`}}}
`), env)
		if p == nil {
			return
		}
		var first string
		for i := range 2 {
			v, err := p.Phases[0].Steps[1].With.Eval(evalScope(`{"ok":true,"status":200,"mean":1,"labels":{"b":"2","a":"1"}}`))
			text, failed := json.Marshal(v)
			if failed != nil {
				t.Fatal(failed)
			}
			got := string(text)
			if err != nil {
				got = err.Error()
			}
			if i == 0 {
				first = got
			}
			if got != first {
				t.Fatalf("first %s, then %s", first, got)
			}
		}
	})
}
