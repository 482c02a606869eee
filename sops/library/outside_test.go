package library_test

import (
	"errors"
	"maps"

	"github.com/orderly-ops/orderly/activities/artifact"
	"github.com/orderly-ops/orderly/activities/docker"
	"github.com/orderly-ops/orderly/activities/exec"
	"github.com/orderly-ops/orderly/activities/host"
	"github.com/orderly-ops/orderly/activities/http"
	"github.com/orderly-ops/orderly/activities/postgres"
	"github.com/orderly-ops/orderly/activities/redis"
	"github.com/orderly-ops/orderly/activities/statuspage"
)

var errAway = errors.New("nobody answers")

// theContainers are those of the shipped org.yaml, all well but for what is changed.
func theContainers(changed ...docker.Container) docker.Containers {
	all := []docker.Container{well("enterprise-docs-api"), well("enterprise-docs-db"), well("enterprise-docs-redis")}
	for _, c := range changed {
		for i := range all {
			if all[i].Name == c.Name {
				all[i] = c
			}
		}
	}
	return docker.Containers{Total: len(all), Running: len(all), Containers: all, Unread: []docker.Unread{}}
}

func well(name string) docker.Container {
	return docker.Container{Name: name, ID: name, State: "running", Health: "healthy"}
}

func ill(name string) docker.Container {
	return docker.Container{Name: name, ID: name, State: "running", Health: "unhealthy"}
}

// chosen keeps the containers that a step has named.
func chosen(all docker.Containers, with in) docker.Containers {
	names, given := with["names"].([]any)
	if !given {
		return all
	}
	kept := []docker.Container{}
	for _, c := range all.Containers {
		for _, n := range names {
			if n == c.Name {
				kept = append(kept, c)
			}
		}
	}
	all.Containers, all.Total = kept, len(kept)
	return all
}

func containers(all docker.Containers) answerer {
	return func(with in) (any, error) { return chosen(all, with), nil }
}

func answering(ok bool) answerer {
	return func(with in) (any, error) {
		out := http.CheckOutput{Target: with["target"].(string), OK: ok, Reachable: ok, Mean: 12, Statuses: []http.StatusCount{}, Failures: []http.Failure{}}
		if ok {
			return out, nil
		}
		out.Reason = "status 503"
		if with["must"] == true {
			return nil, errAway
		}
		return out, nil
	}
}

func restarting(err error) answerer {
	return func(with in) (any, error) {
		return docker.Restart{Container: with["container"].(string), Restarted: true, State: "running", Health: "healthy"}, err
	}
}

// allWell is how outside systems answer when nothing is wrong.
func allWell() map[string]answerer {
	fixed := func(v any) answerer { return func(in) (any, error) { return v, nil } }
	answers := map[string]answerer{
		"docker.containers": containers(theContainers()),
		"docker.stats":      fixed(docker.Stats{Containers: []docker.Usage{}, Unread: []docker.Unread{}}),
		"docker.logs": func(with in) (any, error) {
			return docker.Logs{Container: with["container"].(string), Text: "line\n", Lines: 1,
				Artifact: &artifact.Saved{Key: "k", SHA256: "s", Bytes: 5}}, nil
		},
		"docker.restart":    restarting(nil),
		"http.check":        answering(true),
		"postgres.ping":     fixed(postgres.Ping{Database: "docs-db"}),
		"postgres.activity": fixed(postgres.Activity{Database: "docs-db"}),
		"redis.info":        fixed(redis.Info{Target: "docs-cache"}),
		"host.resources":    fixed(host.Resources{Hostname: "host", Disks: []host.Disk{}, Unread: []host.Unread{}}),
		"exec.run": func(with in) (any, error) {
			return exec.RunOutput{Command: with["command"].(string), Started: true}, nil
		},
		"statuspage.open":    fixed(statuspage.Incident{ID: "inc1", URL: "https://status.example.com/inc1", Posted: true}),
		"statuspage.update":  fixed(statuspage.Incident{ID: "inc1", Posted: true}),
		"statuspage.resolve": fixed(statuspage.Incident{ID: "inc1", Status: "resolved", Posted: true}),
		"notify.send":        fixed(in{"reached": 1, "recipients": []any{}}),
	}
	maps.Copy(answers, maintained())
	return answers
}
