package diagram_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/diagram"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// The part of Mermaid that is written, as strict as can be: whatever Mermaid's own parsers take is wider.
const (
	safe   = `(?:[\p{L}\p{Nd}\p{M} ,/…–✓✗●○⊘☎↶]|[\p{L}\p{Nd}\p{M}][.+-]|#\d+;)+`
	quoted = `"` + safe + `(?:<br/>` + safe + `)*"`
	moment = `\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`
)

var (
	flowLine = regexp.MustCompile(`^\s*(?:` + strings.Join([]string{
		`flowchart TD`, `accTitle: ` + safe, `accDescr: ` + safe, `end`,
		`subgraph g\d+\[` + quoted + `\]`, `begin\(\[` + quoted + `\]\)`, `rest\[` + quoted + `\]`,
		`[nug]\d+\[` + quoted + `\]`, `n\d+\[/` + quoted + `/\]`, `n\d+\{\{` + quoted + `\}\}`, `n\d+\[\[` + quoted + `\]\]`, `n\d+\(\[` + quoted + `\]\)`,
		`(?:begin|[ng]\d+) --> [ng]\d+`, `n\d+ -\.- u\d+`, `(?:begin|[ng]\d+) -\.->\|"when it is rolled back"\| [ng]\d+`,
		`classDef [a-z]+ fill:#[0-9a-f]{6},stroke:#[0-9a-f]{6},color:#[0-9a-f]{6}(?:,stroke-dasharray:4 3)?`, `class [nu\d,]+ [a-z]+`,
	}, "|") + `)$`)
	ganttLine = regexp.MustCompile(`^\s*(?:` + strings.Join([]string{
		`gantt`, `title ` + safe, `accTitle: ` + safe, `accDescr: ` + safe, `dateFormat YYYY-MM-DD HH:mm:ss`, `axisFormat %[%HMSbd :]+`, `section ` + safe,
		`[✓✗●○☎…]` + safe + `? ?:(?:done|crit|active|milestone|crit, milestone), (?:t\d+|rest), ` + moment + `, (?:` + moment + `|0s)`, `… :milestone, rest, ` + moment + `, 0s`,
	}, "|") + `)$`)
	declared = regexp.MustCompile(`^\s*(?:subgraph )?(begin|rest|[nug]\d+)[\[({]`)
	edge     = regexp.MustCompile(`^\s*(\w+) (?:-->|-\.-|-\.->\|"[a-z ]+"\|) (\w+)$`)
	entity   = regexp.MustCompile(`#(\d+);`)
)

// requireFlowchart reads a flowchart, line by line.
func requireFlowchart(t *testing.T, text string) {
	t.Helper()
	ids, depth, edges := map[string]bool{}, 0, 0
	requireSize(t, text)
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		require.Regexp(t, flowLine, line)
		if m := declared.FindStringSubmatch(line); m != nil {
			require.False(t, ids[m[1]], "%s is there twice", m[1])
			ids[m[1]] = true
		}
		switch word := strings.TrimSpace(line); {
		case strings.HasPrefix(word, "subgraph "):
			depth++
		case word == "end":
			depth--
			require.GreaterOrEqual(t, depth, 0)
		}
		if m := edge.FindStringSubmatch(line); m != nil {
			require.True(t, ids[m[1]] && ids[m[2]], "%s leads from or to nothing", line)
			edges++
		}
	}
	require.Zero(t, depth)
	require.LessOrEqual(t, edges, 500)
}

// requireGantt reads a Gantt chart, line by line.
func requireGantt(t *testing.T, text string) {
	t.Helper()
	requireSize(t, text)
	for line := range strings.Lines(text) {
		require.Regexp(t, ganttLine, strings.TrimSuffix(line, "\n"))
	}
}

// requireSize wants what Mermaid draws by default, and nothing that it takes for a directive.
func requireSize(t *testing.T, text string) {
	t.Helper()
	require.Less(t, len([]rune(text)), 50_000)
	require.NotContains(t, text, "%%")
	require.True(t, strings.HasSuffix(text, "\n"))
}

// shown is what people see of a text in Mermaid.
func shown(text string) string {
	return strings.NewReplacer("\uFEFF", "", "\u2060", "", "ˋ", "`").Replace(decoded(text))
}

// decoded has characters in the place of entities.
func decoded(text string) string {
	return entity.ReplaceAllStringFunc(text, func(s string) string {
		n, _ := strconv.Atoi(strings.Trim(s, "#;"))
		return string(rune(n))
	})
}

func TestMermaid(t *testing.T) {
	t.Parallel()
	t.Run("DrawsEveryShippedProcedure", func(t *testing.T) {
		t.Parallel()
		for _, p := range shipped(t) {
			text := diagram.Flow(p).Mermaid()
			requireFlowchart(t, text)
			require.Contains(t, shown(text), p.Title)
			for s := range p.Steps() {
				require.Contains(t, shown(text), strings.Join(strings.Fields(s.Name()), " "), p.ID)
			}
		}
	})
	t.Run("KeepsTextTextInAFlow", func(t *testing.T) {
		t.Parallel()
		for _, text := range hostile {
			p := parse(t, "sop: test\ntitle: "+quote("a "+text)+"\nphases: [{id: one, title: "+quote("b "+text)+", steps: [{id: x, title: "+quote("c "+text)+", wait: 1s}, "+
				"{id: y, title: "+quote(text)+", parallel: [{id: z, title: "+quote(text)+", ask: "+quote("d "+text)+", of: ann}]}]}]\n")
			drawn := diagram.Flow(p).Mermaid()
			requireFlowchart(t, drawn)
			for _, part := range []string{"a", "b", "c"} {
				require.Contains(t, shown(drawn), strings.TrimSpace(part+" "+seen(text)))
			}
		}
	})
	t.Run("KeepsSignsApart", func(t *testing.T) {
		t.Parallel()
		// What Mermaid 10.9, 11.4 and 11.17 show of these without it: half of them, an icon, a formula, nothing.
		for text, want := range map[string]string{
			"**bold**": "*\uFEFF*\uFEFFbold*\uFEFF*", "_a_": "_\uFEFFa_", "a~b~c": "a~\uFEFFb~\uFEFFc", "`code`": "ˋcodeˋ",
			"1. list": "1.\uFEFF list", "2) list": "2)\uFEFF list", "- item": "-\uFEFF item", "# head": "\u2060# head", "> quote": "\u2060> quote",
			"[x](y)": "[x]\uFEFF(y)", "https://example.org": "https:\uFEFF//example.org", "www.example.org": "www.\uFEFFexample.org", "a@b.org": "a@\uFEFFb.org",
			"fa:fa-bomb": "fa:\uFEFFfa-bomb", "$$x$$": "$\uFEFF$\uFEFFx$\uFEFF$", `C:\new`: "C:\uFEFF\\\uFEFFnew", "ﬂ°°35¶ß": "ﬂ\uFEFF°°35¶\uFEFFß",
			"at 02:14": "at 02:\uFEFF14", "done: 2 of 3": "done: 2 of 3", "a * b": "a * b", "so.": "so.", "docs-api v1.2": "docs-api v1.2",
		} {
			p := parse(t, "sop: test\ntitle: "+quote(text)+"\nphases: [{id: one, title: One, steps: [{id: x, wait: 1s}]}]\n")
			drawn := diagram.Flow(p).Mermaid()
			requireFlowchart(t, drawn)
			require.Contains(t, decoded(drawn), `begin(["`+want+"<br/>")
		}
		p := parse(t, "sop: test\ntitle: direction TB\nphases: [{id: one, title: direction LR, steps: [{id: x, title: a direction RL, wait: 1s}]}]\n")
		drawn := diagram.Flow(p).Mermaid()
		require.NotRegexp(t, `direction\s`, drawn, "Mermaid takes the whole line for an order")
		require.Contains(t, shown(drawn), "a direction RL")
	})
	t.Run("KeepsTextTextInATimeline", func(t *testing.T) {
		t.Parallel()
		for _, text := range hostile {
			drawn := diagram.Timeline(tainted(text)).Mermaid()
			requireGantt(t, drawn)
			if short := seen(text); len([]rune(short)) < 40 {
				require.Contains(t, shown(drawn), short)
			}
		}
	})
	t.Run("DrawsATimeline", func(t *testing.T) {
		t.Parallel()
		text := diagram.Timeline(night()).Mermaid()
		requireGantt(t, text)
		require.Contains(t, text, "✗ Restart it, failed :crit, t4, 2026-11-21 02:14:04, 2026-11-21 02:14:12")
		require.Contains(t, text, "section – Ana\n  ☎ #43;0s paged as tier 1 of level-1#58; slack, email failed :milestone, t10, 2026-11-21 02:14:00, 0s\n")
		require.Contains(t, shown(text), "○ acknowledge, broken +5m, met +16m :crit")
		require.Contains(t, text, "✗ Roll back, failed :crit")
		require.NotContains(t, text, "Not needed", "what was skipped took no time")
	})
	t.Run("StaysWithinWhatMermaidTakes", func(t *testing.T) {
		t.Parallel()
		text := diagram.Timeline(month()).Mermaid()
		requireGantt(t, text)
		require.Contains(t, text, "do not fit into a Mermaid picture")
		requireFlowchart(t, diagram.Flow(wide(t)).Mermaid())
	})
}

// tainted is a record in which everything that comes from outside is this text.
func tainted(text string) *workflows.Record {
	rec := night()
	rec.Title, rec.WorkflowID, rec.Incident.Summary, rec.Incident.Owner.Name, rec.Failure.Message = text, text, text, text, text
	rec.Phases[0].Title, rec.Phases[0].Steps[0].Title, rec.Phases[0].Steps[2].Error = text, text, text
	rec.Pages[0].People[0].Name, rec.Pages[0].Policy, rec.Pages[1].People[0].Outcomes[0].Error = text, text, text
	rec.Timeline[1].By, rec.Timeline[1].Text, rec.Timeline[2].By, rec.Timeline[2].Text = text, text, text, text
	rec.Clocks[0].Title, rec.Clocks[0].ID = text, "step:"+text
	return rec
}

// wide is a procedure as large as one may be, with every step beside many others.
func wide(t *testing.T) *sops.Procedure {
	t.Helper()
	var b strings.Builder
	b.WriteString("sop: test\ntitle: Wide\nphases:\n")
	for i := range 3 {
		fmt.Fprintf(&b, "  - id: p%d\n    steps:\n", i)
		for j := range 4 {
			fmt.Fprintf(&b, "      - id: s%d-%d\n        parallel:\n", i, j)
			for k := range 40 {
				fmt.Fprintf(&b, "          - {id: w%d-%d-%d, title: %q, wait: 1s}\n", i, j, k, strings.Repeat("Wait for it ", 4))
			}
		}
	}
	return parse(t, b.String())
}

// seen is text as a picture shows it: one line, without what can't be seen.
func seen(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r < 32 || r == 127:
			return ' '
		case r == '\u202E' || r == '\u202C':
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Join(strings.Fields(s), " ")
}

// quote writes text as YAML. Of what YAML itself does not take, nothing gets this far.
func quote(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == 0 || r == 0x1b {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(strings.ReplaceAll(s, "${{", ""), "\uFFFD"))
	return strconv.Quote(s)
}

func TestPicturesAreTheSameEveryTime(t *testing.T) {
	t.Parallel()
	for range 20 {
		require.Equal(t, diagram.Timeline(month()).Mermaid(), diagram.Timeline(month()).Mermaid())
		require.Equal(t, diagram.Timeline(night()).SVG(), diagram.Timeline(night()).SVG())
	}
}

func TestThePictureOfAMonthStaysSmall(t *testing.T) {
	t.Parallel()
	require.Less(t, len(diagram.Timeline(month()).SVG()), 1<<20)
}
