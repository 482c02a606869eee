package diagram

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"time"
)

// scale puts moments on a line of so many pixels. Where nothing happens time is drawn shorter: the room between
// two moments grows with the logarithm of the time between them, so that a restart of seconds and a night of
// waiting both show.
type scale struct {
	moments []time.Time
	at      []float64 // in pixels
}

func (c *chart) scale(pixels int) *scale {
	s := &scale{moments: []time.Time{c.start, c.end}}
	for _, l := range c.lanes {
		for _, r := range l.rows {
			for _, b := range r.bars {
				s.moments = append(s.moments, b.from, b.to)
				if !b.due.IsZero() {
					s.moments = append(s.moments, b.due)
				}
			}
			for _, m := range r.marks {
				s.moments = append(s.moments, m.at)
			}
		}
	}
	slices.SortFunc(s.moments, time.Time.Compare)
	s.moments = slices.CompactFunc(s.moments, time.Time.Equal)
	s.at = make([]float64, len(s.moments))
	total := 0.0
	for i := 1; i < len(s.moments); i++ {
		total += math.Log1p(s.moments[i].Sub(s.moments[i-1]).Seconds())
		s.at[i] = total
	}
	for i := range s.at {
		s.at[i] *= float64(pixels) / max(total, 1e-9)
	}
	return s
}

// x is the place of a moment that is one of those the scale was made of, else of the next that is.
func (s *scale) x(t time.Time) int {
	i := sort.Search(len(s.moments), func(i int) bool { return !s.moments[i].Before(t) })
	if i == len(s.moments) {
		i--
	}
	return int(math.Round(s.at[i]))
}

// ticks are moments at least so many pixels apart, the first and the last among them.
func (s *scale) ticks(apart int) []time.Time {
	last := s.moments[len(s.moments)-1]
	out := []time.Time{s.moments[0]}
	for _, m := range s.moments {
		if s.x(m)-s.x(out[len(out)-1]) >= apart && s.x(last)-s.x(m) >= apart {
			out = append(out, m)
		}
	}
	if s.x(last)-s.x(out[0]) >= apart {
		out = append(out, last)
	}
	return out
}

// tickText is a moment by its distance from the start, as exact as there is room for.
func tickText(start, t time.Time) string {
	const day = 24 * time.Hour
	switch d := t.Sub(start); {
	case d >= 2*day:
		return fmt.Sprintf("+%dd%dh", d/day, d%day/time.Hour)
	case d >= time.Hour:
		return since(start, start.Add(d.Truncate(time.Minute)))
	default:
		return since(start, t)
	}
}
