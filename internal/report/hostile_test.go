package report

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"golang.org/x/net/html"
)

// hostile are texts that mean something to somebody: Markdown and its extensions, HTML, templates, Slack,
// spreadsheets, terminals.
var hostile = []string{
	`<script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `"><svg onload=alert(1)>`, `' onmouseover='alert(1)`, `<!-- -->`, `]]>`, `</table></main>`,
	`&lt;b&gt; &amp; &#60;`, `javascript:alert(1)`, `[click](https://evil.example)`, `![x](https://evil.example/x.png)`, `[x]: https://evil.example`, `[^1]`,
	`https://evil.example/a_b`, `http://evil.example`, `ftp://evil.example/x`, `www.evil.example`, `mailto:a@evil.example`, `a@evil.example`, `<https://evil.example>`, `xmpp:a@evil.example`,
	`**bold** _it_ __b__ ~~gone~~ ~x~ ==hi== ^up^`, "`code` ``c``", "```\ncode\n```", `# headline`, `=====`, `-----`, `***`, `___`, `| a | b |`, `|---|:-:|`, `> quote`,
	`- item`, `+ item`, `* item`, `- [ ] task`, `1. one`, `2) two`, `: definition`, `    indented`, "\tindented", `\`, `\\`, `\*`, `trailing\`, `:smile:`, `$x^2$`, `$$x$$`, `\(x\)`,
	`{{ .Secret }}`, `${{ inputs.x }}`, `{% raw %}`, `<%= x %>`, `<@U123> <!channel> <https://evil.example|click>`, `*bold* ~gone~ @here #general`,
	`=1+1`, `+1`, `-1`, `@SUM(A1)`, "\x1b[31mred\x1b[0m\x07", "a\u202Eb\u200Bc\u2066d", "\xff\xfe", "a\x00b", "line one\nline two\r\nline three\u2028four", "text\n\n# headline\n\n- item",
}

var markdown = goldmark.New(goldmark.WithExtensions(extension.GFM, extension.DefinitionList, extension.Footnote, extension.Typographer))

// skeleton is a page without its texts: elements and attributes, in order.
func skeleton(t testing.TB, page []byte) string {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(page))
	require.NoError(t, err)
	var out strings.Builder
	var visit func(*html.Node)
	visit = func(n *html.Node) {
		switch n.Type {
		case html.ElementNode:
			out.WriteString("<" + n.Data)
			for _, a := range n.Attr {
				value := a.Val
				if a.Key == "alt" {
					value = "…"
				}
				out.WriteString(" " + a.Key + "=" + value)
			}
			out.WriteString(">")
		case html.CommentNode:
			out.WriteString("<!>")
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			visit(c)
		}
		if n.Type == html.ElementNode {
			out.WriteString("</>")
		}
	}
	visit(root)
	return out.String()
}

// rendered is a document's Markdown as a browser would get it.
func rendered(t testing.TB, d *Document) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, markdown.Convert(d.Markdown(), &out))
	return out.Bytes()
}

// documents are one of every kind with a text in every place where people or programs write.
func documents(text string) []*Document {
	rec := filled(text)
	a := Answers{Severity: text, Services: text, Users: text, Business: text, Figures: text, Cause: text, Factors: text, Resolution: text, Well: text, Improve: text,
		Summary: text, Lessons: text, Monitoring: text, Prevention: text, Items: []Item{{What: text, Who: text, Due: text, Status: text, Note: text}}}
	month := theMonth(&Review{Incidents: text, Process: text, Tools: text, Training: text, Decisions: text, Satisfaction: ptr(4.0), SatisfactionFrom: text})
	month.Incidents[0] = IncidentOf{WorkflowID: text, RunID: text, Summary: text, Scale: text, Severity: text, Services: []string{text}, Owner: text, Began: night, Breached: []string{text}, Report: text}
	month.Figures[0] = Figure{Title: text, Text: text, Target: text, Of: text}
	month.Pictures[0].Title, month.Pictures[0].Desc = text, text
	month.Procedures[0] = Freshness{ID: text, Owners: []string{text}, State: text, Reviewed: text, LastRun: text, LastDrill: text}
	month.Items[0] = OpenItem{Item: a.Items[0], Incident: text}
	month.LeftOut = []string{text}
	m := Maintenance{
		Title: text, Outcome: text, Reason: text, From: night, To: made, Uptime: []Uptime{{text, 1, 1}}, Responses: []Level{{Subject: text}}, CPU: []Level{{Subject: text}}, Disks: []Growth{{Subject: text}},
		Incidents: Incidents{Total: 1, BySeverity: []SeverityCount{{text, text, 1}}}, Runs: []RunCount{{Procedure: text}}, Activities: []Activity{{text, text, text}}, SlowQueries: []string{text},
		Undone: []Undone{{text, text, text, text}}, Left: []string{text}, Upcoming: []UpcomingWork{{text, text, text, text}}, Recommendations: []string{text}, LeftOut: []string{text},
	}
	b := Backups{Run: &Run{text, text, text, text}, Database: text, Made: made, All: []Backup{{Key: text, At: night}}}
	none := filled(text)
	none.Incident = nil
	s := Security{text, text, text, text, text, text, []string{text}, text, []Evidence{{Key: text, SHA256: text, Locked: text}}}
	return []*Document{
		Incident(rec, a, made), Incident(rec, Answers{}, made), PostMortem(rec, a, made), SecurityReport(rec, s, a, made), SecurityReport(rec, Security{}, Answers{}, made),
		OfRun(none, made), month.Document(), m.Document(), b.Document(),
	}
}

// TestTextOfPeopleAndProgramsStaysText compares each report with the same report of a harmless word: the hostile one
// has exactly the same elements and attributes.
func TestTextOfPeopleAndProgramsStaysText(t *testing.T) {
	t.Parallel()
	for _, text := range hostile {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			requireText(t, text)
		})
	}
}

func FuzzTextStaysText(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	want := skeletons(f, everyBlock("word"))
	f.Fuzz(func(t *testing.T, text string) {
		oneLine := "word " + line(text)
		require.Equal(t, want, skeletons(t, everyBlock(oneLine)), "%q", oneLine)
		if begins := line(text); begins != "" { // and where nothing stands before it
			require.Equal(t, want, skeletons(t, everyBlock(begins)), "%q", begins)
		}
	})
}

// everyBlock is a small document with a text in every kind of place.
func everyBlock(text string) *Document {
	d := draft(KindRun, text, made)
	d.doc.Of = &Run{text, text, text, text}
	d.section("all", text)
	d.text("%s", text)
	d.facts(fact(text, text))
	d.list([]string{text, text}, "")
	d.table([]string{text, text}, [][]Value{cells(text, text)}, "")
	d.block(Block{Picture: &Picture{Title: text, Desc: text}})
	d.lack(text, true)
	return d.done(text)
}

// skeletons are those of both forms of a document.
func skeletons(t testing.TB, d *Document) [2]string {
	t.Helper()
	page, err := d.HTML()
	require.NoError(t, err)
	return [2]string{skeleton(t, page), skeleton(t, rendered(t, d))}
}

// harmless are the skeletons of the same reports of a word.
var harmless = sync.OnceValue(func() (all [][2]string) {
	for _, d := range documents("word") {
		all = append(all, skeletons(&testing.T{}, d))
	}
	return all
})

// requireText puts a text on one line everywhere and then, with its line breaks, looks for elements that no report has.
func requireText(t *testing.T, text string) {
	t.Helper()
	oneLine := "word " + line(text) + " word"
	if line(text) == "" || !said(text) {
		oneLine = "word"
	}
	want := harmless()
	for i, d := range documents(oneLine) {
		got := skeletons(t, d)
		require.Equal(t, want[i][0], got[0], "%s as HTML: %q", d.Kind, text)
		require.Equal(t, want[i][1], got[1], "%s as Markdown: %q\n%s", d.Kind, text, d.Markdown())
	}
	for _, d := range documents(text) {
		page, err := d.HTML()
		require.NoError(t, err)
		requireElements(t, page, text)
		requireElements(t, rendered(t, d), text)
		require.False(t, control.Match(d.Markdown()), "%q", text)
		require.False(t, control.Match(page), "%q", text)
	}
}

// control are characters that nobody sees.
var control = regexp.MustCompile("[\x00-\x08\x0b-\x1f\x7f\u200b\u202a-\u202e\u2066-\u2069]")

// elements are all that a report may have, and where an address may stand.
var elements = []string{
	"html", "head", "meta", "title", "style", "body", "main", "header", "h1", "h2", "p", "br", "section", "dl", "dt", "dd", "ul", "li", "div", "table", "thead", "tbody", "tr", "th", "td",
	"strong", "figure", "figcaption", "img", "footer", "hr",
}

func requireElements(t *testing.T, page []byte, text string) {
	t.Helper()
	for z := html.NewTokenizer(bytes.NewReader(page)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return
		case html.CommentToken:
			t.Fatalf("a comment came of %q", text)
		case html.StartTagToken, html.SelfClosingTagToken:
			token := z.Token()
			require.Contains(t, elements, token.Data, "%q", text)
			for _, a := range token.Attr {
				require.False(t, strings.HasPrefix(a.Key, "on") || a.Key == "href" || a.Key == "style" || a.Key == "id", "%s=%s came of %q", a.Key, a.Val, text)
				require.True(t, a.Key != "src" || strings.HasPrefix(a.Val, "data:image/svg+xml;base64,"), "%q", text)
			}
		}
	}
}

// TestAllThatWasWrittenIsThere makes sure that cleaning takes away no word.
func TestAllThatWasWrittenIsThere(t *testing.T) {
	t.Parallel()
	rec := theNight()
	rec.Timeline[0].Text = `<b>the pool</b> of {{"db"}} was *full* & a_b said "no" at https://a.example`
	d := Incident(rec, whole(), made)
	page, err := d.HTML()
	require.NoError(t, err)
	var plain bytes.Buffer
	require.NoError(t, goldmark.New(goldmark.WithExtensions(extension.GFM)).Convert(d.Markdown(), &plain))
	for _, got := range [][]byte{page, plain.Bytes()} {
		root, err := html.Parse(bytes.NewReader(got))
		require.NoError(t, err)
		require.Contains(t, textOf(root), rec.Timeline[0].Text)
	}
}

func textOf(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	var out strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		out.WriteString(textOf(c))
	}
	return out.String()
}

// TestReportsCarryWhatTheyMust looks for what a reader in a dispute asks for first.
func TestReportsCarryWhatTheyMust(t *testing.T) {
	t.Parallel()
	text := string(Incident(theNight(), Answers{}, made).Markdown())
	for _, want := range []string{"sha256:2c26b46b68ff", "late: met after 7m, 2m after it was due", "Ben (maintenance-coordinator) over slack", "not undone: no such network"} {
		require.Contains(t, text, want)
	}
	d := Incident(theNight(), Answers{}, made)
	require.False(t, d.Complete)
	require.Equal(t, []string{"impact on the business", "lessons", "action items"}, d.Unanswered(), "the rest was said in the run")
	require.Equal(t, len(d.Missing), strings.Count(text, missingMark))
}
