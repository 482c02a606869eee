// Package report makes of records what people read afterwards: incident report, post-mortem, security report,
// the reports of maintenance and backups, the monthly review, and an account of any other run.
//
// A report is a Document first: sections of texts, facts and tables. Markdown, HTML and JSON are written from it.
// What the record knows is filled in. What only people know, and nobody has said yet, is marked missing and
// listed; nothing is made up. Words of people and programs are text in every form: no markup in them counts.
package report

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Kind says what a report is for.
type Kind string

// The kinds of report.
const (
	KindIncident    Kind = "incident"
	KindPostMortem  Kind = "post-mortem"
	KindSecurity    Kind = "security"
	KindMaintenance Kind = "maintenance"
	KindBackup      Kind = "backup"
	KindMonthly     Kind = "monthly"
	KindRun         Kind = "run" // of any procedure that has no report of its own
)

// Kinds lists all kinds.
func Kinds() []Kind {
	return []Kind{KindIncident, KindPostMortem, KindSecurity, KindMaintenance, KindBackup, KindMonthly, KindRun}
}

// Document is a report. Its JSON is what `orderly report --json` prints.
type Document struct {
	Kind  Kind   `json:"kind"`
	Title string `json:"title"`
	// Summary is one sentence, for a message that links the report.
	Summary string `json:"summary"`
	// Of is the run that it is about; nil when it is about many.
	Of       *Run      `json:"of,omitempty"`
	Drill    bool      `json:"drill,omitempty"`
	Made     time.Time `json:"made"`
	Sections []Section `json:"sections"`
	Missing  []Lack    `json:"missing"`
	// Complete says that nothing is missing.
	Complete bool `json:"complete"`
}

// Run names a run and the text it went by.
type Run struct {
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"`
	Procedure  string `json:"procedure"`
	Digest     string `json:"digest"` // of the procedure, "sha256:<hex>"
}

// Lack is something that belongs in the report and is not known.
type Lack struct {
	Section string `json:"section"` // its id
	What    string `json:"what"`
	// People says that only people know it, so that asking them helps. What was not measured or recorded, nobody can
	// answer afterwards.
	People bool `json:"people,omitempty"`
}

// Section is a part of a report under its own headline.
type Section struct {
	ID     string  `json:"id"` // stable: "root-cause"
	Title  string  `json:"title"`
	Blocks []Block `json:"blocks"`
}

// Block is exactly one of its fields.
type Block struct {
	Text    string   `json:"text,omitempty"` // an empty line begins a new paragraph
	Facts   []Fact   `json:"facts,omitempty"`
	List    []string `json:"list,omitempty"`
	Table   *Table   `json:"table,omitempty"`
	Picture *Picture `json:"picture,omitempty"`
	Missing bool     `json:"missing,omitempty"` // the whole answer is
}

// Fact is a value with its name.
type Fact struct {
	Name  string `json:"name"`
	Value Value  `json:"value"`
}

// Value is a text, or that it is missing.
type Value struct {
	Text    string `json:"text,omitempty"`
	Missing bool   `json:"missing,omitempty"`
}

// Table has a heading and at least one row.
type Table struct {
	Head []string  `json:"head"`
	Rows [][]Value `json:"rows"`
}

// Picture is a drawing of ours, with what it shows in words. Markdown has the words only.
type Picture struct {
	Title string `json:"title"`
	Desc  string `json:"desc"`
	SVG   []byte `json:"svg"`
}

// Unanswered are the missing parts that only people know.
func (d *Document) Unanswered() []string {
	out := []string{}
	for _, l := range d.Missing {
		if l.People {
			out = append(out, l.What)
		}
	}
	return out
}

// Lacking are all missing parts.
func (d *Document) Lacking() []string {
	out := []string{}
	for _, l := range d.Missing {
		out = append(out, l.What)
	}
	return out
}

// Map changes every text of the document: to take secrets out.
func (d *Document) Map(fn func(string) string) {
	d.Title, d.Summary = fn(d.Title), fn(d.Summary)
	for i := range d.Sections {
		d.Sections[i].Title = fn(d.Sections[i].Title)
		for j := range d.Sections[i].Blocks {
			d.Sections[i].Blocks[j].mapTexts(fn)
		}
	}
	for i := range d.Missing {
		d.Missing[i].What = fn(d.Missing[i].What)
	}
}

func (b *Block) mapTexts(fn func(string) string) {
	b.Text = fn(b.Text)
	for i := range b.Facts {
		b.Facts[i].Name, b.Facts[i].Value.Text = fn(b.Facts[i].Name), fn(b.Facts[i].Value.Text)
	}
	for i := range b.List {
		b.List[i] = fn(b.List[i])
	}
	if b.Table == nil {
		return
	}
	for _, row := range b.Table.Rows {
		for i := range row {
			row[i].Text = fn(row[i].Text)
		}
	}
}

// drafter writes a document, section by section.
type drafter struct {
	doc Document
	at  *Section
}

func draft(kind Kind, title string, made time.Time) *drafter {
	return &drafter{doc: Document{Kind: kind, Title: title, Made: made.UTC().Truncate(time.Second), Sections: []Section{}, Missing: []Lack{}}}
}

// section begins a section.
func (d *drafter) section(id, title string) {
	d.doc.Sections = append(d.doc.Sections, Section{ID: id, Title: title, Blocks: []Block{}})
	d.at = &d.doc.Sections[len(d.doc.Sections)-1]
}

func (d *drafter) block(b Block) { d.at.Blocks = append(d.at.Blocks, b) }

func (d *drafter) text(format string, args ...any) {
	d.block(Block{Text: fmt.Sprintf(format, args...)})
}

// answer is what people have said, or that it is missing.
func (d *drafter) answer(text, what string) {
	if !said(text) {
		d.lack(what, true)
		d.block(Block{Missing: true})
		return
	}
	d.block(Block{Text: text})
}

// lack notes that something is missing in the section at hand.
func (d *drafter) lack(what string, people bool) {
	d.doc.Missing = append(d.doc.Missing, Lack{Section: d.at.ID, What: what, People: people})
}

// asked is a value that people give; it is noted when it is missing.
func (d *drafter) asked(text, what string) Value {
	if !said(text) {
		d.lack(what, true)
		return Value{Missing: true}
	}
	return Value{Text: text}
}

// known is a value that the record or a measurement gives; it is noted when it is missing.
func (d *drafter) known(text, what string) Value {
	if text == "" {
		d.lack(what, false)
		return Value{Missing: true}
	}
	return Value{Text: text}
}

func (d *drafter) facts(facts ...Fact) { d.block(Block{Facts: facts}) }

// table writes rows; without any it says so.
func (d *drafter) table(head []string, rows [][]Value, none string) {
	if len(rows) == 0 {
		d.text("%s", none)
		return
	}
	d.block(Block{Table: &Table{Head: head, Rows: rows}})
}

// list writes lines; without any it says so, if there is something to say.
func (d *drafter) list(items []string, none string) {
	switch {
	case len(items) > 0:
		d.block(Block{List: items})
	case none != "":
		d.text("%s", none)
	}
}

// done is the finished document.
func (d *drafter) done(summary string) *Document {
	d.doc.Complete = len(d.doc.Missing) == 0
	d.doc.Summary = line(summary)
	if n := len(d.doc.Missing); n > 0 {
		d.doc.Summary += fmt.Sprintf(" %s missing from the report.", counted(n, "part is", "parts are"))
	}
	return &d.doc
}

func fact(name, text string) Fact { return Fact{Name: name, Value: Value{Text: text}} }

// cells is a row of plain texts.
func cells(texts ...string) []Value {
	row := make([]Value, len(texts))
	for i, t := range texts {
		row[i] = Value{Text: t}
	}
	return row
}

// fillers are what people write to get past a question.
var fillers = []string{"tbd", "tba", "todo", "to do", "n/a", "na", "unknown", "later", "none yet", "not yet", "see above", "x", "xxx"}

// said says whether a text answers a question: "TBD" and punctuation do not.
func said(text string) bool {
	bare := strings.ToLower(strings.TrimFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) }))
	for _, f := range fillers {
		if bare == f {
			return false
		}
	}
	return bare != ""
}

// Said says whether a text answers a question. White space, punctuation and words such as "TBD" do not.
func Said(text string) bool { return said(text) }

func counted(n int, one, many string) string {
	if n == 1 {
		many = one
	}
	return fmt.Sprintf("%d %s", n, many)
}
