package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/orderly-ops/orderly/workflows"
)

// IncidentOf is an incident in one line.
type IncidentOf struct {
	WorkflowID, RunID string
	Summary           string
	Scale, Severity   string
	Services          []string
	Owner             string
	Began, Ended      time.Time
	Breached          []string // titles of promises that were not kept
	Report            string   // how it stands with its post-mortem; empty when there is none
	started           time.Time
}

// OpenItem is an action item that nobody has finished, and the incident that it follows.
type OpenItem struct {
	Item
	Incident string
}

// slim is what a line about an incident needs of its record.
type slim struct {
	Procedure  string     `json:"procedure"`
	WorkflowID string     `json:"workflow_id"`
	RunID      string     `json:"run_id"`
	Drill      bool       `json:"drill"`
	Started    time.Time  `json:"started"`
	Ended      *time.Time `json:"ended"`
	Incident   *struct {
		Summary  string                  `json:"summary"`
		State    workflows.IncidentState `json:"state"`
		Scale    string                  `json:"scale"`
		Severity string                  `json:"severity"`
		Services []string                `json:"services"`
		Owner    *workflows.Party        `json:"owner"`
		Resolved *struct {
			At time.Time `json:"at"`
		} `json:"resolved"`
	} `json:"incident"`
	Phases []*struct {
		Steps []*struct {
			Ask *struct {
				Form struct {
					Real any `json:"real"` // what triage found: "no" is no incident
				} `json:"form"`
			} `json:"ask"`
		} `json:"steps"`
	} `json:"phases"`
	Clocks []*struct {
		Kind     string     `json:"kind"`
		Title    string     `json:"title"`
		Breached *time.Time `json:"breached"`
	} `json:"clocks"`
}

// Month gathers the incidents of a time and the action items still open from records, in any order. Records are
// decoded side by side; drills do not count.
type Month struct {
	from, to time.Time
	pool     errgroup.Group

	mu          sync.Mutex
	incidents   []IncidentOf
	postMortems []followed
	leftOut     []string
}

// followed is what a post-mortem has come to.
type followed struct {
	incident, began string
	started         time.Time
	state           string
	items           []Item
}

// Gather begins for incidents that began in [from, to).
func Gather(from, to time.Time) *Month {
	m := &Month{from: from, to: to}
	m.pool.SetLimit(max(runtime.GOMAXPROCS(0), 2))
	return m
}

var incidentKey = []byte(`"incident"`)

// Take looks at one record. name is how it is called when it can't be read. raw is copied.
func (m *Month) Take(name, procedure string, raw []byte) {
	trimmed := bytes.TrimSpace(raw)
	whole := bytes.HasPrefix(trimmed, []byte("{")) && bytes.HasSuffix(trimmed, []byte("}"))
	if whole && procedure != PostMortemProcedure && !bytes.Contains(raw, incidentKey) {
		return // most runs are no incidents, and need not be read
	}
	raw = bytes.Clone(raw)
	m.pool.Go(func() error {
		take := m.incident
		if procedure == PostMortemProcedure {
			take = m.postMortem
		}
		if err := take(raw); err != nil {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.leftOut = append(m.leftOut, name+": "+err.Error())
		}
		return nil
	})
}

func (m *Month) incident(raw []byte) error {
	var s slim
	if err := json.Unmarshal(raw, &s); err != nil {
		return fmt.Errorf("%w: it can't be read: %w", ErrDamaged, err)
	}
	if s.WorkflowID == "" || s.Started.IsZero() || slices.Contains(s.Clocks, nil) {
		return fmt.Errorf("%w: it has holes", ErrDamaged)
	}
	if s.Incident == nil || s.Drill || s.Started.Before(m.from) || !s.Started.Before(m.to) {
		return nil
	}
	one := IncidentOf{
		WorkflowID: s.WorkflowID, RunID: s.RunID, Summary: first(line(s.Incident.Summary), 120), Scale: s.Incident.Scale,
		Severity: s.Incident.Severity, Services: s.Incident.Services, Began: s.Started, started: s.Started,
	}
	if o := s.Incident.Owner; o != nil {
		one.Owner = cmp.Or(o.Name, o.ID)
	}
	switch {
	case s.Incident.Resolved != nil:
		one.Ended = s.Incident.Resolved.At
	case s.Ended != nil:
		one.Ended = *s.Ended
	}
	switch {
	case s.none():
		one.Report = "none owed: it was no incident"
	case one.Ended.IsZero():
		one.Report = "not owed yet: it goes on"
	}
	for _, c := range s.Clocks {
		if c.Breached != nil && c.Kind != "within" && !slices.Contains(one.Breached, c.Kind) {
			one.Breached = append(one.Breached, c.Kind)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.incidents = append(m.incidents, one)
	return nil
}

// none says that somebody found it to be no incident, or gave it up: nobody owes a post-mortem then.
func (s *slim) none() bool {
	if s.Incident.State == workflows.IncidentAborted {
		return true
	}
	for _, p := range s.Phases {
		if p == nil {
			continue
		}
		for _, step := range p.Steps {
			if step != nil && step.Ask != nil && step.Ask.Form.Real == "no" {
				return true
			}
		}
	}
	return false
}

func (m *Month) postMortem(raw []byte) error {
	rec, err := Read(raw)
	if err != nil {
		return err
	}
	if rec.Drill {
		return nil
	}
	f := followed{started: rec.Started, state: "being written"}
	f.incident, _ = rec.Inputs["incident"].(string)
	f.began, _ = rec.Inputs["started"].(string)
	walk(rec, func(s *workflows.Step) {
		var out struct {
			Complete bool   `json:"complete"`
			Key      string `json:"key"`
		}
		if s.Action == "report.post-mortem" && s.State == workflows.Succeeded && json.Unmarshal(s.Outputs, &out) == nil {
			f.state = "incomplete: " + out.Key
			if out.Complete {
				f.state = out.Key
			}
		}
	})
	for _, item := range AnswersOf(rec).Items {
		if !item.Over() {
			f.items = append(f.items, item)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.postMortems = append(m.postMortems, f)
	return nil
}

// Done gives what was gathered: the incidents by time, the open items by due day.
func (m *Month) Done() (incidents []IncidentOf, items []OpenItem, leftOut []string) {
	_ = m.pool.Wait() // what can't be read is in leftOut
	for _, f := range m.postMortems {
		for i := range m.incidents {
			one := &m.incidents[i]
			if one.WorkflowID == f.incident && (f.began == "" || f.began == one.started.UTC().Format(time.RFC3339)) {
				one.Report = f.state
			}
		}
		for _, item := range f.items {
			items = append(items, OpenItem{Item: item, Incident: f.incident})
		}
	}
	slices.SortFunc(m.incidents, func(a, b IncidentOf) int {
		return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.WorkflowID, b.WorkflowID), cmp.Compare(a.RunID, b.RunID))
	})
	slices.SortFunc(items, func(a, b OpenItem) int {
		return cmp.Or(cmp.Compare(a.Due, b.Due), cmp.Compare(a.Incident, b.Incident), cmp.Compare(a.What, b.What), cmp.Compare(a.Who, b.Who))
	})
	slices.SortFunc(m.leftOut, strings.Compare)
	return m.incidents, items, m.leftOut
}
