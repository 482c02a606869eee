// Package report turns what procedures looked at into findings that a person can act on, and runs into reports:
// internal/report writes them, this package reads what they are made of from the journal and keeps them.
package report

import (
	"context"
	"encoding/json"
	"time"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/artifact"
	"github.com/orderly-ops/orderly/internal/journal"
	"github.com/orderly-ops/orderly/sops"
)

// Deps is what reports are made with. The zero value is enough to describe the actions.
type Deps struct {
	Journal *journal.Journal
	Keeper  *artifact.Keeper
	// Org gives org.yaml as it is now.
	Org func() (*sops.Org, error)
	// Procedures gives the procedures as they are now, those with problems left out.
	Procedures func() *sops.Library
	// Ask gives the record of the newest run of a workflow id, as that run itself tells it now. Nil asks nobody.
	Ask func(ctx context.Context, workflowID string) (json.RawMessage, error)
}

// actions are the actions of this package.
type actions struct {
	journal    *journal.Journal
	keeper     *artifact.Keeper
	org        func() (*sops.Org, error)
	procedures func() *sops.Library
	ask        func(ctx context.Context, workflowID string) (json.RawMessage, error)
}

const (
	// recordAttempts is how often a record is looked for in the journal: for about a minute.
	recordAttempts = 7
	// monthTimeout is for journals of a hundred thousand runs.
	monthTimeout   = 5 * time.Minute
	monthHeartbeat = 30 * time.Second
)

// Actions declares the actions of this package.
func Actions(d Deps) []action.Definition {
	a := actions{journal: d.Journal, keeper: d.Keeper, org: d.Org, procedures: d.Procedures, ask: d.Ask}
	return []action.Definition{
		action.Define("report.findings",
			"Make findings of what was seen, worst first, keep them in the maintenance log and write them as a table. "+
				"What could not be looked at becomes a finding too, so that nothing passes in silence.",
			a.findings),
		action.Define("report.incident",
			"Write the report of an incident and keep it: all that its record in the journal knows (timeline, who was paged and who answered, "+
				"promises, what was done and undone, findings, evidence) and what people have said of it. What nobody has said is marked as missing.",
			a.incident, action.Attempts(recordAttempts)),
		action.Define("report.post-mortem",
			"Write the post-mortem of an incident and keep it: as report.incident, with contributing factors, figures of the impact, "+
				"what went well and what could go better, and action items with owner, due day and status.",
			a.postMortem, action.Attempts(recordAttempts)),
		action.Define("report.security",
			"Write the report of a security incident and keep it: as report.incident, with scope, data, notification, containment, recovery "+
				"and the list of the evidence with its hashes.",
			a.security, action.Attempts(recordAttempts)),
		action.Define("report.items",
			"Read action items that people have written, one a line: what | who | YYYY-MM-DD. Each line that can't be taken is given back with the reason.",
			a.items),
		action.Define("report.monthly",
			"Write the review of a month and keep it: its incidents and how it stands with their post-mortems, the key figures against their targets, "+
				"procedures that should be reviewed, action items still open, and what people said at the meeting.",
			a.monthly, action.Timeout(monthTimeout), action.Heartbeat(monthHeartbeat)),
		action.Define("report.maintenance",
			"Write the report of a maintenance and keep it: how services, incidents and resources were in the days before, from the journal; "+
				"what was done, what is planned and what is recommended, as the run says it. What nobody has measured or said is marked as missing.",
			a.maintenance),
		action.Define("report.backup",
			"Write down how well a database is backed up and keep it: how long a restore takes (RTO) and how much would be lost now (RPO), "+
				"as measured, against what is promised. Only backups that were restored and compared count.",
			a.backup),
	}
}
