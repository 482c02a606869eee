package sops_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orderly-ops/orderly/sops"
)

// FuzzParseOrg looks for an org that crashes the loader, that is accepted once and not again, or whose
// people can't be asked for without trouble.
func FuzzParseOrg(f *testing.F) {
	for _, pattern := range []string{"testdata/org/good/*.yaml", "testdata/org/bad/*.yaml", "library/org.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src, int64(1_800_000_000))
		}
	}
	f.Fuzz(func(t *testing.T, src []byte, seconds int64) {
		o, ps := sops.ParseOrg("org.yaml", src)
		if (o == nil) == (len(ps) == 0) {
			t.Fatalf("an org and %d problems", len(ps))
		}
		again, ps2 := sops.ParseOrg("org.yaml", src)
		if (again == nil) != (o == nil) || ps.Error() != ps2.Error() {
			t.Fatalf("not the same again:\n%v\n%v", ps, ps2)
		}
		if o == nil {
			return
		}
		const year9999 = 253402300800
		ask(t, o, time.Unix(seconds%year9999, 0))
		if o.Rules().Digest != again.Rules().Digest {
			t.Fatal("the same text has two digests")
		}
	})
}

// ask asks the org everything.
func ask(t *testing.T, o *sops.Org, when time.Time) {
	t.Helper()
	for id := range o.Rotations {
		_, from, until, ok := o.Shift(id, when)
		if !ok || from.After(when) || !until.After(when) {
			t.Fatalf("shift of %s at %s: %s to %s", id, when, from, until)
		}
	}
	for id := range o.Roles {
		d, ok := o.Duty(id, when)
		if !ok || !d.Until.IsZero() && !d.Until.After(when) {
			t.Fatalf("duty of %s at %s: %+v", id, when, d)
		}
	}
	for id, p := range o.Policies {
		for _, tier := range p.Tiers {
			contacts, _ := o.OnCall(tier.Page, nil, when)
			for _, c := range contacts {
				if _, ok := o.Behind(c.ID, tier.Page, nil); !ok {
					t.Fatalf("%s is paged by %s and may not act", c.ID, id)
				}
			}
		}
	}
	o.Classify([]sops.Finding{{Severity: "critical"}}, map[string]float64{"x": 1})
	r := o.Rules()
	if due := r.Due(when, sops.Span{NextBusinessDay: true}); !due.After(when) {
		t.Fatalf("due %s, asked at %s", due, when)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back sops.Rules
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
}

// crowd is an org of that many people.
func crowd(n int) []byte {
	var b strings.Builder
	b.WriteString("people:\n")
	for i := range n {
		fmt.Fprintf(&b, "  p%d: {name: Person %d, slack: U%05d, email: p%d@example.org, time_zone: Europe/Berlin}\n", i, i, i, i)
	}
	b.WriteString("rotations:\n")
	for i := range n / 5 {
		fmt.Fprintf(&b, "  r%d: {members: [p%d, p%d, p%d, p%d, p%d], every: 1w, hand_off: \"Mon 09:00\", time_zone: Europe/Berlin, from: 2026-01-05}\n", i, 5*i, 5*i+1, 5*i+2, 5*i+3, 5*i+4)
	}
	b.WriteString("roles:\n")
	for i := range n / 5 {
		fmt.Fprintf(&b, "  role-%d: {rotation: r%d, backup: p%d}\n", i, i, (5*i+7)%n)
	}
	b.WriteString("policies:\n")
	for i := range n / 10 {
		fmt.Fprintf(&b, "  policy-%d: {tiers: [{page: [role-%d], wait: 5m}, {page: [role-%d, service.owner], wait: 10m}]}\n", i, i, i+1)
	}
	return []byte(b.String())
}

func BenchmarkParseOrg(b *testing.B) {
	src := crowd(500)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, ps := sops.ParseOrg("org.yaml", src); len(ps) > 0 {
			b.Fatal(ps)
		}
	}
}

func BenchmarkOnCall(b *testing.B) {
	o, ps := sops.ParseOrg("org.yaml", crowd(500))
	if len(ps) > 0 {
		b.Fatal(ps)
	}
	when := time.Date(2026, 11, 21, 2, 14, 0, 0, time.UTC)
	for b.Loop() {
		if found, _ := o.OnCall([]string{"role-1", "role-50"}, nil, when); len(found) != 2 {
			b.Fatal(found)
		}
	}
}
