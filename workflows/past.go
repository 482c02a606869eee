package workflows

import (
	"slices"
	"time"
)

// PastPromises are the promises of one kind that were decided alike within one hour, and whose clocks a record no
// longer has one by one.
type PastPromises struct {
	Kind string `json:"kind"` // of the clocks
	Kept bool   `json:"kept,omitempty"`
	// Hour is the hour, UTC, in which they were decided: kept ones when they were met, others when they were due.
	// When there are very many, that of the first of the day.
	Hour time.Time `json:"hour"`
	N    int       `json:"n"`
}

// maxPast bounds how many of these a record keeps: with a promise each half hour, the three weeks after the first
// maxClocks by the hour, and more than a year by the day.
const maxPast = 500

// addPast counts a clock that makes way. One that was put away was neither kept nor broken.
func (l *LeftOut) addPast(c *Clock) {
	l.Clocks++
	p := PastPromises{Kind: c.Kind, Kept: c.Breached == nil, N: 1}
	switch {
	case c.Breached != nil:
		p.Hour = c.Due
	case c.Met != nil:
		p.Hour = *c.Met
	default:
		return
	}
	p.Hour = p.Hour.UTC().Truncate(time.Hour)
	for i, have := range slices.Backward(l.Promises) {
		if have.Kind == p.Kind && have.Kept == p.Kept && have.Hour.Equal(p.Hour) {
			l.Promises[i].N++
			return
		}
	}
	l.Promises = append(l.Promises, p)
	if len(l.Promises) > maxPast {
		l.joinPast()
	}
}

// joinPast makes one of two neighbours: of one day if there are two such, else of whatever times.
func (l *LeftOut) joinPast() {
	sameDay := func(a, b PastPromises) bool {
		return a.Hour.Truncate(24 * time.Hour).Equal(b.Hour.Truncate(24 * time.Hour))
	}
	if !l.join(sameDay) {
		l.join(func(PastPromises, PastPromises) bool { return true })
	}
}

// join makes one of the first two neighbours that belong together.
func (l *LeftOut) join(together func(a, b PastPromises) bool) bool {
	type sort struct {
		kind string
		kept bool
	}
	before := map[sort]int{} // where the last of its sort stands
	for i, p := range l.Promises {
		j, seen := before[sort{p.Kind, p.Kept}]
		if seen && together(l.Promises[j], p) {
			l.Promises[j].N += p.N
			l.Promises = slices.Delete(l.Promises, i, i+1)
			return true
		}
		before[sort{p.Kind, p.Kept}] = i
	}
	return false
}
