package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"
)

// checklist shows the run's progress in the Temporal UI as the workflow's current details. It costs no
// history.
func (r *run) checklist(ctx workflow.Context) {
	workflow.SetCurrentDetails(ctx, r.record.Checklist())
}

// maxChecklistRounds is how many rounds of an `each` the checklist names one by one.
const maxChecklistRounds = 20

// Checklist is the record as Markdown: phases, steps, clocks, findings.
func (rec *Record) Checklist() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s %s\n", glyph(rec.State), escape(rec.Title))
	if rec.Drill {
		b.WriteString("\n**DRILL**\n")
	}
	for _, p := range rec.Phases {
		fmt.Fprintf(&b, "\n**%s %s**\n\n", glyph(p.State), escape(p.Title))
		listSteps(&b, p.Steps, "")
	}
	if len(rec.Finally) > 0 {
		b.WriteString("\n**Finally**\n\n")
		listSteps(&b, rec.Finally, "")
	}
	listClocks(&b, rec.Clocks)
	if n := len(rec.Findings); n > 0 {
		fmt.Fprintf(&b, "\n**Findings: %d**\n\n", n)
		for _, f := range rec.Findings[:min(n, maxChecklistRounds)] {
			fmt.Fprintf(&b, "- %s: %s: %s\n", escape(f.Severity), escape(f.Check), escape(f.Text))
		}
	}
	return b.String()
}

func listSteps(b *strings.Builder, steps []*Step, indent string) {
	for _, s := range steps {
		fmt.Fprintf(b, "%s- %s %s%s\n", indent, glyph(s.State), escape(s.Title), remark(s))
		listSteps(b, s.Steps, indent+"  ")
		if len(s.Items) > maxChecklistRounds {
			continue
		}
		for _, item := range s.Items {
			fmt.Fprintf(b, "%s  - %s %s\n", indent, glyph(item.State), escape(shorten(fmt.Sprint(item.Item), 60)))
			listSteps(b, item.Steps, indent+"    ")
		}
	}
}

func remark(s *Step) string {
	switch {
	case s.State == Failed:
		return ": " + escape(shorten(s.Error, 200))
	case s.State.Done() && s.Reason != "":
		return " (" + escape(shorten(s.Reason, 200)) + ")"
	case s.State == Running && s.Count > 0:
		return fmt.Sprintf(" (round %d)", s.Count+1)
	case len(s.Items) > maxChecklistRounds:
		done := 0
		for _, item := range s.Items {
			if item.State.Done() {
				done++
			}
		}
		return fmt.Sprintf(" (%d of %d)", done, len(s.Items))
	case s.State.Done() && s.Started != nil && s.Ended != nil:
		return " · " + took(s.Ended.Sub(*s.Started))
	}
	return ""
}

func listClocks(b *strings.Builder, clocks []*Clock) {
	var open []string
	for _, c := range clocks {
		switch {
		case c.Breached != nil:
			open = append(open, fmt.Sprintf("- ⏰ %s was due %s: **breached**", escape(c.Title), c.Due.Format(time.TimeOnly+" MST")))
		case c.Met == nil && c.Stopped == nil:
			open = append(open, fmt.Sprintf("- ⏳ %s is due %s", escape(c.Title), c.Due.Format(time.TimeOnly+" MST")))
		}
	}
	if len(open) > 0 {
		b.WriteString("\n**Clocks**\n\n" + strings.Join(open, "\n") + "\n")
	}
}

func glyph(s State) string {
	switch s {
	case Running:
		return "▶️"
	case Succeeded:
		return "✅"
	case Failed:
		return "❌"
	case Skipped:
		return "⏭️"
	case Cancelled:
		return "🚫"
	default:
		return "⬜"
	}
}

// escape keeps text from a procedure or an outside system text: no Markdown, no HTML, one line.
func escape(text string) string { return markdown.Replace(text) }

var markdown = strings.NewReplacer(
	"\r", " ", "\n", " ", `\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`,
	"<", "&lt;", ">", "&gt;", "&", "&amp;", "#", `\#`, "|", `\|`, "!", `\!`, "~", `\~`,
)
