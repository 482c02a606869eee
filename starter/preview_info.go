package main

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/internal/simulate"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/starter/screen"
	"github.com/orderly-ops/orderly/workflows"
)

// previewInfo is a preview as --json shows it. Its fields are stable.
type previewInfo struct {
	Policy   string    `json:"policy"`
	Severity string    `json:"severity,omitempty"`
	Services []string  `json:"services"`
	Drill    bool      `json:"drill,omitempty"`
	At       time.Time `json:"at"`
	Until    time.Time `json:"until"` // how far it looks
	// Nobody says that not one person is reached.
	Nobody bool `json:"nobody"`
	// Endless says that the last tier is paged again and again, Every so often.
	Endless  bool          `json:"endless"`
	Every    string        `json:"every,omitempty"`
	Pages    []previewPage `json:"pages"`
	LeftOut  int           `json:"left_out,omitempty"`
	Told     []previewTold `json:"told"`
	Findings []string      `json:"findings"`

	org *sops.Org
}

// previewPage is a tier being paged.
type previewPage struct {
	At      time.Time       `json:"at"`
	After   string          `json:"after"`
	Policy  string          `json:"policy"`
	Tier    int             `json:"tier"`
	Repeat  int             `json:"repeat,omitempty"`
	Reached bool            `json:"reached"`
	People  []previewPerson `json:"people"`
	Nobody  []string        `json:"nobody"`
	Skipped []string        `json:"skipped,omitempty"`
}

// previewPerson is somebody who is paged.
type previewPerson struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	As         string   `json:"as,omitempty"`
	Backup     bool     `json:"backup,omitempty"`
	Transports []string `json:"transports"`
	Failed     []string `json:"failed,omitempty"`
}

// previewTold is a message that asks nobody to acknowledge.
type previewTold struct {
	At         time.Time `json:"at"`
	After      string    `json:"after"`
	Kind       string    `json:"kind"`
	To         []string  `json:"to"`
	Transports []string  `json:"transports"`
}

// answer is what the rehearsal showed. Without a length, repeats beyond the first are left to the imagination.
func (q *previewQuestion) answer(o *sops.Org, r *simulate.Result) *previewInfo {
	p := &previewInfo{
		Policy: q.policy, Severity: q.severity, Services: append([]string{}, q.services...), Drill: q.drill, At: r.At, Until: r.Ended,
		Nobody: true, Pages: []previewPage{}, Told: []previewTold{}, Findings: []string{}, LeftOut: r.Record.LeftOut.Pages, org: o,
	}
	for _, page := range r.Record.Pages {
		if page.Policy != "" && p.Policy == "" {
			p.Policy = page.Policy
		}
		info := pageInfo(page, r.At)
		p.Nobody = p.Nobody && !info.Reached
		if page.Repeat == 0 || q.length > 0 || page.Repeat <= enoughRepeats {
			p.Pages = append(p.Pages, info)
		}
	}
	p.Endless, p.Every = rhythm(r.Record.Pages)
	shown := p.Until
	if n := len(p.Pages); q.length == 0 && n > 0 {
		shown = p.Pages[n-1].At
	}
	for _, t := range r.Told {
		if !t.At.After(shown) {
			p.Told = append(p.Told, previewTold{At: t.At, After: after(r.At, t.At), Kind: t.Kind, To: t.To, Transports: t.Transports})
		}
	}
	for _, f := range r.Record.Findings {
		if f.At.Equal(r.At) { // those that follow are promises that nobody kept
			p.Findings = append(p.Findings, f.Text)
		}
	}
	return p
}

// rhythm says whether the last tier repeats, and how often.
func rhythm(pages []*workflows.Page) (endless bool, every string) {
	var due []time.Time
	for _, p := range pages {
		if p.Repeat > 0 {
			due = append(due, p.Due)
		}
	}
	if len(due) < 2 {
		return len(due) > 0, ""
	}
	return true, sops.Duration(due[len(due)-1].Sub(due[len(due)-2])).String()
}

func after(start, t time.Time) string { return t.Sub(start).String() }

func pageInfo(page *workflows.Page, start time.Time) previewPage {
	info := previewPage{
		At: page.At, After: after(start, page.At), Policy: page.Policy, Tier: page.Tier, Repeat: page.Repeat, Reached: page.Reached,
		People: []previewPerson{}, Nobody: append([]string{}, page.Nobody...), Skipped: page.Skipped,
	}
	for _, who := range page.People {
		person := previewPerson{ID: who.ID, Name: who.Name, As: who.As, Backup: who.Backup, Transports: []string{}}
		for _, o := range who.Outcomes {
			if o.State == notify.Failed {
				person.Failed = append(person.Failed, o.Transport+": "+o.Error)
			} else {
				person.Transports = append(person.Transports, o.Transport)
			}
		}
		info.People = append(info.People, person)
	}
	return info
}

// lines are a preview for people.
func (p *previewInfo) lines(paint screen.Painter, width int) []string {
	head := p.policyName(p.Policy)
	if p.Severity != "" {
		head += ", " + p.Severity
	}
	if len(p.Services) > 0 {
		head += ", " + strings.Join(p.Services, ", ")
	}
	if p.Drill {
		head += ", as a drill"
	}
	head += ": from " + p.At.Format("Mon ") + screen.Stamp(p.At) + ", if nobody answers"
	var lines []string
	for _, l := range screen.Wrap(screen.Clean(head), width) {
		lines = append(lines, paint.Tone(screen.Bold, l))
	}
	lines = append(lines, "")
	day := p.At.Truncate(24 * time.Hour)
	for i, page := range p.Pages {
		if d := page.At.Truncate(24 * time.Hour); !d.Equal(day) {
			day = d
			lines = append(lines, "", paint.Tone(screen.Dim, d.Format("Mon 2006-01-02")))
		}
		same := i > 0 && page.Repeat > 0 && reflect.DeepEqual(page.People, p.Pages[i-1].People) && slices.Equal(page.Nobody, p.Pages[i-1].Nobody)
		lines = append(lines, p.pageLines(page, same, paint, width)...)
	}
	lines = append(lines, p.endLines(paint, width)...)
	return append(lines, p.toldLines(width)...)
}

// policyName is "level-1 (Performance)".
func (p *previewInfo) policyName(id string) string {
	if title := p.org.Policies[id].Title; title != "" && !strings.EqualFold(title, strings.ReplaceAll(id, "-", " ")) {
		return id + " (" + title + ")"
	}
	return id
}

const previewIndent = 20 // "+1:00:00  02:14:00Z "

// pageLines are a tier and its people; same says that they are those of the page before.
func (p *previewInfo) pageLines(page previewPage, same bool, paint screen.Painter, width int) []string {
	head := fmt.Sprintf("%s tier %d", page.Policy, page.Tier)
	if page.Repeat > 0 {
		head += fmt.Sprintf(", again (%d)", page.Repeat)
	}
	tone := screen.Plain
	if same {
		head += ": the same " + strings.TrimPrefix(people(len(page.People)), "1 ")
	}
	if !page.Reached {
		head, tone = head+": reaches nobody, the next follows at once", screen.Bad
	}
	lines := folded(screen.Pad(screen.Since(p.At, page.At), 9)+" "+screen.Pad(screen.Clock(page.At), 10), head, width)
	for i := range lines {
		lines[i] = paint.Tone(tone, lines[i])
	}
	if same {
		return lines
	}
	indent := strings.Repeat(" ", previewIndent+2)
	for _, who := range page.People {
		lines = append(lines, folded(indent, who.text(), width)...)
	}
	for _, why := range page.Nobody {
		for _, l := range folded(indent, "nobody: "+why, width) {
			lines = append(lines, paint.Tone(screen.Bad, l))
		}
	}
	return lines
}

// text is "Ana Example (devops-lead): slack, email".
func (w previewPerson) text() string {
	text := w.Name
	role := strings.TrimSpace(w.As[strings.LastIndex(w.As, "/")+1:]) // of "leads / devops-lead" the part that explains the person
	switch {
	case role != "" && w.Backup:
		text += " (stands in for " + role + ")"
	case role != "":
		text += " (" + role + ")"
	}
	ways := slices.Clone(w.Transports)
	ways = append(ways, w.Failed...)
	if len(ways) == 0 {
		ways = []string{"nothing reaches them"}
	}
	return text + ": " + strings.Join(ways, ", ")
}

// endLines say how it goes on.
func (p *previewInfo) endLines(paint screen.Painter, width int) []string {
	text := "It ends here only because the preview does: it goes on until somebody acknowledges."
	switch {
	case p.Nobody:
		text = "NOBODY IS PAGED AT ALL."
	case p.Endless && p.Every != "":
		text = "And again every " + p.Every + ", without end, until somebody acknowledges."
	case p.Endless:
		text = "And so on, without end, until somebody acknowledges."
	}
	lines := []string{""}
	tone := screen.Plain
	if p.Nobody {
		tone = screen.Bad
	}
	for _, l := range screen.Wrap(text, width) {
		lines = append(lines, paint.Tone(tone, l))
	}
	if p.LeftOut > 0 {
		lines = append(lines, plural(p.LeftOut, "page")+" from the middle left out: a record keeps only so many.")
	}
	for _, f := range p.Findings {
		lines = append(lines, folded("! ", f, width)...)
	}
	if p.ownersUnknown() {
		lines = append(lines, folded("! ", "Whom service.owner means depends on the service: name some with --services.", width)...)
	}
	return lines
}

// ownersUnknown says that a tier pages the owners of services and none was named.
func (p *previewInfo) ownersUnknown() bool {
	return len(p.Services) == 0 && slices.ContainsFunc(p.Pages, func(page previewPage) bool {
		return slices.ContainsFunc(page.Nobody, func(why string) bool { return strings.HasPrefix(why, sops.ServiceOwner+":") })
	})
}

// toldKinds are the kinds of message in words.
var toldKinds = map[string]string{
	"board": "the incident is shown", "update": "status update", "page": "that people are paged", "resolved": "that it is over", "check": "whether they are still on it",
}

// toldLines list who is told without being asked to answer.
func (p *previewInfo) toldLines(width int) []string {
	if len(p.Told) == 0 {
		return nil
	}
	lines := []string{"", "Told besides, without having to answer"}
	for _, t := range p.Told {
		when := screen.Pad(screen.Since(p.At, t.At), 9) + " " + screen.Pad(screen.Clock(t.At), 10)
		lines = append(lines, folded(when, strings.Join(t.To, ", ")+": "+cmp.Or(toldKinds[t.Kind], t.Kind), width)...)
	}
	return lines
}

// folded puts text behind a prefix and keeps what follows below it.
func folded(prefix, text string, width int) []string {
	lines := screen.Wrap(screen.Clean(text), width-screen.Cells(prefix))
	for i, l := range lines {
		if i == 0 {
			lines[i] = strings.TrimRight(prefix+l, " ")
			continue
		}
		lines[i] = strings.Repeat(" ", screen.Cells(prefix)) + l
	}
	return lines
}

// people counts people.
func people(n int) string {
	if n == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d people", n)
}
