package org

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/sops"
)

// ServicesInput is the input of org.services.
type ServicesInput struct {
	Only []string `json:"only,omitempty" doc:"Ids of the services wanted." default:"all of them"`
}

// Services is the output of org.services.
type Services struct {
	Services []Service          `json:"services" doc:"What runs where, in the order of their ids or as named under only."`
	By       map[string]Service `json:"by" doc:"The same, by id."`
	Unknown  []string           `json:"unknown" doc:"Ids under only that org.yaml does not have."`
}

// Service is a service and the targets of orderly.yaml that it is made of.
type Service struct {
	ID         string   `json:"id" doc:"Its id in org.yaml."`
	Title      string   `json:"title" doc:"What people read."`
	Owner      string   `json:"owner" doc:"The role, team or person that answers for it."`
	HTTP       string   `json:"http" doc:"Its http target; may be empty."`
	Postgres   string   `json:"postgres" doc:"Its postgres target; may be empty."`
	Redis      string   `json:"redis" doc:"Its redis target; may be empty."`
	Docker     string   `json:"docker" doc:"The docker target that its containers run on; may be empty."`
	Containers []string `json:"containers" doc:"Names of its containers."`
}

// services needs no org.yaml: without one there are none, and a procedure that asks goes on.
func (a actions) services(_ context.Context, in ServicesInput) (Services, error) {
	out := Services{Services: []Service{}, By: map[string]Service{}, Unknown: []string{}}
	var known map[string]sops.Service
	if a.org != nil {
		o, err := a.org()
		if err != nil {
			return Services{}, err
		}
		if o != nil {
			known = o.Services
		}
	}
	wanted := slices.Sorted(maps.Keys(known))
	if len(in.Only) > 0 {
		wanted = unique(in.Only)
	}
	for _, id := range wanted {
		s, ok := known[id]
		if !ok {
			out.Unknown = append(out.Unknown, id)
			continue
		}
		out.By[id] = describe(id, s)
		out.Services = append(out.Services, out.By[id])
	}
	return out, nil
}

func describe(id string, s sops.Service) Service {
	return Service{
		ID: id, Title: cmp.Or(s.Title, id), Owner: s.Owner, HTTP: s.HTTP, Postgres: s.Postgres, Redis: s.Redis,
		Docker: s.Docker, Containers: append([]string{}, s.Containers...),
	}
}

func unique(ids []string) (out []string) {
	for _, id := range ids {
		if id = strings.TrimSpace(id); id != "" && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

func servicesAction(a actions) action.Definition {
	return action.Define("org.services",
		"List services of org.yaml with the targets and containers that they are made of.",
		a.services)
}
