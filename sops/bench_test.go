package sops_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/sops"
)

// typical is a procedure of fifteen steps with an expression in most of them.
func typical(id string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "sop: %s\ntitle: A typical procedure\nowners: [devops-lead]\ninputs:\n  url: {type: string, default: x}\n  limit: {type: int, default: 5}\nkey: ${{ inputs.url }}\nphases:\n", id)
	for ph := range 3 {
		fmt.Fprintf(&b, "  - id: phase-%d\n    steps:\n", ph)
		for i := range 5 {
			fmt.Fprintf(&b, `      - id: check-%d-%d
        if: inputs.limit > %d
        uses: http.check
        with: {url: "${{ inputs.url }}/%d", samples: "${{ inputs.limit }}"}
        timeout: 30s
        expect: outputs.ok && outputs.mean < 1.5
`, ph, i, i, i)
		}
	}
	b.WriteString(`finally:
  - id: report
    uses: report.findings
    with: {text: "${{ steps.check-0-0.outputs.health }} ${{ steps.check-2-4.status }}", findings: [{severity: warning, check: api, text: "${{ steps.check-1-1.error }}"}]}
`)
	return b.String()
}

func BenchmarkParse(b *testing.B) {
	src, env := []byte(typical("typical")), sops.Env{Catalogue: catalogue()}
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, ps := sops.Parse("typical.yaml", src, env); len(ps) > 0 {
			b.Fatal(ps)
		}
	}
}

// BenchmarkLoadLibrary loads a thousand procedures of sixteen steps.
func BenchmarkLoadLibrary(b *testing.B) {
	files := fstest.MapFS{}
	for i := range 1000 {
		id := fmt.Sprintf("procedure-%d", i)
		files[id+".yaml"] = &fstest.MapFile{Data: []byte(typical(id))}
	}
	env := sops.Env{Catalogue: catalogue()}
	b.ReportAllocs()
	for b.Loop() {
		lib, ps := sops.LoadLibrary([]sops.Source{{Name: "bench", FS: files}}, env)
		require.NoError(b, ps.Err())
		require.Len(b, lib.IDs(), 1000)
	}
}

func BenchmarkEval(b *testing.B) {
	outputs := `{"ok":true,"status":200,"mean":1,"labels":{"b":"2","a":"1"}}`
	for name, source := range map[string]string{
		"input":  `inputs.n > 5 && inputs.s != ""`,
		"step":   `steps.d.outputs.ok && steps.d.outputs.mean < 1.5`,
		"filter": `inputs.l.filter(x, x != 3).size()`,
	} {
		b.Run(name, func(b *testing.B) {
			v := expression(b, source)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Eval(evalScope(outputs)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
