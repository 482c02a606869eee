package e2e

import (
	"strings"
	"testing"
)

// onlooker looks at the emergency in the Temporal UI.
type onlooker struct {
	*emergency
	browser browser
}

func (e *emergency) browse(t *testing.T) onlooker { return onlooker{e, browse(t)} }

func (l onlooker) run() started {
	l.t.Helper()
	return started{WorkflowID: emergencyID, RunID: l.record(l.c, emergencyID).RunID}
}

// anOpenIncident shows what is wrong, that nobody has it, and who is paged next and when.
func (l onlooker) anOpenIncident(t *testing.T) {
	page := l.browser.shows(t, l.run().page(l.house, "user-metadata"),
		strings.TrimPrefix(l.ill.Name, "/"), "P1 open", "nobody has it", "paged next", "leads",
		"acknowledgement is due", "first mitigation is due", "status update is due", "▶️ Somebody has it")
	page.hides("&lt;", "&amp;", `\`, "**")
	page.picture("incident-open", 1400)
	l.browser.shows(t, l.run().page(l.house, "search-attributes"),
		`"OrderlySeverity": "P1"`, `"OrderlyLevel": "level-2"`, `"OrderlyWaitingFor"`, `"maintenance-coordinator"`, `"leads"`)
}

// anOwnedIncident shows who has it and what is due next.
func (l onlooker) anOwnedIncident(t *testing.T) {
	page := l.browser.shows(t, l.run().page(l.house, "user-metadata"),
		"P1 mitigated", "owner: Ana Example", "▶️ Make it bearable", "▶️ Tell the stakeholders (waits for Ana Example)", "✅ Restart it", "status update is due")
	page.hides("nobody has it", "paged next", "&lt;", "&amp;", `\`, "**")
	page.picture("incident-owned", 1600)
	l.browser.shows(t, l.run().page(l.house, "search-attributes"),
		`"OrderlyOwner": "ana"`, `"OrderlyServices"`, `"cache"`, `"OrderlyWaitingFor"`)
	timeline := l.browser.shows(t, l.run().page(l.house, "timeline"), "docker.restart", "Restart it", "still on it?", "ask for the status update", "page tier 2")
	timeline.hides("AwaitWithTimeout")
	timeline.picture("incident-timeline", 1600)
}

// aResolvedIncident shows how it ended.
func (l onlooker) aResolvedIncident(t *testing.T) {
	page := l.browser.shows(t, l.run().page(l.house, "user-metadata"), "✅ Emergency response", "P1 resolved", "owner: Ana Example", "Resolved by Ana Example", "the cache has twice the memory")
	page.hides("&lt;", "&amp;", `\`, "**")
	page.picture("incident-resolved", 1700)
	l.browser.shows(t, l.run().page(l.house, "search-attributes"), `"OrderlyState": "succeeded"`, `"OrderlyOwner": "ana"`)
}
