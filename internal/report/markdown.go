package report

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// missingMark stands where something is missing.
const missingMark = "**missing**"

// Markdown writes a document as Markdown, of the kind that GitHub and GitLab show.
func (d *Document) Markdown() []byte {
	p := &page{}
	p.line("# %s\n", inText(d.Title))
	if d.Drill {
		p.line("**This was a drill.**\n")
	}
	p.line("%s", inText(d.Summary))
	for _, s := range d.Sections {
		p.line("\n## %s", inText(s.Title))
		for _, b := range s.Blocks {
			p.line("")
			p.block(b)
		}
	}
	if len(d.Missing) > 0 {
		p.line("\n## Missing from this report\n")
		for _, l := range d.Missing {
			p.line("- %s", inText(l.What+lackNote(l)))
		}
	}
	p.line("\n---\n\nMade %s UTC by Orderly %s.", stamp(d.Made), inText(d.source()))
	return p.Bytes()
}

// lackNote says what can be done about a missing part.
func lackNote(l Lack) string {
	if l.People {
		return " (people have to say it)"
	}
	return ""
}

// source names what the report was made from.
func (d *Document) source() string {
	if d.Of == nil {
		return "from the records of the journal"
	}
	text := "from the record of " + d.Of.WorkflowID
	if d.Of.RunID != "" {
		text += "@" + d.Of.RunID
	}
	if d.Of.Digest != "" {
		text += ", which went by " + d.Of.Procedure + " " + d.Of.Digest
	}
	return text
}

// page is a Markdown text that is being written.
type page struct{ bytes.Buffer }

func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *page) block(b Block) {
	switch {
	case b.Missing:
		p.line("%s", missingMark)
	case b.Facts != nil:
		for _, f := range b.Facts {
			p.line("- %s: %s", inText(f.Name), f.Value.markdown())
		}
	case b.List != nil:
		for _, item := range b.List {
			p.line("- %s", inText(item))
		}
	case b.Table != nil:
		p.table(b.Table)
	case b.Picture != nil:
		p.line("%s: %s", inText(b.Picture.Title), inText(b.Picture.Desc))
	default:
		p.text(b.Text)
	}
}

// text writes paragraphs with their line breaks.
func (p *page) text(s string) {
	for i, lines := range paragraphs(s) {
		if i > 0 {
			p.line("")
		}
		for j := range lines {
			lines[j] = inText(lines[j])
		}
		p.line("%s", strings.Join(lines, "\\\n"))
	}
}

func (p *page) table(t *Table) {
	head := make([]string, len(t.Head))
	for i, h := range t.Head {
		head[i] = inText(h)
	}
	p.row(head)
	p.row(slices.Repeat([]string{"---"}, len(head)))
	for _, r := range t.Rows {
		row := make([]string, len(r))
		for i, v := range r {
			row[i] = v.markdown()
		}
		p.row(row)
	}
}

func (p *page) row(cells []string) { p.line("| %s |", strings.Join(cells, " | ")) }

func (v Value) markdown() string {
	if v.Missing {
		return missingMark
	}
	return inText(v.Text)
}

// inText makes words of people and programs fit for any place in Markdown: one line, nothing in it is markup.
func inText(s string) string {
	s = markup.Replace(line(s))
	if beginsBlock.MatchString(s) {
		return `\` + s
	}
	if m := beginsNumber.FindStringSubmatchIndex(s); m != nil {
		return s[:m[3]] + `\` + s[m[3]:]
	}
	return s
}

var (
	// beginsBlock is what begins a list, a ruler, a headline's underline or the ruler of a table.
	beginsBlock = regexp.MustCompile(`^(?:[-+](?:[ -]|$)|=|:-)`)
	// beginsNumber is a number that begins a list.
	beginsNumber = regexp.MustCompile(`^([0-9]{1,9})[.)](?: |$)`)
)

// markup is taken apart: what Markdown and its usual extensions give a meaning to, addresses that would become
// links of themselves, and the braces of template languages. An escaped entity is used where a backslash is not
// enough.
var markup = strings.NewReplacer(
	`\`, `\\`, "|", `\|`, "*", `\*`, "_", `\_`, "`", "\\`", "~", `\~`, "$", `\$`, "!", `\!`, "#", `\#`,
	"[", `\[`, "]", `\]`, "{", `\{`, "}", `\}`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "^", `\^`,
	"://", `\://`, "@", `\@`, "www.", `www\.`, "WWW.", `WWW\.`, "Www.", `Www\.`, "mailto:", `mailto\:`, "xmpp:", `xmpp\:`)
