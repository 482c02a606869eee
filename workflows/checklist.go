package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"go.temporal.io/sdk/workflow"
)

// checklist says that the run's progress has changed.
func (r *run) checklist() { r.changed = true }

// showChecklist shows the run's progress in the Temporal UI as the workflow's current details, which costs no
// history. It is written once for all that happens at one moment, however many steps end and begin then.
func (r *run) showChecklist(ctx workflow.Context) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	workflow.GoNamed(ctx, "checklist", func(ctx workflow.Context) {
		for workflow.Await(ctx, func() bool { return r.changed }) == nil {
			r.changed = false
			workflow.SetCurrentDetails(ctx, r.record.Checklist())
			r.considerKeeping(ctx)
		}
	})
}

// What the checklist names one by one; beyond that it counts.
const (
	maxChecklistRounds   = 20 // of an `each`
	maxChecklistFindings = 20
)

// How many bytes of text from outside a line of the checklist shows.
const (
	errorLength  = 200
	reasonLength = 120
	itemLength   = 60
)

// Checklist is the record as Markdown, what can't wait first: why it failed, clocks, findings; then
// phases and steps.
func (rec *Record) Checklist() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s %s\n", glyph(rec.State), escape(rec.Title))
	if rec.Drill {
		b.WriteString("\n**DRILL**\n")
	}
	if f := rec.Failure; f != nil {
		fmt.Fprintf(&b, "\n**Failed:** %s\n", escape(shorten(f.Message, errorLength)))
	}
	rec.listIncident(&b)
	rec.listWindow(&b)
	rec.listUndo(&b)
	rec.listQuestions(&b)
	rec.listClocks(&b)
	listFindings(&b, rec.Findings)
	b.WriteString("\n**Steps**\n\n")
	for _, p := range rec.Phases {
		line(&b, 0, p.State, "**"+escape(p.Title)+"**"+lasted(p.Started, p.Ended))
		listSteps(&b, p.Steps, 1)
	}
	if len(rec.Finally) > 0 {
		b.WriteString("- **Finally**\n")
		listSteps(&b, rec.Finally, 1)
	}
	return b.String()
}

// line writes one line of the list. The UI shows nested lists without any indentation, so the list is flat
// and each line brings its own: em spaces, which Markdown leaves alone.
func line(b *strings.Builder, depth int, state State, text string) {
	for _, part := range [...]string{"- ", strings.Repeat("\u2003", depth), glyph(state), " ", text, "\n"} {
		b.WriteString(part)
	}
}

func listSteps(b *strings.Builder, steps []*Step, depth int) {
	for _, s := range steps {
		line(b, depth, s.State, escape(s.Title)+remark(s))
		listSteps(b, s.Steps, depth+1)
		if len(s.Items) <= maxChecklistRounds {
			listItems(b, s.Items, depth+1)
		}
	}
}

func listItems(b *strings.Builder, items []*Item, depth int) {
	for _, item := range items {
		name := escape(shorten(itemName(item.Item), itemLength))
		if len(item.Steps) != 1 {
			line(b, depth, item.State, name)
			listSteps(b, item.Steps, depth+1)
			continue
		}
		// A round of one step is one line.
		only := item.Steps[0]
		line(b, depth, only.State, name+": "+escape(only.Title)+remark(only))
		listSteps(b, only.Steps, depth+1)
		if len(only.Items) <= maxChecklistRounds {
			listItems(b, only.Items, depth+1)
		}
	}
}

// itemName is what an `each` calls the thing it is at: of a map, its title, else its values.
func itemName(item any) string {
	fields, ok := item.(map[string]any)
	if !ok {
		return fmt.Sprint(item)
	}
	if title, ok := fields["title"].(string); ok && title != "" {
		return title
	}
	var values []string
	for _, key := range workflow.DeterministicKeys(fields) {
		values = append(values, fmt.Sprint(fields[key]))
	}
	return strings.Join(values, ", ")
}

// remark is what there is to say of a step besides its title.
func remark(s *Step) string {
	switch {
	case s.State == Failed:
		return ": " + escape(shorten(s.Error, errorLength))
	case s.State == Skipped && strings.HasPrefix(s.Reason, conditionFails+": "):
		return " (" + conditionFails + ")" // the expression is in the record, for whoever wrote it
	case s.State.Done() && s.Reason != "":
		return " (" + escape(shorten(s.Reason, reasonLength)) + ")"
	case s.State == Running && s.Ask.waits():
		return " (waits for " + escape(shorten(s.Ask.whom(), reasonLength)) + ")"
	case s.State == Running && s.Count > 0:
		return fmt.Sprintf(" (round %d)", s.Count+1)
	case s.State == Running && s.Until != nil:
		return " (until " + clockTime(*s.Until) + ")"
	case len(s.Items) > maxChecklistRounds:
		return fmt.Sprintf(" (%d of %d)", rounds(s.Items), len(s.Items))
	case s.State.Done():
		return lasted(s.Started, s.Ended)
	}
	return ""
}

// rounds counts those that have ended.
func rounds(items []*Item) (n int) {
	for _, item := range items {
		if item.State.Done() {
			n++
		}
	}
	return n
}

func lasted(started, ended *time.Time) string {
	if started == nil || ended == nil {
		return ""
	}
	return " · " + took(ended.Sub(*started))
}

// listClocks names the promises that are open or were broken.
func (rec *Record) listClocks(b *strings.Builder) {
	var lines []string
	for _, c := range rec.Clocks {
		switch {
		case c.Breached != nil && c.Kind == clockUpdate && !c.running():
			// it was made up for, and another one is running
		case c.Breached != nil:
			lines = append(lines, fmt.Sprintf("- ⏰ %s was due %s: **breached**", escape(c.Title), rec.dueTime(c.Due)))
		case c.Met == nil && c.Stopped == nil:
			lines = append(lines, fmt.Sprintf("- ⏳ %s is due %s", escape(c.Title), rec.dueTime(c.Due)))
		}
	}
	if len(lines) > 0 {
		b.WriteString("\n**Clocks**\n\n" + strings.Join(lines, "\n") + "\n")
	}
}

func clockTime(t time.Time) string { return t.UTC().Format(time.TimeOnly + " MST") }

// dueTime is a time to come, with its day when that is not today.
func (rec *Record) dueTime(t time.Time) string {
	if now := rec.Updated().UTC(); now.IsZero() || t.UTC().Format(time.DateOnly) == now.Format(time.DateOnly) {
		return clockTime(t)
	}
	return t.UTC().Format(time.DateTime + " MST")
}

// listFindings names what was found, the gravest first, with what to do about it.
func listFindings(b *strings.Builder, findings []Finding) {
	if len(findings) == 0 {
		return
	}
	fmt.Fprintf(b, "\n**Findings: %d**\n\n", len(findings))
	for _, f := range gravest(findings, maxChecklistFindings) {
		words := [...]string{"- ", signal(f.Severity), " **", escape(f.Severity), "** ", escape(f.Check), ": ", escape(shorten(f.Text, errorLength))}
		for _, part := range words {
			b.WriteString(part)
		}
		if f.Act != "" {
			b.WriteString(" → ")
			b.WriteString(escape(shorten(f.Act, errorLength)))
		}
		b.WriteString("\n")
	}
	if more := len(findings) - maxChecklistFindings; more > 0 {
		fmt.Fprintf(b, "- … and %d more\n", more)
	}
}

// gravest are the first n by gravity, in their order. It sorts nothing: of a thousand, twenty are shown at every change.
func gravest(findings []Finding, n int) []Finding {
	out := make([]Finding, 0, min(n, len(findings)))
	for g := gravity("critical"); g <= gravity(""); g++ {
		for i := range findings {
			if len(out) == n {
				return out
			}
			if gravity(findings[i].Severity) == g {
				out = append(out, findings[i])
			}
		}
	}
	return out
}

// gravity sorts findings; words that nobody knows come last.
func gravity(severity string) int {
	switch severity {
	case "critical":
		return -2
	case "warning":
		return -1
	case "info":
		return 0
	default:
		return 1
	}
}

func signal(severity string) string {
	switch severity {
	case "critical":
		return "🔴"
	case "warning":
		return "🟡"
	default:
		return "🔵"
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

// escape keeps text from a procedure or an outside system text: no Markdown, no HTML, one line, read from
// left to right. It uses backslashes only: the UI shows `&lt;` as it stands.
func escape(text string) string {
	if isPlain(text) {
		return text
	}
	return escapeAnything(text)
}

func escapeAnything(text string) string {
	return markdown.Replace(strings.Join(strings.Fields(strings.Map(printable, text)), " "))
}

// isPlain says that a text is as it should be: most are, and the checklist is written at every change.
func isPlain(text string) bool {
	before := byte(' ')
	for i := range len(text) {
		c := text[i]
		switch c {
		case '\\', '`', '*', '_', '[', ']', '<', '>', '&', '#', '|', '!', '~':
			return false
		case ' ', '-':
			if c == before {
				return false
			}
		default:
			if c < ' ' || c > '~' {
				return false
			}
		}
		before = c
	}
	return before != ' ' || text == ""
}

func printable(r rune) rune {
	switch {
	case unicode.Is(unicode.Bidi_Control, r):
		return -1
	case unicode.IsControl(r):
		return ' '
	default:
		return r
	}
}

// Two hyphens would become a dash, which no command understands.
var markdown = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`,
	"<", `\<`, ">", `\>`, "&", `\&`, "#", `\#`, "|", `\|`, "!", `\!`, "~", `\~`, "--", `\-\-`,
)

// listUndo says what was put back, and what was not. Before a rollback there is nothing to say: what may have to
// be undone is what was done.
func (rec *Record) listUndo(b *strings.Builder) {
	rb := rec.Rollback
	if rb == nil {
		return
	}
	fmt.Fprintf(b, "\n%s **%s**: %s\n\n", glyph(rb.State), rb.words(), escape(shorten(rb.Why.String(), errorLength)))
	entries := rec.Undo
	if len(entries) > maxChecklistRounds { // then only what is under way or was not undone
		plain := func(u *Step) bool { return u.State == Succeeded || u.State == Pending }
		entries = slices.DeleteFunc(slices.Clone(entries), plain)
		undone, _ := rec.undoneAndLeft()
		line(b, 0, rb.State, fmt.Sprintf("undone: %d of %d", undone, len(rec.Undo)))
	}
	for _, u := range slices.Backward(entries[max(0, len(entries)-maxChecklistRounds):]) {
		line(b, 0, u.State, escape(u.Title)+remark(u))
	}
	listSteps(b, rb.Then, 0)
}

func (rb *Rollback) words() string {
	switch rb.State {
	case Running:
		return "Rolling back"
	case Succeeded:
		return "Rolled back"
	default:
		return "Rolled back, but not everything"
	}
}

// listQuestions names what the run wants decided.
func (rec *Record) listQuestions(b *strings.Builder) {
	for _, q := range rec.Questions {
		if q.State == Running && q.Ask.waits() {
			fmt.Fprintf(b, "\n❓ **%s** (waits for %s)\n\n", escape(q.Title), escape(shorten(q.Ask.whom(), reasonLength)))
			for _, command := range rec.AnswerCommands(q) {
				fmt.Fprintf(b, "- `%s`\n", strings.ReplaceAll(command, "`", "'"))
			}
		}
	}
}

// listIncident says how bad it is, who has it and who is paged next.
func (rec *Record) listIncident(b *strings.Builder) {
	if inc := rec.Incident; inc != nil {
		fmt.Fprintf(b, "\n**%s** · %s", escape(strings.TrimSpace(inc.Severity+" "+string(inc.State))), escape(inc.Level))
		if inc.Owner != nil {
			fmt.Fprintf(b, " · owner: %s", escape(inc.Owner.Name))
		} else {
			b.WriteString(" · nobody has it")
		}
		fmt.Fprintf(b, "\n\n%s\n", escape(inc.Summary))
		if d := inc.Resolved; d != nil {
			fmt.Fprintf(b, "\n**Resolved** by %s %s: %s\n", escape(d.By.Name), clockTime(d.At), escape(d.Text))
		}
	}
	rec.listLadders(b)
}

func (rec *Record) listLadders(b *strings.Builder) {
	for _, l := range rec.Ladders {
		if l.running() {
			fmt.Fprintf(b, "\n📟 paged next %s: %s\n", rec.dueTime(l.Due), escape(l.Next))
		}
	}
}
