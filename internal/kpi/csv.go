package kpi

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// csvHeader is the columns; their names stay.
var csvHeader = []string{"by", "group", "figure", "value", "unit", "records", "target", "met", "since", "until"}

// WriteCSV writes a line for each figure: first those of the whole, whose "by" and "group" are empty, then those
// of each group. A figure without data has neither value nor met. Durations are seconds, shares 0 to 1.
func (s *Set) WriteCSV(out io.Writer) error {
	w := csv.NewWriter(out)
	rows := [][]string{csvHeader}
	rows = append(rows, s.rows("", "", s.Figures)...)
	for _, g := range s.Groups {
		rows = append(rows, s.rows(string(s.By), g.Key, g.Figures)...)
	}
	if err := w.WriteAll(rows); err != nil { // it flushes
		return err
	}
	return w.Error()
}

func (s *Set) rows(by, group string, figures []Figure) [][]string {
	out := make([][]string, len(figures))
	for i, f := range figures {
		value, met := "", ""
		if f.Value != nil {
			value, met = plain(*f.Value), strconv.FormatBool(*f.Met)
		}
		out[i] = []string{
			by, harmless(group), string(f.ID), value, string(f.Unit), strconv.Itoa(f.N),
			f.Target.Op + " " + plain(f.Target.Value), met, s.Since.Format(time.RFC3339), s.Until.Format(time.RFC3339),
		}
	}
	return out
}

func plain(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// harmless keeps a spreadsheet from taking what somebody was named for a formula, and a terminal for a command.
func harmless(cell string) string {
	cell = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, cell)
	if cell != "" && strings.ContainsRune("=+-@ ", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
