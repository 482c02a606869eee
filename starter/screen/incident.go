package screen

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/workflows"
)

// Incident is what an incident shows above its steps: how grave it is, how it stands, whose it is, what is
// affected, and what has been reached.
func Incident(r *workflows.Record, p Painter, width int) []string {
	inc := r.Incident
	if inc == nil {
		return nil
	}
	head := []string{string(inc.State)}
	if inc.Severity != "" {
		head = append([]string{inc.Severity}, head...)
	}
	head = append(head, inc.Level, ownerText(inc))
	lines := []string{p.Tone(incidentTone(inc), Cut(Clean(strings.Join(head, " · ")), width))}
	lines = append(lines, wrapped(inc.Summary, width)...)
	about := func(name, text string) {
		if text != "" {
			lines = append(lines, hanging(name+": ", text, width)...)
		}
	}
	about("affects", strings.Join(inc.Services, ", "))
	about("users", inc.UserImpact)
	about("business", inc.BusinessImpact)
	if inc.Room != nil && inc.Room.Name != "" {
		about("room", strings.TrimSpace("#"+inc.Room.Name+" "+inc.Room.URL))
	}
	if h := inc.HeldBack; h != nil && h.Ended == nil {
		about("held back", fmt.Sprintf("until %s at the latest by %s; to page now: %s", Clock(h.Window.Until), h.Window.WorkflowID, Command("orderly", "escalate", r.WorkflowID)))
	}
	about("acknowledged", deedText(inc.Acknowledged, r.Started))
	about("mitigated", deedText(inc.Mitigated, r.Started))
	about("resolved", deedText(inc.Resolved, r.Started))
	if r.Aborted != nil {
		about("aborted", deedText(r.Aborted, r.Started))
	}
	return lines
}

func ownerText(inc *workflows.Incident) string {
	switch {
	case inc.Owner == nil:
		return "nobody has it"
	case inc.State.Over():
		return inc.Owner.Name
	}
	text := inc.Owner.Name + " has it"
	switch {
	case inc.Returns != nil:
		text += fmt.Sprintf(" until %s, then %s", Clock(inc.Returns.Until), inc.Returns.To.Name)
	case inc.Checked != nil && inc.Lease != nil:
		text += ", silent: paging begins again " + Clock(*inc.Lease)
	}
	return text
}

// incidentTone is loud as long as nobody has it.
func incidentTone(inc *workflows.Incident) Tone {
	switch {
	case inc.State == workflows.IncidentOpen:
		return Bad
	case inc.State.Over():
		return Good
	default:
		return Busy
	}
}

// deedText is "by Ann 02:19:07Z, after 5:07: how".
func deedText(d *workflows.Deed, began time.Time) string {
	if d == nil {
		return ""
	}
	text := fmt.Sprintf("%s after %s by %s", Clock(d.At), Took(d.At.Sub(began)), d.By.Name)
	if d.Text != "" {
		text += ": " + d.Text
	}
	return text
}

// Asks is what waits for whom: when it is due, and what to type.
type Asks struct {
	Width int
	Paint Painter
	Now   time.Time
	// Questions shows what is asked in full.
	Questions bool
}

// Lines lists the steps of a run that wait for people; none of one that is over.
func (a Asks) Lines(r *workflows.Record) []string {
	if r.State.Done() {
		return nil
	}
	var lines []string
	for _, s := range r.Waiting() {
		lines = append(lines, "? "+Cut(Clean(cmp.Or(s.Title, s.ID)), a.Width-2))
		if a.Questions {
			for text := range strings.Lines(CleanLines(s.Ask.Question)) {
				lines = append(lines, hanging("  ", text, a.Width)...)
			}
		}
		whom := "for " + strings.Join(s.Ask.Of, ", ")
		if len(s.Ask.Also) > 0 {
			whom += " and " + names(s.Ask.Also)
		}
		if c := ClockOf(r, "step:"+s.Path); c != nil {
			whom += "; " + DueIn(c.Due, a.Now)
		}
		if s.Ask.Quorum > 1 {
			whom += fmt.Sprintf("; %d of %d have approved", len(s.Ask.Decisions), s.Ask.Quorum)
		}
		for _, l := range wrapped(whom, a.Width-2) {
			lines = append(lines, "  "+l)
		}
		for _, command := range r.AnswerCommands(s) {
			lines = append(lines, "  "+a.Paint.Tone(Busy, command))
		}
	}
	return lines
}

func names(people []workflows.Party) string {
	out := make([]string, len(people))
	for i, p := range people {
		out[i] = p.Name
	}
	return strings.Join(out, ", ")
}

// Updates are the last status updates, the newest last.
func Updates(r *workflows.Record, most, width int) []string {
	if r.Incident == nil {
		return nil
	}
	updates, lines := r.Incident.Updates, []string(nil)
	if left := len(updates) - most; left > 0 {
		updates = updates[left:]
		lines = append(lines, fmt.Sprintf("… %d before", left))
	}
	for _, u := range updates {
		by := cmp.Or(u.By, "nobody wrote one")
		lines = append(lines, hanging(Clock(u.At)+"  ", by+": "+u.Text, width)...)
	}
	return lines
}

// Alerts is a line for each alert: the firing ones first, then those seen last.
func Alerts(r *workflows.Record, width int) []string {
	if r.Incident == nil {
		return nil
	}
	alerts := slices.Clone(r.Incident.Alerts)
	slices.SortStableFunc(alerts, func(a, b *workflows.AlertSeen) int {
		// "firing" comes before "resolved".
		return cmp.Or(strings.Compare(a.Status, b.Status), b.Last.Compare(a.Last))
	})
	var lines []string
	for _, a := range alerts {
		text := a.Status + ": " + cmp.Or(a.Summary, a.Key)
		if a.Count > 1 {
			text += fmt.Sprintf(" (%d times since %s)", a.Count, Clock(a.First))
		}
		lines = append(lines, hanging(Clock(a.Last)+"  ", text, width)...)
	}
	return lines
}

func wrapped(text string, width int) []string { return Wrap(Clean(text), width) }

// hanging folds text under itself: what follows the prefix is aligned.
func hanging(prefix, text string, width int) []string {
	lines := wrapped(text, width-Cells(prefix))
	for i, l := range lines {
		if i == 0 {
			lines[i] = prefix + l
			continue
		}
		lines[i] = strings.Repeat(" ", Cells(prefix)) + l
	}
	return lines
}
