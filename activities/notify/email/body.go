package email

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/activities/notify/text"
)

// pageHTML sets no colours, so that it reads well on a light and on a dark screen; html/template escapes
// every value.
//
//go:embed page.html
var pageHTML string

// longestLine bounds one line of a message, in characters.
const longestLine = 1000

// page is what both parts of a mail say.
type page struct {
	Title    string
	Lines    []string
	Body     string
	Commands []string
	Link     string
	Facts    []fact
}

// fact is one detail for whoever wants to know more.
type fact struct{ Name, Value string }

// content is a message with every text made harmless.
func content(m notify.Message) page {
	return page{
		Title: subject(m), Lines: lines(m.Lines), Body: text.Lines(m.Body), Commands: lines(m.Commands),
		Link: text.Line(m.Link, longestLine), Facts: facts(m),
	}
}

func lines(all []string) []string {
	out := make([]string, len(all))
	for i, line := range all {
		out[i] = text.Line(line, longestLine)
	}
	return out
}

func facts(m notify.Message) []fact {
	var out []fact
	for _, f := range []fact{
		{"Severity", m.Severity}, {"Level", m.Level}, {"Status", m.Status},
		{"Services", strings.Join(m.Services, ", ")}, {"Procedure", m.Procedure}, {"Run", m.Run},
		{"Time", when(m).UTC().Format("2006-01-02 15:04:05 UTC")},
	} {
		if f.Value = text.Line(f.Value, longestLine); f.Value != "" {
			out = append(out, f)
		}
	}
	return out
}

// plain is the part for readers without HTML.
func plain(m notify.Message) string {
	p := content(m)
	var b strings.Builder
	paragraph := func(all ...string) {
		if len(all) > 0 {
			fmt.Fprintf(&b, "%s\n\n", strings.Join(all, "\n"))
		}
	}
	paragraph(p.Title)
	paragraph(p.Lines...)
	if p.Body != "" {
		paragraph(p.Body)
	}
	for i, command := range p.Commands {
		p.Commands[i] = "    " + command
	}
	paragraph(p.Commands...)
	if p.Link != "" {
		paragraph(p.Link)
	}
	b.WriteString("-- \n") // clients show what follows as a signature
	for _, f := range p.Facts {
		fmt.Fprintf(&b, "%s: %s\n", f.Name, f.Value)
	}
	return b.String()
}
