package webhook

import (
	"time"

	"github.com/orderly-ops/orderly/activities/notify"
)

// Event is the body of a request: what PagerDuty's Events API v2 takes, and a little more.
type Event struct {
	ID          string  `json:"id"`           // of the delivery: the same if it is sent again
	RoutingKey  string  `json:"routing_key"`  // whom it is for: the id in org.yaml
	DedupKey    string  `json:"dedup_key"`    // the incident: events with the same belong together
	EventAction string  `json:"event_action"` // trigger, acknowledge or resolve
	Client      string  `json:"client"`       // orderly
	ClientURL   string  `json:"client_url,omitempty"`
	Payload     Payload `json:"payload"`
	Links       []Link  `json:"links,omitempty"`
}

// Payload says what has happened.
type Payload struct {
	Summary   string    `json:"summary"`  // one line
	Source    string    `json:"source"`   // the run
	Severity  string    `json:"severity"` // critical, error, warning or info
	Timestamp time.Time `json:"timestamp"`
	Component string    `json:"component,omitempty"` // the first service concerned
	Group     string    `json:"group,omitempty"`     // the procedure
	Class     string    `json:"class"`               // the kind of message: page, ask, reminder, …
	// CustomDetails is everything that Orderly knows, under its own names.
	CustomDetails notify.Message `json:"custom_details"`
}

// Link leads to more.
type Link struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

// longestSummary is PagerDuty's limit, in characters.
const longestSummary = 1024

func eventOf(d notify.Delivery) Event {
	m := d.Message
	e := Event{
		ID: d.ID, RoutingKey: d.To.ID, DedupKey: m.Thread, EventAction: verb(m), Client: "orderly", ClientURL: m.Link,
		Payload: Payload{
			Summary: summary(m), Source: m.Run, Severity: severity(m), Timestamp: m.At,
			Group: m.Procedure, Class: string(m.Kind), CustomDetails: m,
		},
	}
	if e.DedupKey == "" {
		e.DedupKey = m.Run
	}
	if len(m.Services) > 0 {
		e.Payload.Component = m.Services[0]
	}
	if m.Link != "" {
		e.Links = []Link{{Href: m.Link, Text: "Open the run"}}
	}
	return e
}

// verb is what the receiver is to do with its incident of the same key. What waits for somebody always
// rings, however its incident stands.
func verb(m notify.Message) string {
	switch m.Kind {
	case notify.KindPage, notify.KindAsk, notify.KindReminder, notify.KindCheck, notify.KindDigest:
		return "trigger"
	case notify.KindResolved:
		return "resolve"
	}
	switch m.Status {
	case "resolved":
		return "resolve"
	case "acknowledged", "mitigated":
		return "acknowledge"
	default:
		return "trigger"
	}
}

// severity maps both scales (P0 to P3, P1 to P4) and, without one, the level to PagerDuty's four words.
func severity(m notify.Message) string {
	if word, ok := map[string]string{
		"P0": "critical", "P1": "critical", "P2": "error", "P3": "warning", "P4": "info",
	}[m.Severity]; ok {
		return word
	}
	if word, ok := map[string]string{"level-3": "critical", "level-2": "error", "level-1": "warning"}[m.Level]; ok {
		return word
	}
	switch m.Kind {
	case notify.KindPage:
		return "error"
	case notify.KindAsk, notify.KindReminder, notify.KindCheck, notify.KindDigest:
		return "warning"
	default:
		return "info"
	}
}

func summary(m notify.Message) string {
	s := m.Headline
	if m.Drill {
		s = "[DRILL] " + s
	}
	if r := []rune(s); len(r) > longestSummary {
		s = string(r[:longestSummary-1]) + "…"
	}
	return s
}
