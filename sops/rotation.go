package sops

import (
	"fmt"
	"strings"
	"time"
)

// turns is the arithmetic of one rotation. Turn n begins at the wall clock's first + n × every, so a
// hand-off at nine stays at nine all year; a turn is then an hour shorter or longer when clocks change.
type turns struct {
	rotation Rotation
	zone     *time.Location
	first    civil
}

// shortestTurn keeps hand-offs apart however clocks are changed.
const shortestTurn = time.Hour

// newTurns reads a rotation's times. The error says what is wrong with which key.
func newTurns(r Rotation, zone *time.Location) (*turns, string, error) {
	day, at, err := parseHandOff(r.HandOff)
	if err != nil {
		return nil, "hand_off", err
	}
	const week = 7 * 24 * time.Hour
	first := civil(r.From.Time).day()
	switch start := time.Time(first).Weekday(); {
	case r.Every.D() < shortestTurn || r.Every.D()%time.Minute != 0:
		return nil, "every", fmt.Errorf("a turn lasts at least 1h and whole minutes, not %s", r.Every)
	case day < 0:
	case r.Every.D()%week != 0:
		return nil, "hand_off", fmt.Errorf("turns of %s do not change on the same day; leave %s out", r.Every, weekdays[day])
	case start != day:
		near := r.From.AddDate(0, 0, -(int(start-day)+7)%7)
		return nil, "from", fmt.Errorf("%s is a %s, but turns change on %s; take %s", r.From, weekdays[start], weekdays[day], Date{near})
	}
	return &turns{rotation: r, zone: zone, first: first.plus(time.Duration(at) * time.Minute)}, "", nil
}

// parseHandOff reads "Mon 09:00" or "09:00". Without a day it is -1.
func parseHandOff(s string) (day time.Weekday, at clockTime, err error) {
	if s == "" {
		return -1, 0, nil
	}
	day, clock := -1, s
	if name, rest, found := strings.Cut(s, " "); found {
		if day, err = parseWeekday(name); err != nil {
			return 0, 0, err
		}
		clock = strings.TrimSpace(rest)
	}
	at, err = parseClock(clock)
	if err == nil && at == endOfDay {
		err = fmt.Errorf("%q: write the midnight after as 00:00 of the next day", s)
	}
	return day, at, err
}

// begin is when turn n begins.
func (t *turns) begin(n int64) time.Time {
	seconds := time.Time(t.first).Unix() + n*t.seconds() // a time.Duration ends after 292 years
	return civil(time.Unix(seconds, 0).UTC()).in(t.zone)
}

func (t *turns) seconds() int64 { return int64(t.rotation.Every.D() / time.Second) }

// number is the turn of an instant; negative before the first.
func (t *turns) number(at time.Time) int64 {
	since := time.Time(civilAt(at, t.zone)).Unix() - time.Time(t.first).Unix()
	n := since / t.seconds()
	if since < 0 {
		n--
	}
	for t.begin(n).After(at) {
		n--
	}
	for !t.begin(n + 1).After(at) {
		n++
	}
	return n
}

// member is whose turn it is, covers aside. Before the first turn it is nobody's.
func (t *turns) member(n int64) string {
	if n < 0 || len(t.rotation.Members) == 0 {
		return ""
	}
	return t.rotation.Members[n%int64(len(t.rotation.Members))]
}

// shift is who is on call, covers included, and the time around at for which nothing changes. A zero from
// means since ever.
func (t *turns) shift(at time.Time) (who string, from, until time.Time) {
	n := t.number(at)
	base := t.member(n)
	who = base
	if n >= 0 {
		from, until = t.begin(n), t.begin(n+1)
	} else {
		until = t.begin(0)
	}
	for _, c := range t.rotation.Covers {
		if c.For != "" && c.For != base {
			continue
		}
		if !c.From.After(at) && at.Before(c.Until) {
			who = c.By
		}
		for _, edge := range []time.Time{c.From, c.Until} {
			switch {
			case edge.After(at) && edge.Before(until):
				until = edge
			case !edge.After(at) && edge.After(from):
				from = edge
			}
		}
	}
	return who, from, until
}
