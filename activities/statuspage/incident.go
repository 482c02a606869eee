package statuspage

import (
	"maps"
	"slices"
	"time"
)

const (
	maxAnswer = 256 << 10 // bytes
	heartbeat = 30 * time.Second
	timeout   = 2 * time.Minute // of two requests
	// attempts, doubling from a second, last for some minutes: visitors should be told even when the page
	// is busy, as it is when many have an outage.
	attempts = 8
)

// incident is an incident as the API shows it.
type incident struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Status    string   `json:"status"`
	Shortlink string   `json:"shortlink"`
	Metadata  metadata `json:"metadata"`
	Updates   []struct {
		Status string `json:"status"`
		Body   string `json:"body"`
	} `json:"incident_updates"`
}

// shown is the incident as an output.
func (i *incident) shown(posted bool) Incident {
	if i == nil {
		return Incident{}
	}
	return Incident{ID: i.ID, URL: i.Shortlink, Name: i.Name, Status: i.Status, Posted: posted}
}

// metadata is what the API keeps of ours beside an incident; visitors don't see it.
type metadata struct {
	Orderly orderly `json:"orderly"`
}

type orderly struct {
	Run string `json:"run"`
}

// incidentPost is an incident as the API takes it.
type incidentPost struct {
	Name         string            `json:"name,omitempty"`
	Status       string            `json:"status,omitempty"`
	Impact       string            `json:"impact_override,omitempty"`
	Body         string            `json:"body,omitempty"`
	ComponentIDs []string          `json:"component_ids,omitempty"`
	Components   map[string]string `json:"components,omitempty"`
	Metadata     *metadata         `json:"metadata,omitempty"`
}

// affect names the components that an incident is about and how they are.
func (p *incidentPost) affect(components map[string]string) {
	if len(components) > 0 {
		p.Components, p.ComponentIDs = components, slices.Sorted(maps.Keys(components))
	}
}
