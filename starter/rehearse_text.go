package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aymanbagabas/go-udiff"

	"github.com/orderly-ops/orderly/internal/simulate"
	"github.com/orderly-ops/orderly/starter/screen"
)

// nameCells is the room for a scenario's name, so that what follows is aligned.
const nameCells = 50

// lines are one scenario: its verdict on one line, and below it what is wrong.
func (v *verdict) lines(paint screen.Painter, width int, verbose bool) []string {
	word, tone := "ok", screen.Good
	if v.Verdict != verdictOK {
		word, tone = "FAIL", screen.Bad
	}
	span := "-"
	if v.result != nil {
		span = screen.Took(v.span)
	}
	name := screen.Pad(screen.Clean(v.Procedure+"/"+v.Scenario), nameCells)
	line := paint.Tone(tone, screen.Pad(word, 5)) + " " + name + fmt.Sprintf(" %10s %7s", span, screen.Took(time.Duration(v.TookMS)*time.Millisecond))
	lines := append([]string{line}, v.wrong(paint, width)...)
	if verbose && v.Verdict == verdictFailed {
		lines = append(lines, "")
		for _, l := range simulationText(v.result, nil, false, paint, min(width, defaultWidth)-wrongIndent) {
			lines = append(lines, strings.TrimRight(strings.Repeat(" ", wrongIndent)+l, " "))
		}
		lines = append(lines, "")
	}
	return lines
}

const wrongIndent = 6

// wrong says what is wrong, with the place in the file.
func (v *verdict) wrong(paint screen.Painter, width int) []string {
	indent := strings.Repeat(" ", wrongIndent)
	var lines []string
	for _, p := range v.Problems {
		lines = append(lines, indent+screen.Clean(p.String())) // a place stays in one piece, to be clicked on
	}
	if v.Error != "" {
		lines = append(lines, folded(indent, v.File+": "+v.Error, width)...)
	}
	for _, m := range v.Mismatches {
		lines = append(lines, indent+screen.Clean(m.Pos.String()+": "+m.What))
		for _, l := range shortened(difference(m)) {
			tone := map[byte]screen.Tone{'-': screen.Bad, '+': screen.Good}[l[0]]
			sign := l[:2]
			for _, part := range screen.Wrap(l[2:], max(width-wrongIndent-4, 20)) {
				lines = append(lines, indent+"  "+paint.Tone(tone, sign+part))
				sign = "    "
			}
		}
	}
	return lines
}

// How much of a long difference is shown: its beginning and its end.
const (
	firstDifferent = 40
	lastDifferent  = 20
)

// shortened leaves out the middle of what nobody reads to the end.
func shortened(lines []string) []string {
	left := len(lines) - firstDifferent - lastDifferent
	if left <= 1 {
		return lines
	}
	gap := fmt.Sprintf("  … %d lines; --json has them all", left)
	return slices.Concat(lines[:firstDifferent], []string{gap}, lines[firstDifferent+left:])
}

// difference is what was expected (-) against what came (+), a line each; unchanged lines begin with a space.
func difference(m simulate.Mismatch) []string {
	if len(m.Want)+len(m.Got) == 0 {
		return []string{"- " + shown(m.Expected), "+ " + shown(m.Actual)}
	}
	want, got := listed(m.Want), listed(m.Got)
	diff, err := udiff.ToUnifiedDiff("", "", want, udiff.Lines(want, got), len(m.Want)+len(m.Got))
	if err != nil || len(diff.Hunks) == 0 {
		return []string{"- " + shown(m.Expected), "+ " + shown(m.Actual)}
	}
	var lines []string
	for _, h := range diff.Hunks {
		for _, l := range h.Lines {
			sign := map[udiff.OpKind]string{udiff.Delete: "- ", udiff.Insert: "+ ", udiff.Equal: "  "}[l.Kind]
			lines = append(lines, sign+shown(l.Content))
		}
	}
	switch {
	case len(m.Want) == 0:
		lines = append([]string{"- (none)"}, lines...)
	case len(m.Got) == 0:
		lines = append(lines, "+ (none)")
	}
	return lines
}

// shown is one line of text.
func shown(s string) string {
	if s = screen.Clean(s); s == "" {
		return "(nothing)"
	}
	return s
}

// listed has an entry a line.
func listed(entries []string) string {
	var b strings.Builder
	for _, e := range entries {
		b.WriteString(screen.Clean(e) + "\n")
	}
	return b.String()
}

// coverageLines list the procedures and how many scenarios each has.
func (r *rehearsed) coverageLines(paint screen.Painter, width int) []string {
	table := &screen.Table{Header: []string{"PROCEDURE", "SCENARIOS", ""}, Wraps: 2, Paint: paint}
	for _, p := range r.Procedures {
		note := ""
		if p.Scenarios < wantedScenarios {
			note = fmt.Sprintf("at least %d: all well, nobody answers, something fails", wantedScenarios)
		}
		table.Add(p.Procedure, strconv.Itoa(p.Scenarios), note)
	}
	return append([]string{""}, table.Lines(width)...)
}
