package sops

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// clockTime is a time of day in minutes since midnight; 24:00 is allowed where something ends.
type clockTime int

const endOfDay clockTime = 24 * 60

// parseClock reads "09:00".
func parseClock(s string) (clockTime, error) {
	h, m, ok := strings.Cut(s, ":")
	hours, err1 := strconv.ParseUint(h, 10, 8)
	minutes, err2 := strconv.ParseUint(m, 10, 8)
	at := clockTime(hours*60 + minutes)
	if !ok || len(h) != 2 || len(m) != 2 || err1 != nil || err2 != nil || minutes > 59 || at > endOfDay {
		return 0, fmt.Errorf("%q is not a time of day; write it like 09:00", s)
	}
	return at, nil
}

// weekdays are the days as operators write them.
var weekdays = []string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}

func parseWeekday(s string) (time.Weekday, error) {
	for i, name := range weekdays {
		if strings.EqualFold(s, name) {
			return time.Weekday(i), nil
		}
	}
	return 0, fmt.Errorf("%q is not a day; there are Mon, Tue, Wed, Thu, Fri, Sat, Sun", s)
}

// civil is what a calendar and a clock on the wall show, kept in a time.Time of UTC: such times can be
// added to without thinking of daylight saving.
type civil time.Time

// civilAt is what hangs on the wall of a place at an instant.
func civilAt(t time.Time, zone *time.Location) civil {
	t = t.In(zone)
	return civil(time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC))
}

func (c civil) plus(d time.Duration) civil { return civil(time.Time(c).Add(d)) }

func (c civil) day() civil {
	t := time.Time(c)
	return civil(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC))
}

// in is the first instant at which the clocks of a place show this, or have just jumped over it. It never
// goes back when c goes on.
func (c civil) in(zone *time.Location) time.Time {
	w := time.Time(c)
	t := time.Date(w.Year(), w.Month(), w.Day(), w.Hour(), w.Minute(), w.Second(), w.Nanosecond(), zone)
	since, until := t.ZoneBounds()
	switch shown := time.Time(civilAt(t, zone)); {
	case shown.Before(w): // it was jumped over; what we have lies before the jump
		return until
	case shown.After(w):
		return since
	}
	if since.IsZero() {
		return t
	}
	_, now := t.Zone()
	_, before := since.Add(-1).Zone()
	if first := t.Add(-time.Duration(before-now) * time.Second); before > now && first.Before(since) {
		return first // the clocks were put back and show it twice
	}
	return t
}

// zoneOf loads a time zone that was checked; "" is UTC.
func zoneOf(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return zone
}
