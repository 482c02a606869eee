package simulate

import (
	"fmt"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// ParseMoment reads a time as scenarios write it: "+7m", from the start of the run, or RFC 3339.
func ParseMoment(text string) (Moment, error) {
	if rest, ok := strings.CutPrefix(text, "+"); ok {
		d, err := yamldoc.ParseDuration(rest)
		if err != nil {
			return Moment{}, fmt.Errorf("%q is not a time after the start; write it like +7m, +90s or +1h30m", text)
		}
		return Moment{After: d, given: true}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return Moment{}, fmt.Errorf("%q is not a time; write it like +7m, after the start, or like 2026-11-21T02:14:00Z", text)
	}
	return Moment{At: t, given: true}, nil
}

// DecodeYAML implements yamldoc.NodeDecoder.
func (m *Moment) DecodeYAML(d *yamldoc.Decoder, n *yaml.Node) {
	if n.Kind != yaml.ScalarNode {
		d.Problem(n, "want a time like +7m, found %s", yamldoc.Describe(n))
		return
	}
	parsed, err := ParseMoment(n.Value)
	if err != nil {
		d.Problem(n, "%v", err)
		return
	}
	*m = parsed
}

// relative writes a time after the start: +7m, +1h30m, +0s.
func relative(start, t time.Time) string {
	d := t.Sub(start).Truncate(time.Second)
	if d < 0 {
		return "-" + yamldoc.FormatDuration(-d)
	}
	if d == 0 {
		return "+0s"
	}
	return "+" + short(d)
}

// short writes a duration without parts that are zero; days from two days on.
func short(d time.Duration) string {
	if day := 24 * time.Hour; d >= 2*day {
		rest := d % day
		if rest == 0 {
			return fmt.Sprintf("%dd", d/day)
		}
		return fmt.Sprintf("%dd%s", d/day, short(rest))
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
