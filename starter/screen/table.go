package screen

import "strings"

// Table is aligned columns under a header. Cells are cleaned; the column Wraps is folded so that the
// table fits the width, every other column keeps its length.
type Table struct {
	Header []string
	// Wraps is the index of the column that is folded when the table is too wide.
	Wraps int
	Paint Painter
	// Style, when set, colours a cell once it has its final length.
	Style func(column int, text string) Tone

	rows [][]string
}

// Add appends a row.
func (t *Table) Add(cells ...string) {
	row := make([]string, len(t.Header))
	for i := range row {
		if i < len(cells) {
			row[i] = Clean(cells[i])
		}
	}
	t.rows = append(t.rows, row)
}

// Len is how many rows there are.
func (t *Table) Len() int { return len(t.rows) }

// Lines lays the table out for a terminal of that many cells.
func (t *Table) Lines(width int) []string {
	widths := t.widths(width)
	lines := t.layout(t.Header, widths, func(int, string) Tone { return Dim })
	style := t.Style
	if style == nil {
		style = func(int, string) Tone { return Plain }
	}
	for _, row := range t.rows {
		lines = append(lines, t.layout(row, widths, style)...)
	}
	return lines
}

const (
	gap     = 2  // cells between columns
	minWrap = 16 // a folded column never gets narrower
)

func (t *Table) widths(width int) []int {
	widths := make([]int, len(t.Header))
	total := gap * (len(t.Header) - 1)
	for i, h := range t.Header {
		widths[i] = Cells(h)
		for _, row := range t.rows {
			widths[i] = max(widths[i], Cells(row[i]))
		}
		total += widths[i]
	}
	if over := total - width; over > 0 {
		widths[t.Wraps] = max(min(minWrap, widths[t.Wraps]), widths[t.Wraps]-over)
	}
	return widths
}

func (t *Table) layout(row []string, widths []int, style func(int, string) Tone) []string {
	folded := Wrap(row[t.Wraps], widths[t.Wraps])
	lines := make([]string, 0, len(folded))
	for n, part := range folded {
		var b strings.Builder
		for i, cell := range row {
			switch {
			case i == t.Wraps:
				cell = part
			case n > 0:
				cell = ""
			}
			if i < len(row)-1 {
				cell = Pad(cell, widths[i]+gap)
			}
			b.WriteString(t.Paint.Tone(style(i, row[i]), cell))
		}
		lines = append(lines, strings.TrimRight(b.String(), " "))
	}
	return lines
}
