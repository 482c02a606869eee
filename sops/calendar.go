package sops

import (
	"fmt"
	"strings"
	"time"
)

// businessTime is the arithmetic of one calendar.
type businessTime struct {
	zone     *time.Location
	ends     [7]clockTime // when business ends by weekday; 0 where there is none
	holidays map[string]bool
}

// withoutCalendar is what counts where org.yaml has no calendar.
var withoutCalendar = Calendar{Hours: "Mon-Fri 09:00-17:00"}

// newBusinessTime reads a calendar. The error is about its hours.
func newBusinessTime(c Calendar) (*businessTime, error) {
	b := &businessTime{zone: zoneOf(c.TimeZone), holidays: make(map[string]bool, len(c.Holidays))}
	for _, d := range c.Holidays {
		b.holidays[d.String()] = true
	}
	for part := range strings.SplitSeq(c.Hours, ",") {
		if err := b.add(strings.TrimSpace(part)); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// add reads "Mon-Fri 09:00-17:00" or "Sat 10:00-14:00".
func (b *businessTime) add(part string) error {
	days, hours, ok := strings.Cut(part, " ")
	begins, ends, ok2 := strings.Cut(strings.TrimSpace(hours), "-")
	if !ok || !ok2 {
		return fmt.Errorf("%q are not business hours; write them like Mon-Fri 09:00-17:00", part)
	}
	from, err := parseClock(begins)
	if err != nil {
		return err
	}
	until, err := parseClock(ends)
	if err != nil {
		return err
	}
	if from >= until {
		return fmt.Errorf("%q: business ends before it begins", part)
	}
	first, last, ranged := strings.Cut(days, "-")
	if !ranged {
		last = first
	}
	start, err := parseWeekday(first)
	if err != nil {
		return err
	}
	end, err := parseWeekday(last)
	if err != nil {
		return err
	}
	for day := start; ; day = (day + 1) % 7 {
		b.ends[day] = max(b.ends[day], until)
		if day == end {
			return nil
		}
	}
}

// endOfNextDay is when business ends on the first business day after the day of an instant.
func (b *businessTime) endOfNextDay(at time.Time) time.Time {
	const day, week = 24 * time.Hour, 7
	next := civilAt(at, b.zone).day()
	for range (len(b.holidays) + 1) * week {
		next = next.plus(day)
		t := time.Time(next)
		if end := b.ends[t.Weekday()]; end > 0 && !b.holidays[t.Format(time.DateOnly)] {
			return next.plus(time.Duration(end) * time.Minute).in(b.zone)
		}
	}
	return next.in(b.zone) // not reached: every week has a business day, and only so many are holidays
}
