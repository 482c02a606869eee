package main

import (
	"strings"
	"time"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/starter/screen"
)

// atHelp says what --at takes.
const atHelp = "another time than now: '2026-12-24 18:00' or 18:00 (UTC), RFC 3339, 12h, -3d"

// timeAt reads the time that --at means; now when it says nothing. A time without a zone is UTC, a time of day is
// the next one.
func timeAt(s string) (time.Time, error) {
	if s == "" {
		return now(), nil
	}
	t, ok := momentFrom(s, now())
	if !ok {
		return time.Time{}, exit(exitUsage, "--at %s is not a time; write it like '2026-12-24 18:00', 18:00 (both UTC), 2026-12-24T18:00:00+01:00, 12h or -3d", screen.Clean(s))
	}
	return t, nil
}

// momentFrom reads a date, a date with a time, a time of day, or how far from now it is.
func momentFrom(s string, from time.Time) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04", time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	for _, layout := range []string{"15:04", time.TimeOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			day := from.UTC().Truncate(24 * time.Hour)
			if t = day.Add(t.Sub(t.Truncate(24 * time.Hour))); t.Before(from) {
				t = t.AddDate(0, 0, 1)
			}
			return t, true
		}
	}
	rest, past := strings.CutPrefix(s, "-")
	d, err := sops.ParseDuration(strings.TrimPrefix(rest, "+"))
	if err != nil || past && strings.HasPrefix(rest, "+") {
		return time.Time{}, false
	}
	if past {
		return from.Add(-d.D()), true
	}
	return from.Add(d.D()), true
}
