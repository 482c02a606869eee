package http

import (
	"math"
	"slices"
	"time"
)

// latency sums up how long answers took, in milliseconds. Without answers everything is 0.
type latency struct{ mean, p50, p95, min, max float64 }

func summarise(took []time.Duration) latency {
	if len(took) == 0 {
		return latency{}
	}
	sorted := slices.Sorted(slices.Values(took))
	var sum time.Duration
	for _, d := range sorted {
		sum += d
	}
	return latency{
		mean: milliseconds(sum / time.Duration(len(sorted))),
		p50:  milliseconds(nearestRank(sorted, 50)),
		p95:  milliseconds(nearestRank(sorted, 95)),
		min:  milliseconds(sorted[0]),
		max:  milliseconds(sorted[len(sorted)-1]),
	}
}

// nearestRank is the smallest value that at least percent of all values do not exceed. It is always a
// value that was measured, never one in between.
func nearestRank(sorted []time.Duration, percent int) time.Duration {
	rank := (percent*len(sorted) + 99) / 100
	return sorted[max(rank, 1)-1]
}

// milliseconds keeps three decimals, a microsecond.
func milliseconds(d time.Duration) float64 {
	return math.Round(float64(d)/float64(time.Microsecond)) / 1000
}
