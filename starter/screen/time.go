package screen

import (
	"fmt"
	"strconv"
	"time"
)

// Took writes a length of time for people: 34ms, 0.4s, 12s, 3:07, 2:03:07, 3d 02:03.
func Took(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + Took(d.Abs())
	case d < 100*time.Millisecond:
		return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Truncate(100*time.Millisecond).Seconds(), 'f', 1, 64) + "s"
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + "s"
	}
	s := int(d.Seconds())
	switch {
	case d < time.Hour:
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	default:
		return fmt.Sprintf("%dd %02d:%02d", s/86400, s/3600%24, s/60%60)
	}
}

// Stamp is a moment in UTC to the second.
func Stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

// Clock is a moment's time of day in UTC.
func Clock(t time.Time) string { return t.UTC().Format("15:04:05Z") }

// Since writes a moment by its distance from start: +0:00, +1:02:03.
func Since(start, t time.Time) string {
	d := t.Sub(start)
	sign := "+"
	if d < 0 {
		sign, d = "-", -d
	}
	s := int(d.Seconds())
	if s < 3600 {
		return fmt.Sprintf("%s%d:%02d", sign, s/60, s%60)
	}
	return fmt.Sprintf("%s%d:%02d:%02d", sign, s/3600, s/60%60, s%60)
}
