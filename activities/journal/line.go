package journal

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	store "github.com/orderly-ops/orderly/internal/journal"
)

const (
	leastPoints = 3
	leastShare  = 0.1  // of the time looked at, that the values have to cover
	steadyShare = 0.05 // of the mean, that the line may move and still be steady
	farDays     = 3650 // a limit further away than this is no forecast
)

// measure fills the trend in from a figure's values.
func (t *Trend) measure(ps []store.Point) {
	t.Points = len(ps)
	if len(ps) == 0 {
		return
	}
	first, last := ps[0], ps[len(ps)-1]
	t.Unit, t.First, t.Last, t.Min, t.Max = last.Unit, first.Value, last.Value, first.Value, first.Value
	for _, p := range ps {
		t.Min, t.Max = min(t.Min, p.Value), max(t.Max, p.Value)
		t.Mean += p.Value / float64(len(ps))
	}
	t.Change = t.Last - t.First
	if t.First != 0 {
		t.Percent = t.Change / math.Abs(t.First) * 100
	}
	span := last.At.Sub(first.At)
	t.Enough = len(ps) >= leastPoints && span >= t.leastSpan()
	if t.Enough {
		slope, scatter := fit(ps)
		t.Slope = slope
		t.Direction = direction(slope*days(span), t.Mean, scatter)
	}
}

// leastSpan is how much time the values have to cover for a line through them to mean anything.
func (t *Trend) leastSpan() time.Duration {
	return time.Duration(leastShare * float64(t.Days) * float64(24*time.Hour))
}

// fit is the straight line that is nearest to the points (least squares): its slope a day, and how far
// the points lie from it (standard deviation).
func fit(ps []store.Point) (slope, scatter float64) {
	var meanX, meanY, sxx, sxy float64
	n, from := float64(len(ps)), ps[0].At
	for _, p := range ps {
		meanX += days(p.At.Sub(from)) / n
		meanY += p.Value / n
	}
	for _, p := range ps {
		x := days(p.At.Sub(from)) - meanX
		sxx += x * x
		sxy += x * (p.Value - meanY)
	}
	if sxx == 0 {
		return 0, 0
	}
	slope = sxy / sxx
	for _, p := range ps {
		off := p.Value - meanY - slope*(days(p.At.Sub(from))-meanX)
		scatter += off * off / n
	}
	return slope, math.Sqrt(scatter)
}

func days(d time.Duration) float64 { return d.Hours() / 24 }

// direction judges how far the line moved in all.
func direction(moved, mean, scatter float64) string {
	switch far := math.Abs(moved); {
	case far == 0, far < steadyShare*math.Abs(mean), far < scatter:
		return "steady"
	case moved > 0:
		return "rising"
	default:
		return "falling"
	}
}

// forecast says when the line reaches a limit. A figure that is steady, or moves away, never does.
func (t *Trend) forecast(limit float64) {
	if t.Direction != "rising" && t.Direction != "falling" {
		return
	}
	ahead := (limit - t.Last) / t.Slope
	if ahead >= 0 && ahead <= farDays {
		t.ReachesLimit, t.DaysToLimit = true, ahead
	}
}

// sentence is the trend for a person.
func (t *Trend) sentence(limit *float64) string {
	what := t.Name
	if t.Subject != "" {
		what += " of " + t.Subject
	}
	switch {
	case t.Points == 0:
		return fmt.Sprintf("%s: not enough data, no value in %s", what, count(t.Days, "day"))
	case !t.Enough:
		return fmt.Sprintf("%s: not enough data, %s in %s, last %s", what,
			count(t.Points, "value"), count(t.Days, "day"), number(t.Last, t.Unit))
	}
	text := fmt.Sprintf("%s: %s over %s, %s to %s", what, t.Direction, count(t.Days, "day"),
		number(t.First, t.Unit), number(t.Last, t.Unit))
	if t.Direction != "steady" {
		text += fmt.Sprintf(", %s a day", signed(t.Slope, t.Unit))
	}
	if t.ReachesLimit {
		text += fmt.Sprintf("; at this pace it reaches %s in %s days", number(*limit, t.Unit), number(t.DaysToLimit, ""))
	}
	return text
}

// count is a number of things: 1 day, 2 days.
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return strconv.Itoa(n) + " " + thing
}

func signed(v float64, unit string) string {
	if v > 0 {
		return "+" + number(v, unit)
	}
	return number(v, unit)
}

// number writes a figure with three digits that matter, bytes in the unit people use.
func number(v float64, unit string) string {
	if unit == "bytes" {
		return bytes(v)
	}
	text := strconv.FormatFloat(v, 'f', decimals(v), 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	if text == "-0" {
		text = "0"
	}
	return strings.TrimSpace(text + " " + unit)
}

// decimals is how many digits after the point leave three that matter.
func decimals(v float64) int {
	if v == 0 {
		return 0
	}
	return min(6, max(0, 2-int(math.Floor(math.Log10(math.Abs(v))))))
}

func bytes(v float64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"}
	for math.Abs(v) >= 1023.5 && len(units) > 1 {
		v, units = v/1024, units[1:]
	}
	return number(v, strings.Replace(units[0], "bytes", "B", 1))
}
