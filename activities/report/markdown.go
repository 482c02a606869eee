package report

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// notKnown stands where a figure or an answer is missing.
const notKnown = "*not known*"

// page is a Markdown text that is being written.
type page struct{ bytes.Buffer }

func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// section begins a section with an empty line around its headline.
func (p *page) section(title string) { p.line("\n## %s\n", title) }

// list writes items, or that there are none.
func (p *page) list(items []string, none string) {
	if len(items) == 0 {
		p.line("%s", none)
	}
	for _, item := range items {
		p.line("- %s", inText(item))
	}
}

// table writes rows under a heading; without rows it says so.
func (p *page) table(head []string, rows [][]string) {
	if len(rows) == 0 {
		p.line("%s", notKnown)
		return
	}
	p.row(head)
	p.row(slices.Repeat([]string{"---"}, len(head)))
	for _, r := range rows {
		p.row(r)
	}
}

func (p *page) row(cells []string) { p.line("| %s |", strings.Join(cells, " | ")) }

// inText makes words of people and programs fit for Markdown: one line, nothing in it is markup.
func inText(s string) string { return markup.Replace(oneLine(s)) }

var markup = strings.NewReplacer(
	`\`, `\\`, "|", `\|`, "*", `\*`, "_", `\_`, "`", "\\`", "<", "&lt;", ">", "&gt;", "[", `\[`, "]", `\]`, "#", `\#`)

// orNotKnown is the text, or that it is missing.
func orNotKnown(s string) string {
	if strings.TrimSpace(s) == "" {
		return notKnown
	}
	return inText(s)
}

// writeMaintenance writes the report as Markdown.
func writeMaintenance(w io.Writer, in MaintenanceInput, out *Maintenance) error {
	p := &page{}
	p.line("# %s\n", inText(cmp.Or(in.Title, "Maintenance report")))
	p.line("%s to %s UTC. Outcome: **%s**.", out.From.Format(time.DateTime), out.To.Format(time.DateTime), inText(in.Outcome))
	if in.Reason != "" {
		p.line("Why: %s", inText(in.Reason))
	}
	p.services(out)
	p.activities(in, out)
	p.resources(in, out)
	p.section("Upcoming work")
	var rows [][]string
	for _, u := range in.Upcoming {
		rows = append(rows, []string{orNotKnown(u.What), orNotKnown(u.When), orNotKnown(u.Impact), orNotKnown(u.Preparation)})
	}
	p.table([]string{"work", "when", "impact", "preparation"}, rows)
	p.section("Recommendations")
	p.list(in.Recommendations, "None came out of what was measured.")
	if !out.Complete {
		p.section("Missing from this report")
		p.list(out.Missing, "")
	}
	_, err := p.WriteTo(w)
	return err
}

func (p *page) services(out *Maintenance) {
	p.section("Services")
	var rows [][]string
	for _, u := range out.Uptime {
		response := notKnown
		if i := slices.IndexFunc(out.Responses, func(l Level) bool { return l.Subject == u.Subject }); i >= 0 {
			response = number(out.Responses[i].Mean) + " ms"
		}
		rows = append(rows, []string{inText(u.Subject), number(u.Percent) + " % of " + count(u.Looks, "look"), response})
	}
	p.table([]string{"service", "uptime", "mean answer"}, rows)
	p.line("\nIncidents that began in this time and are over: %d.", out.Incidents.Total)
	for _, s := range out.Incidents.BySeverity {
		p.line("- %s %s: %d", inText(s.Scale), cmp.Or(inText(s.Severity), "without a severity"), s.Count)
	}
}

func (p *page) activities(in MaintenanceInput, out *Maintenance) {
	p.section("Activities")
	var rows [][]string
	for _, a := range in.Activities {
		rows = append(rows, []string{inText(a.What), inText(a.Status), inText(a.Result)})
	}
	p.table([]string{"activity", "status", "result"}, rows)
	if len(in.Undone) > 0 {
		p.line("\nPut back, the last first:\n")
		for _, u := range slices.Backward(in.Undone) {
			p.line("- %s: %s", inText(u.Title), inText(strings.TrimSuffix(u.State+", "+u.Why, ", ")))
		}
	}
	if len(in.Left) > 0 {
		p.line("\nChanged, and deliberately not put back:\n")
		p.list(in.Left, "")
	}
	if len(out.Runs) > 0 {
		p.line("\nRuns of procedures in this time:\n")
		rows = nil
		for _, r := range out.Runs {
			rows = append(rows, []string{inText(r.Procedure), strconv.Itoa(r.Succeeded), strconv.Itoa(r.Failed)})
		}
		p.table([]string{"procedure", "succeeded", "did not"}, rows)
	}
}

func (p *page) resources(in MaintenanceInput, out *Maintenance) {
	p.section("Resources")
	var rows [][]string
	for _, kind := range []struct {
		name   string
		unit   string
		levels []Level
	}{{"processor", "%", out.CPU}, {"memory", "%", out.Memory}, {"database, simple query", "ms", out.Databases}} {
		if len(kind.levels) == 0 {
			rows = append(rows, []string{kind.name, "", notKnown, notKnown, notKnown})
		}
		for _, l := range kind.levels {
			rows = append(rows, []string{kind.name, inText(l.Subject), number(l.Mean) + " " + kind.unit, number(l.Peak) + " " + kind.unit, number(l.Last) + " " + kind.unit})
		}
	}
	p.table([]string{"resource", "of", "mean", "peak", "last"}, rows)
	p.line("")
	rows = nil
	for _, d := range out.Disks {
		change := notKnown
		if d.Grown {
			change = signed(d.Change) + " points"
		}
		rows = append(rows, []string{inText(d.Subject), number(d.Now) + " %", change})
	}
	p.table([]string{"disk", "full now", "growth"}, rows)
	p.line("\nDisk space recovered: %s. Connections of the database in use: %s.", optional(in.Recovered, bytesText), optional(in.Pool, percentText))
	if len(in.SlowQueries) > 0 {
		p.line("\nSlowest queries:\n")
		p.list(in.SlowQueries, "")
	}
}

func optional(v *float64, text func(float64) string) string {
	if v == nil {
		return notKnown
	}
	return text(*v)
}

func percentText(v float64) string { return number(v) + " %" }

// number has at most two digits after the point, and no zeros at its end.
func number(v float64) string {
	text := strconv.FormatFloat(v, 'f', 2, 64)
	text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	if text == "-0" {
		return "0"
	}
	return text
}

func signed(v float64) string {
	if v > 0 {
		return "+" + number(v)
	}
	return number(v)
}

func bytesText(v float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	for v >= 1023.995 && len(units) > 1 {
		v, units = v/1024, units[1:]
	}
	return number(v) + " " + units[0]
}
