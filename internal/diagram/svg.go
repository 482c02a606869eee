package diagram

import (
	"encoding/xml"
	"fmt"
	"strings"

	"golang.org/x/text/width"
)

// style has the colours, for light and for dark. Colour only repeats what words and shapes say.
const style = `
:root{--bg:#fff;--panel:#f6f7f9;--card:#fff;--line:#d0d5dd;--ink:#101828;--dim:#596273;--action:#1d4ed8;--person:#b45309;--other:#4b5563;--undo:#b42318;--good:#15803d;--bad:#b42318;--busy:#0e7490;--clock:#6d28d9}
@media (prefers-color-scheme:dark){:root{--bg:#0d1117;--panel:#161b22;--card:#0d1117;--line:#3b4350;--ink:#e6edf3;--dim:#9da7b3;--action:#79a9ff;--person:#f0b34d;--other:#a8b1bd;--undo:#ff8f85;--good:#4cc26a;--bad:#ff8f85;--busy:#4cc9e0;--clock:#b79cff}}
text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif;font-size:12px;fill:var(--ink)}
.h1{font-size:20px;font-weight:600}.h2{font-size:14px;font-weight:600}.b{font-size:12.5px;font-weight:600}.s{font-size:11px;fill:var(--dim)}.end{text-anchor:end}.mid{text-anchor:middle}
.bg{fill:var(--bg)}.panel{fill:var(--panel);stroke:var(--line)}.dashed{stroke-dasharray:6 4;stroke:var(--undo)}.card{fill:var(--card);stroke:var(--line)}.group{fill:none;stroke:var(--other);stroke-dasharray:5 4}
.grid{stroke:var(--line);stroke-width:1}.arrow{stroke:var(--dim);stroke-width:1.4;fill:none}.tip{fill:var(--dim)}
.action{fill:var(--action)}.person{fill:var(--person)}.other{fill:var(--other)}.undo{fill:var(--undo)}
.good{fill:var(--good)}.bad{fill:var(--bad)}.busy{fill:var(--busy)}.clock{fill:var(--clock)}.dim{fill:var(--dim)}
.soft{fill-opacity:.22}.due{stroke:var(--ink);stroke-width:1.6}.hollow{fill:var(--bg);stroke:var(--bad);stroke-width:1.8}
`

// canvas is the inside of an SVG file that is being drawn. Sizes are in pixels.
type canvas struct{ b strings.Builder }

// file closes the picture: with its size, and its text for those who can't see it.
func (c *canvas) file(w, h int, title, description string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-labelledby="title desc">`, w, h, w, h)
	fmt.Fprintf(&b, "\n<title id=\"title\">%s</title>\n<desc id=\"desc\">%s</desc>\n<style>%s</style>\n", markup(title), markup(description), style)
	fmt.Fprintf(&b, `<rect class="bg" width="%d" height="%d"/>`+"\n", w, h)
	b.WriteString(c.b.String())
	b.WriteString("</svg>\n")
	return b.String()
}

// markup is text inside XML.
func markup(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(plain(s))) // a Builder takes everything
	return b.String()
}

func (c *canvas) rect(x, y, w, h int, class string) {
	fmt.Fprintf(&c.b, `<rect x="%d" y="%d" width="%d" height="%d" rx="%d" class="%s"/>`+"\n", x, y, w, h, min(6, h/2, max(w, 1)/2), class)
}

// text writes a line whose letters stand on y.
func (c *canvas) text(x, y int, class, s string) {
	if s = markup(s); s != "" {
		fmt.Fprintf(&c.b, `<text x="%d" y="%d" class="%s">%s</text>`+"\n", x, y, class, s)
	}
}

func (c *canvas) rule(x1, y1, x2, y2 int, class string) {
	fmt.Fprintf(&c.b, `<path d="M%d %dL%d %d" class="%s"/>`+"\n", x1, y1, x2, y2, class)
}

// arrow goes straight down.
func (c *canvas) arrow(x, from, to int) {
	c.rule(x, from, x, to-4, "arrow")
	fmt.Fprintf(&c.b, `<path d="M%d %dl-4 -6h8z" class="tip"/>`+"\n", x, to)
}

// told draws what draw does, with a text that shows when somebody points at it.
func (c *canvas) told(text string, draw func()) {
	fmt.Fprintf(&c.b, "<g><title>%s</title>", markup(text))
	draw()
	c.b.WriteString("</g>\n")
}

// breadth estimates how wide text gets, in pixels at a size of 12: rather too wide than too narrow, because
// nobody knows the font that it will be shown in.
func breadth(s string) int {
	tenths := 0
	for _, r := range s {
		tenths += tenthsOf(r)
	}
	return (tenths + 9) / 10
}

// tenthsOf is the width of a letter in tenths of a pixel.
func tenthsOf(r rune) int {
	switch kind := width.LookupRune(r).Kind(); {
	case kind == width.EastAsianWide || kind == width.EastAsianFullwidth || r > 0xFFFF:
		return 124
	case strings.ContainsRune("iljtfr.,:;'|!()[] ", r):
		return 46
	case strings.ContainsRune("mwMW@%…—", r):
		return 112
	case r >= 'A' && r <= 'Z':
		return 84
	default:
		return 72
	}
}

// boldRoom is how much plain text needs as much room as so many pixels of bold text.
func boldRoom(room int) int { return room * 7 / 8 }

// fold breaks text into at most so many lines of so many pixels; what is left over is cut.
func fold(s string, room, most int) []string {
	var lines []string
	rest := plain(s)
	for rest != "" && len(lines) < most {
		var line string
		line, rest = breakAt(rest, room)
		if rest != "" && len(lines) == most-1 {
			line = fit(line+" "+rest, room)
		}
		lines = append(lines, line)
	}
	return lines
}

// breakAt takes as many words as fit; a word that is too long is broken.
func breakAt(s string, room int) (line, rest string) {
	if breadth(s) <= room {
		return s, ""
	}
	end, space, used := 0, -1, 0
	for i, r := range s {
		used += tenthsOf(r)
		if used > 10*room && i > 0 {
			break
		}
		if r == ' ' {
			space = i
		}
		end = i + len(string(r))
	}
	if end < len(s) && s[end] != ' ' && space > 0 {
		end = space
	}
	return strings.TrimSpace(s[:end]), strings.TrimSpace(s[end:])
}

// fit cuts text to so many pixels.
func fit(s string, room int) string {
	s = plain(s)
	if breadth(s) <= room {
		return s
	}
	runes := []rune(s)
	for len(runes) > 1 && breadth(string(runes))+breadth("…") > room {
		runes = runes[:len(runes)-1]
	}
	return strings.TrimRight(string(runes), " ") + "…"
}
