package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/internal/simulate"
	"github.com/orderly-ops/orderly/starter/screen"
)

// pagedWhen says when and over what.
func pagedWhen(start time.Time, p simulate.PagedPerson) string {
	if p.Times == 0 {
		return "not reached"
	}
	return times(start, p.At) + ", over " + strings.Join(p.Over, ", ")
}

// mostTimes is how many times are named one by one.
const mostTimes = 6

// times is "at +0:00, +5:00", or of many "12 times, from +0:00 to +55:00".
func times(start time.Time, at []time.Time) string {
	if len(at) > mostTimes {
		return fmt.Sprintf("%d times, from %s to %s", len(at), screen.Since(start, at[0]), screen.Since(start, at[len(at)-1]))
	}
	parts := make([]string, len(at))
	for i, t := range at {
		parts[i] = screen.Since(start, t)
	}
	return "at " + strings.Join(parts, ", ")
}

// toldLine is what somebody is told, all of one kind.
type toldLine struct {
	to, what   string
	at, missed []time.Time
	over       []string
	lost       []string // the messages that were missed: they are tried again
}

// told lists who is told without having to answer. Questions are in the timeline.
func (t *simulation) told() {
	lines := t.toldLines()
	if len(lines) == 0 {
		return
	}
	t.section("Told besides, without having to answer")
	for _, l := range lines {
		var parts []string
		if len(l.at) > 0 {
			parts = append(parts, strings.Join(append([]string{times(t.At, l.at)}, l.ways()...), ", "))
		}
		if len(l.missed) > 0 {
			parts = append(parts, "not reached "+times(t.At, l.missed))
		}
		tone := screen.Plain
		if len(l.at) == 0 {
			tone = screen.Bad
		}
		t.item("  ", l.to+": "+l.what+" "+strings.Join(parts, "; "), tone)
	}
}

func (t *simulation) toldLines() []*toldLine {
	var lines []*toldLine
	for _, told := range t.Told {
		kind := notify.Kind(told.Kind)
		if kind == notify.KindAsk || kind == notify.KindReminder {
			continue
		}
		what := cmp.Or(toldKinds[told.Kind], told.Kind)
		for _, to := range told.To {
			i := slices.IndexFunc(lines, func(l *toldLine) bool { return l.to == to && l.what == what })
			if i < 0 {
				i, lines = len(lines), append(lines, &toldLine{to: to, what: what})
			}
			lines[i].add(told, to)
		}
	}
	return lines
}

func (l *toldLine) add(told simulate.Told, to string) {
	again := slices.Index(l.lost, told.ID)
	if len(told.Reached) == 0 || slices.Contains(told.Missed, to) {
		if again < 0 {
			l.missed, l.lost = append(l.missed, told.At), append(l.lost, told.ID)
		}
		return
	}
	if again >= 0 {
		l.missed, l.lost = slices.Delete(l.missed, again, again+1), slices.Delete(l.lost, again, again+1)
	}
	l.at = append(l.at, told.At)
	if len(told.To) > 1 {
		return // of many it is not known over what each was reached
	}
	for _, via := range told.Transports {
		if !slices.Contains(l.over, via) {
			l.over = append(l.over, via)
		}
	}
}

func (l *toldLine) ways() []string {
	if len(l.over) == 0 {
		return nil
	}
	return []string{"over " + strings.Join(l.over, ", ")}
}
