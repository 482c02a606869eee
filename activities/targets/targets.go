// Package targets tells procedures which outside systems orderly.yaml names, so that one procedure can
// look at all of them and can say what there is nothing of.
package targets

import (
	"context"
	"os"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/config"
)

// Actions declares the actions of this package. A nil configuration is enough to describe them.
func Actions(cfg *config.Config) []action.Definition {
	a := actions{cfg: cfg, socket: "/var/run/docker.sock"}
	return []action.Definition{
		action.Define("targets.list",
			"The targets that orderly.yaml names, by kind, and which kinds it names none of. It asks no target anything: one that is down is listed.",
			a.list),
	}
}

type actions struct {
	cfg    *config.Config
	socket string // where Docker listens when nobody says otherwise
}

// ListInput is the input of targets.list.
type ListInput struct{}

// List is the output of targets.list.
type List struct {
	Docker   []string  `json:"docker" doc:"Docker hosts."`
	Postgres []string  `json:"postgres" doc:"PostgreSQL databases."`
	Redis    []string  `json:"redis" doc:"Redis servers."`
	HTTP     []string  `json:"http" doc:"HTTP services."`
	S3       []string  `json:"s3" doc:"Buckets."`
	Missing  []Missing `json:"missing" doc:"What can't be looked at because no target is named."`
}

// Missing is a kind of thing that can't be looked at.
type Missing struct {
	What string `json:"what" doc:"In words: containers, databases, caches, endpoints, buckets."`
	Why  string `json:"why" doc:"The reason, with what to do about it."`
}

func (a actions) list(context.Context, ListInput) (List, error) {
	if a.cfg == nil {
		return List{}, action.Permanent(action.ErrNotConfigured, "this worker has no configuration")
	}
	names := a.cfg.TargetNames()
	out := List{
		Docker: names["docker"], Postgres: names["postgres"], Redis: names["redis"], HTTP: names["http"], S3: names["s3"],
		Missing: []Missing{},
	}
	if why := a.noSocket(); why != "" {
		out.Docker = []string{}
		out.Missing = append(out.Missing, Missing{What: "containers", Why: why})
	} else {
		out.miss("containers", "docker", out.Docker)
	}
	out.miss("databases", "postgres", out.Postgres)
	out.miss("caches", "redis", out.Redis)
	out.miss("endpoints", "http", out.HTTP)
	out.miss("buckets", "s3", out.S3)
	return out, nil
}

// miss notes a kind of which there is nothing.
func (l *List) miss(what, kind string, names []string) {
	if len(names) == 0 {
		l.Missing = append(l.Missing, Missing{What: what, Why: "no " + kind + " target in orderly.yaml"})
	}
}

// noSocket says why the Docker host that stands in the embedded defaults is none: nobody named it, so
// its absence is no failure. One that orderly.yaml or DOCKER_HOST names is a target, up or down.
func (a actions) noSocket() string {
	if a.cfg.File != "" || len(a.cfg.Targets.Docker) == 0 || os.Getenv("DOCKER_HOST") != "" {
		return ""
	}
	for _, d := range a.cfg.Targets.Docker {
		if d.Host != "" {
			return ""
		}
	}
	if _, err := os.Stat(a.socket); err == nil {
		return ""
	}
	return "no Docker socket at " + a.socket
}
