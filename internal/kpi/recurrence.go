package kpi

import (
	"slices"
	"strings"
	"time"
)

// recurrence finds the incidents that came back. Two incidents of one procedure are of the same cause when they
// share an alert; or, when at least one of them knows of no alert, when they name the same services.
func (s *observed) recurrence() {
	earlier := causes{}
	for _, i := range s.incidents {
		if i.Resolved() && !i.FalseAlarm {
			earlier.add(i)
		}
	}
	for _, same := range earlier {
		slices.SortFunc(same, func(a, b *incident) int { return a.end().Compare(b.end()) })
	}
	for _, i := range s.incidents {
		if !i.Aborted() && !i.FalseAlarm {
			s.share(Recurrence, i.Opened, i.Reopened > 0 || earlier.before(i), i.belongs)
		}
	}
}

// causes are the resolved incidents by what they are of.
type causes map[string][]*incident

func (c causes) add(i *incident) {
	for _, key := range i.alerts() {
		c[key] = append(c[key], i)
	}
	key := i.ofServices()
	c[key] = append(c[key], i)
	if len(i.Alerts) == 0 {
		c[key+unalerted] = append(c[key+unalerted], i)
	}
}

// unalerted marks the incidents of services that know of no alert.
const unalerted = "\x00unalerted"

// alerts are its causes by alert.
func (i *incident) alerts() []string {
	keys := make([]string, len(i.Alerts))
	for n, a := range i.Alerts {
		keys[n] = i.procedure + "\x00alert\x00" + a
	}
	return keys
}

// ofServices is its cause by services.
func (i *incident) ofServices() string {
	return i.procedure + "\x00services\x00" + strings.Join(i.services, "\x00")
}

// before says whether an incident of the same cause was resolved not long before this one opened.
func (c causes) before(i *incident) bool {
	keys := i.alerts()
	if len(i.services) > 0 {
		key := i.ofServices()
		if len(i.Alerts) > 0 {
			key += unalerted
		}
		keys = append(keys, key)
	}
	for _, key := range keys {
		if last := lastBefore(c[key], i); last != nil && i.Opened.Sub(last.end()) <= RecurrenceWindow {
			return true
		}
	}
	return false
}

// lastBefore is the other incident that was resolved last before one opened. They are sorted by their end.
func lastBefore(same []*incident, i *incident) *incident {
	after, _ := slices.BinarySearchFunc(same, i.Opened, func(other *incident, opened time.Time) int {
		if other.end().After(opened) {
			return 1
		}
		return -1
	})
	for _, other := range slices.Backward(same[:after]) {
		if other != i {
			return other
		}
	}
	return nil
}
