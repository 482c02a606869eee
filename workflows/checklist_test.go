package workflows

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/sops"
)

// noon and after are moments of a record.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func after(d time.Duration) *time.Time {
	t := noon.Add(d)
	return &t
}

func done(title string, took time.Duration) *Step {
	return &Step{Title: title, State: Succeeded, Started: after(0), Ended: after(took)}
}

func TestChecklistReadsLikeTheProcedure(t *testing.T) {
	t.Parallel()
	rec := &Record{
		Title: "Daily health check", State: Running,
		Phases: []*Phase{
			{Title: "Look", State: Succeeded, Started: after(0), Ended: after(2 * time.Second), Steps: []*Step{
				{Title: "Side by side", State: Succeeded, Started: after(0), Ended: after(time.Second), Steps: []*Step{done("This machine", 20*time.Millisecond)}},
				{Title: "Databases", State: Succeeded, Started: after(0), Ended: after(time.Second), Items: []*Item{
					{Item: "docs-db", State: Succeeded, Steps: []*Step{done("It answers", time.Second), done("What it does", time.Second)}},
				}},
				{Title: "Caches", State: Succeeded, Reason: "nothing to do: the list is empty"},
				{Title: "Services", State: Succeeded, Started: after(0), Ended: after(time.Second), Items: []*Item{
					{Item: map[string]any{"name": "docs-api", "at": "north"}, State: Succeeded, Steps: []*Step{{Title: "It answers", State: Failed, Error: "connection refused"}}},
				}},
			}},
			{Title: "Watch", State: Running, Started: after(2 * time.Second), Steps: []*Step{
				{Title: "Settle", State: Running, Until: after(10 * time.Minute)},
				{Title: "Poll", State: Running, Count: 2},
				{Title: "Restart", State: Skipped, Reason: "its condition does not hold"},
			}},
			{Title: "Write it down", State: Pending, Steps: []*Step{{Title: "Report", State: Pending}}},
		},
		Finally: []*Step{{Title: "Tidy up", State: Pending}},
		Clocks: []*Clock{
			{Title: "the run", Due: *after(15 * time.Minute)},
			{Title: "Look", Due: *after(time.Second), Breached: after(time.Second), Met: after(2 * time.Second)},
			{Title: "Kept", Due: *after(time.Second), Met: after(0)},
		},
		Findings: []Finding{
			{Severity: "info", Check: "buckets", Text: "not checked"},
			{Severity: "critical", Check: "services", Text: "docs-api is not well", Act: "restart it"},
			{Severity: "warning", Check: "memory", Text: "80 % in use"},
		},
	}
	require.Equal(t, strings.ReplaceAll(`### ▶️ Daily health check

**Clocks**

- ⏳ the run is due 12:15:00 UTC
- ⏰ Look was due 12:00:01 UTC: **breached**

**Findings: 3**

- 🔴 **critical** services: docs-api is not well → restart it
- 🟡 **warning** memory: 80 % in use
- 🔵 **info** buckets: not checked

**Steps**

- ✅ **Look** · 2s
- ....✅ Side by side · 1s
- ........✅ This machine · 20ms
- ....✅ Databases · 1s
- ........✅ docs-db
- ............✅ It answers · 1s
- ............✅ What it does · 1s
- ....✅ Caches (nothing to do: the list is empty)
- ....✅ Services · 1s
- ........❌ north, docs-api: It answers: connection refused
- ▶️ **Watch**
- ....▶️ Settle (until 12:10:00 UTC)
- ....▶️ Poll (round 3)
- ....⏭️ Restart (its condition does not hold)
- ⬜ **Write it down**
- ....⬜ Report
- **Finally**
- ....⬜ Tidy up
`, "....", "\u2003"), rec.Checklist())
}

func TestChecklistSaysWhyARunFailed(t *testing.T) {
	t.Parallel()
	rec := &Record{Title: "Rollout", State: Failed, Drill: true, Failure: &Failure{Message: "phase window, step soak: disk *full*"}}
	require.Contains(t, rec.Checklist(), "### ❌ Rollout\n\n**DRILL**\n\n**Failed:** phase window, step soak: disk \\*full\\*\n")
}

func TestChecklistCountsWhatIsTooMuchToName(t *testing.T) {
	t.Parallel()
	all := &Step{Title: "Every host", State: Running}
	var findings []Finding
	for i := range 100 {
		state := Pending
		if i < 30 {
			state = Succeeded
		}
		all.Items = append(all.Items, &Item{Item: i, State: state})
		findings = append(findings, Finding{Severity: "warning", Check: "host", Text: fmt.Sprint("host ", i)})
	}
	rec := &Record{Title: "Hosts", State: Running, Phases: []*Phase{{Title: "All", State: Running, Steps: []*Step{all}}}, Findings: findings}
	text := rec.Checklist()
	require.Contains(t, text, "Every host (30 of 100)\n")
	require.Contains(t, text, "**Findings: 100**")
	require.Contains(t, text, "- … and 80 more\n")
	require.Less(t, strings.Count(text, "\n"), 40)
}

// TestHostileTextStaysText puts what a container may be called or a server may answer wherever text of
// others is shown.
func TestHostileTextStaysText(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ text, want string }{
		"HTML":               {`<img src=x onerror="alert(1)">`, `\<img src=x onerror="alert(1)"\>`},
		"Entity":             {`a &lt; b`, `a \&lt; b`},
		"Emphasis":           {"*a* _b_ ~c~ `d`", "\\*a\\* \\_b\\_ \\~c\\~ \\`d\\`"},
		"Link":               {`[here](javascript:alert(1)) ![x](y)`, `\[here\](javascript:alert(1)) \!\[x\](y)`},
		"Lines":              {"a\r\n# b\n- c\n\n\x00\u2028d\u0085e", `a \# b - c d e`},
		"Table":              {"| a | b |", `\| a \| b \|`},
		"EscapedAlready":     {`C:\*`, `C:\\\*`},
		"Direction":          {"a\u202etxt.exe", "atxt.exe"},
		"Option":             {"orderly runs --json", `orderly runs \-\-json`},
		"PlainStaysReadable": {`docs-db takes 12.5 ms (80 %), "x" != y's`, `docs-db takes 12.5 ms (80 %), "x" \!= y's`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, escape(c.text))
			rec := &Record{
				Title: c.text, State: Failed, Failure: &Failure{Message: c.text},
				Phases: []*Phase{{Title: c.text, Steps: []*Step{
					{Title: c.text, State: Failed, Error: c.text},
					{Title: "each", State: Skipped, Reason: c.text, Items: []*Item{{Item: c.text, Steps: []*Step{{Title: c.text}}}}},
				}}},
				Clocks:   []*Clock{{Title: c.text}},
				Findings: []Finding{{Severity: c.text, Check: c.text, Text: c.text, Act: c.text}},
			}
			text := rec.Checklist()
			require.Equal(t, 13, strings.Count(text, c.want), text)
		})
	}
}

func TestChecklistSaysFirstWhatIsPutBack(t *testing.T) {
	t.Parallel()
	rec := &Record{
		WorkflowID: "weekly-maintenance/docs-db", Title: "Weekly maintenance", State: Running,
		Failure: &Failure{Phase: "database", Step: "vacuum", Message: "disk *full*"},
		Undo: []*Step{
			{Title: "Undo: Snapshot", Path: "undo:snapshot", State: Pending},
			{Title: "Undo: Dump", Path: "undo:dump", State: Running},
			{Title: "Undo: Update the API", Path: "undo:update", State: Succeeded, Started: after(0), Ended: after(3 * time.Second)},
			{Title: "Undo: Prune", Path: "undo:prune", State: Skipped, Reason: "left, by Ann: it is only images"},
		},
		Rollback: &Rollback{State: Running, Why: Failure{Phase: "database", Step: "vacuum", Message: "disk *full*"}, Then: []*Step{{Title: "Open an investigation", State: Pending}}},
		Questions: []*Step{{
			ID: "hold:undo:dump", Path: "hold:undo:dump#2", Title: "Undo: Dump failed: what now?", Kind: "ask", State: Running,
			Ask: &Ask{Of: []string{"devops-lead"}, Fields: map[string]sops.FormField{"decision": {Options: []string{decideRetry, decideSkip, decideAbort}}}},
		}},
	}
	require.Equal(t, `### ▶️ Weekly maintenance

**Failed:** disk \*full\*

▶️ **Rolling back**: phase "database", step "vacuum": disk \*full\*

- ⏭️ Undo: Prune (left, by Ann: it is only images)
- ✅ Undo: Update the API · 3s
- ▶️ Undo: Dump
- ⬜ Undo: Snapshot
- ⬜ Open an investigation

❓ **Undo: Dump failed: what now?** (waits for devops-lead)

- `+"`orderly retry weekly-maintenance/docs-db undo:dump`"+`
- `+"`orderly skip weekly-maintenance/docs-db undo:dump --reason …`"+`
- `+"`orderly fail weekly-maintenance/docs-db undo:dump --reason …`"+`

**Steps**

`, rec.Checklist())
}

// TestPlainTextIsNotTouched compares the short way with the long one.
func TestPlainTextIsNotTouched(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "a", " a", "a ", "a b", "a  b", "a-b", "a--b", "---", "a - b", "tab\there", "line\nend", "\x7f", "\x00", "é", "a→b", "\u202eabc",
		`back\slash`, "`", "*", "_", "[", "]", "<", ">", "&", "#", "|", "!", "~", "(x) {y} 'z' \"q\" 50 % $1 @ann + = / ? ^ ; : , .", "\xff",
	} {
		require.Equal(t, escapeAnything(text), escape(text), "%q", text)
	}
	for c := range rune(300) {
		for _, text := range []string{string(c), "a" + string(c) + "b", string(c) + string(c), "- " + string(c) + "-"} {
			require.Equal(t, escapeAnything(text), escape(text), "%q", text)
		}
	}
}
