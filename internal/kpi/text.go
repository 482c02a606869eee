package kpi

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// NoData is what a figure without records says.
const NoData = "no data"

func (d definition) figure(num, den float64, n int) Figure {
	f := Figure{ID: d.id, Title: d.title, Unit: d.unit, N: n, Of: d.of, Target: d.target, Text: NoData, TargetText: d.target.text(d.unit)}
	if n == 0 || den == 0 {
		return f
	}
	value := num / den
	met := d.target.Met(value)
	f.Value, f.Met, f.Text = &value, &met, d.unit.text(value)
	return f
}

// Counted says on how many records it rests: "1 review", "3 incidents opened".
func (f Figure) Counted() string {
	of := f.Of
	if f.N == 1 {
		noun, rest, _ := strings.Cut(of, " ")
		of = strings.TrimSpace(strings.TrimSuffix(noun, "s") + " " + rest)
	}
	return strconv.Itoa(f.N) + " " + of
}

func (t Target) text(u Unit) string {
	if t.Op == ">=" {
		return u.text(t.Value)
	}
	return t.Op + " " + u.text(t.Value)
}

// text writes a value for people. Shares and scores are cut, not rounded: 99.996 % is not 100 %.
func (u Unit) text(v float64) string {
	switch u {
	case Seconds:
		return Span(time.Duration(v * float64(time.Second)))
	case Ratio:
		return cut(v*100) + " %"
	default:
		return cut(v)
	}
}

// cut writes at most two decimals. The smallest part of one that binary fractions lose is given back first.
func cut(v float64) string {
	const tiny = 1e-9
	return strconv.FormatFloat(math.Floor(v*100+tiny)/100, 'f', -1, 64)
}

// Span writes a length of time in its two largest units: 42s, 4m12s, 5h03m, 3d02h.
func Span(d time.Duration) string {
	s := int(d.Seconds())
	two := func(large int, a string, small int, b string) string {
		if small == 0 {
			return strconv.Itoa(large) + a
		}
		return fmt.Sprintf("%d%s%02d%s", large, a, small, b)
	}
	switch {
	case s < 60:
		return strconv.Itoa(s) + "s"
	case s < 60*60:
		return two(s/60, "m", s%60, "s")
	case s < 72*60*60+1:
		return two(s/3600, "h", s/60%60, "m")
	default:
		return two(s/86400, "d", s/3600%24, "h")
	}
}
