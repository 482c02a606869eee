package yamldoc

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// longParts are weeks and days, which come before what Go's own syntax knows.
var longParts = regexp.MustCompile(`^(?:(\d+)w)?(?:(\d+)d)?(.*)$`)

// ParseDuration reads a length of time as operators write it: Go's syntax after days (24 h) and weeks
// (7 d), as in "90s", "1h30m", "2d", "1w2d12h". It is never negative and at most 100 years.
func ParseDuration(s string) (time.Duration, error) {
	const day, longest = 24 * time.Hour, 36500 * 24 * time.Hour
	wrong := fmt.Errorf("%q is not a duration; write it like 90s, 5m, 1h30m, 2d or 1w", short(s))
	m := longParts.FindStringSubmatch(s)
	if m == nil || s == "" {
		return 0, wrong
	}
	var total time.Duration
	for i, unit := range []time.Duration{7 * day, day} {
		if m[i+1] == "" {
			continue
		}
		n, err := strconv.Atoi(m[i+1])
		if err != nil || n > int(longest/unit) {
			return 0, fmt.Errorf("%q is longer than 100 years", short(s))
		}
		total += time.Duration(n) * unit
	}
	if rest := m[3]; rest != "" {
		d, err := time.ParseDuration(rest)
		if err != nil {
			return 0, wrong
		}
		if d < 0 || strings.HasPrefix(rest, "+") {
			return 0, fmt.Errorf("%q is negative; a duration is not", short(s))
		}
		total += min(d, longest)
	}
	if total > longest {
		return 0, fmt.Errorf("%q is longer than 100 years", short(s))
	}
	return total, nil
}

// FormatDuration writes a duration so that ParseDuration reads it back: the shortest form, days when it
// is whole days, weeks when it is whole weeks.
func FormatDuration(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d <= 0:
		return d.String()
	case d%(7*day) == 0:
		return strconv.Itoa(int(d/(7*day))) + "w"
	case d%day == 0:
		return strconv.Itoa(int(d/day)) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
