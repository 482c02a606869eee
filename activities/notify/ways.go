package notify

import "slices"

// ways are the transports a message takes to somebody: those of via that reach them, or, when none of
// them does or via is empty, every one that does.
func (h *Hub) ways(to Recipient, via []string) []*medium {
	all := h.reaching(to)
	if chosen := slices.DeleteFunc(slices.Clone(all), func(m *medium) bool { return !slices.Contains(via, m.Name()) }); len(chosen) > 0 {
		return chosen
	}
	return all
}

// reaching are all transports that reach somebody.
func (h *Hub) reaching(to Recipient) []*medium {
	var all []*medium
	for _, m := range h.media {
		if m.Reaches(to) {
			all = append(all, m)
		}
	}
	return all
}

// medium finds a transport by name; nil: it is not configured (any more).
func (h *Hub) medium(name string) *medium {
	for _, m := range h.media {
		if m.Name() == name {
			return m
		}
	}
	return nil
}

// console is the transport that shows pages to whoever watches the worker.
const console = "console"

// Reached says whether one of the outcomes has got to somebody, or may still. What was printed on the
// worker's console counts only where there is no other transport: nobody is woken by it.
func (h *Hub) Reached(outcomes []Outcome, states ...State) bool {
	onlyConsole := len(h.media) == 1
	return slices.ContainsFunc(outcomes, func(o Outcome) bool {
		return slices.Contains(states, o.State) && (onlyConsole || o.Transport != console)
	})
}
