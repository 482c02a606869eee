package simulate

import "slices"

// told compares who was told, in order. A message that goes to several counts once for each of them that it has
// reached. None wanted means that nobody is told.
func (j *judge) told(e *Expect) {
	var want, got []string
	left := e.Told
	for _, t := range j.r.Told {
		when := relative(j.r.At, t.At) + " "
		here := t.asWanted(left)
		left = left[len(here):]
		for _, name := range here {
			want, got = append(want, when+name), append(got, when+name)
		}
		for _, name := range t.others(here, e.Told) {
			got = append(got, when+name)
		}
	}
	anybody := slices.ContainsFunc(j.r.Told, func(t Told) bool { return t.names() != nil })
	if len(e.Told) == 0 && anybody && j.s.places.Has(e, "told") {
		j.differ(j.s.places.Key(e, "told"), "told", nil, got)
	}
	if len(left) > 0 {
		j.out = append(j.out, Mismatch{
			Pos: j.s.places.Item(e, "told", len(e.Told)-len(left)), What: "told", Expected: left[0], Actual: j.notTold(left[0]),
			Want: append(want, left...), Got: got,
		})
	}
}

// asWanted are those of the message's recipients that are wanted next.
func (t Told) asWanted(want []string) []string {
	names := t.names()
	n := 0
	for n < len(want) && slices.Contains(names, want[n]) && !slices.Contains(want[:n], want[n]) {
		n++
	}
	return want[:n]
}

// others are a message's other recipients: all that it names, and of the people behind them those that a scenario
// speaks of.
func (t Told) others(here, spoken []string) []string {
	var out []string
	for _, name := range t.To {
		switch {
		case slices.Contains(here, name):
		case len(t.Reached) == 0 || slices.Contains(t.Missed, name):
			out = append(out, name+": not reached")
		default:
			out = append(out, name)
		}
	}
	for _, id := range t.Reached {
		if !slices.Contains(t.To, id) && !slices.Contains(here, id) && slices.Contains(spoken, id) {
			out = append(out, id)
		}
	}
	return out
}

// notTold says why somebody is not told.
func (j *judge) notTold(name string) string {
	for _, t := range j.r.Told {
		if slices.Contains(t.To, name) && !slices.Contains(t.names(), name) {
			return "is not reached " + relative(j.r.At, t.At)
		}
	}
	return "is not told, or not in this order"
}
