// Package activities is the catalogue of what a step can do. Every integration is a package of its own
// below this one; this package lists them, registers them with a worker and writes their reference.
package activities

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/artifact"
	"github.com/orderly-ops/orderly/activities/backup"
	"github.com/orderly-ops/orderly/activities/docker"
	"github.com/orderly-ops/orderly/activities/exec"
	"github.com/orderly-ops/orderly/activities/host"
	"github.com/orderly-ops/orderly/activities/http"
	"github.com/orderly-ops/orderly/activities/journal"
	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/activities/org"
	"github.com/orderly-ops/orderly/activities/postgres"
	"github.com/orderly-ops/orderly/activities/redis"
	"github.com/orderly-ops/orderly/activities/report"
	"github.com/orderly-ops/orderly/activities/s3"
	"github.com/orderly-ops/orderly/activities/statuspage"
	"github.com/orderly-ops/orderly/activities/targets"
	"github.com/orderly-ops/orderly/internal/config"
	log "github.com/orderly-ops/orderly/internal/journal"
	"github.com/orderly-ops/orderly/sops"
)

// Deps is what actions need from outside. The zero value is enough to describe them; a nil part makes
// the actions that need it fail plainly when called.
type Deps struct {
	Config  *config.Config
	Journal *log.Journal
	// Org gives org.yaml as it is now.
	Org org.Source
	// Procedures gives the procedures as they are now, those with problems left out.
	Procedures func() *sops.Library
	// Ask gives the record of the newest run of a workflow id, as that run itself tells it now.
	Ask func(ctx context.Context, workflowID string) (json.RawMessage, error)
	// Tell reaches people.
	Tell notify.Teller
}

// Definitions lists every action there is, sorted by name. Clients are made when first used; free them
// with Close.
func Definitions(deps Deps) []action.Definition {
	cfg := deps.Config
	if cfg == nil {
		cfg = &config.Config{}
	}
	keeper := artifact.NewKeeper(cfg)
	all := slices.Concat(
		artifact.Actions(keeper),
		backup.Actions(cfg.Targets),
		docker.Actions(cfg.Targets.Docker, keeper),
		postgres.Actions(cfg.Targets),
		exec.Actions(cfg.Exec),
		host.Actions(cfg),
		http.Actions(cfg.Targets.HTTP),
		journal.Actions(deps.Journal),
		notify.Actions(deps.Tell),
		org.Actions(deps.Org),
		redis.Actions(cfg.Targets.Redis),
		report.Actions(report.Deps{Journal: deps.Journal, Keeper: keeper, Org: deps.Org, Procedures: deps.Procedures, Ask: deps.Ask}),
		s3.Actions(cfg.Targets.S3, keeper),
		statuspage.Actions(cfg.Targets.HTTP),
		targets.Actions(deps.Config),
	)
	slices.SortFunc(all, func(a, b action.Definition) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Catalogue describes every action without any client: for checking procedures, the CLI and the docs.
func Catalogue() *sops.Catalogue { return describe() }

var describe = sync.OnceValue(func() *sops.Catalogue {
	return Describe(Definitions(Deps{}))
})

// Describe is the catalogue of some definitions.
func Describe(defs []action.Definition) *sops.Catalogue {
	actions := make([]sops.Action, len(defs))
	for i, d := range defs {
		actions[i] = d.Action
	}
	return sops.NewCatalogue(actions...)
}
