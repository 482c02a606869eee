package sops

import "time"

// Duty is who has a role around a time.
type Duty struct {
	Person string // "" when nobody has it: its rotation has not begun
	// From and Until bound the time for which nothing changes; zero means without end. Next is who has the
	// role from Until on.
	From, Until time.Time
	Next        string
}

// mostShifts bounds how far Duty looks for somebody else.
const mostShifts = 1000

// Duty says who has a role at a time, since when and until when, covers included. ok is false for an
// unknown role.
func (o *Org) Duty(role string, at time.Time) (d Duty, ok bool) {
	r, ok := o.Roles[role]
	if !ok {
		return Duty{}, false
	}
	if r.Rotation == "" {
		return Duty{Person: r.Primary}, true
	}
	t := o.turns[r.Rotation]
	who, from, until := t.shift(at)
	d = Duty{Person: who, From: from}
	for range mostShifts {
		next, _, end := t.shift(until)
		if next != who {
			d.Until, d.Next = until, next
			break
		}
		until = end
	}
	for range mostShifts {
		if d.From.IsZero() {
			break
		}
		before, since, _ := t.shift(d.From.Add(-1))
		if before != who {
			break
		}
		d.From = since
	}
	return d, true
}
