package facts

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The words of records.
const (
	resolved = "resolved"
	aborted  = "aborted"
	within   = "within" // the kind of clock that is no promise of an incident

	ladderOfIncident = "incident"    // those of earlier rounds are incident:1, incident:2
	firstRound       = ":1"          // ends the ids of the first round's clocks and ladder once it was opened again
	procedure        = "post-mortem" // which writes incidents up
)

// record is the part of a record that is always read. Reading less is what makes it fast.
type record struct {
	Procedure string     `json:"procedure"`
	Started   time.Time  `json:"started"`
	Ended     *time.Time `json:"ended"`
	Incident  *incident  `json:"incident"`
	Clocks    []clock    `json:"clocks"`
	Ladders   []ladder   `json:"ladders"`
	Pages     []page     `json:"pages"`
	Aborted   *deed      `json:"aborted"`
	LeftOut   struct {
		Pages    int            `json:"pages"`
		Promises []pastPromises `json:"promises"`
	} `json:"left_out"`
}

type incident struct {
	State        string      `json:"state"`
	Scale        string      `json:"scale"`
	Severity     string      `json:"severity"`
	Level        string      `json:"level"`
	Services     []string    `json:"services"`
	Owner        *party      `json:"owner"`
	Reopened     []time.Time `json:"reopened"`
	Acknowledged *deed       `json:"acknowledged"`
	Resolved     *deed       `json:"resolved"`
	Involved     []party     `json:"involved"`
	Alerts       []struct {
		Key string `json:"key"`
	} `json:"alerts"`
	HeldBack *struct {
		Ended *time.Time `json:"ended"`
	} `json:"held_back"`
}

type party struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type deed struct {
	At time.Time `json:"at"`
	By party     `json:"by"`
}

type clock struct {
	ID       string     `json:"id"`
	Kind     string     `json:"kind"`
	Due      time.Time  `json:"due"`
	Met      *time.Time `json:"met"`
	Breached *time.Time `json:"breached"`
}

type pastPromises struct {
	Kind string    `json:"kind"`
	Kept bool      `json:"kept"`
	Hour time.Time `json:"hour"`
	N    int       `json:"n"`
}

type ladder struct {
	ID string `json:"id"`
	By string `json:"by"`
}

type page struct {
	Ladder string `json:"ladder"`
	Policy string `json:"policy"`
}

// Of makes the facts of a record. The error says what of the record can't be true or is missing.
func Of(data []byte) (Facts, error) {
	part, err := pick(data, "procedure", "started", "ended", "incident", "clocks", "ladders", "pages", "aborted", "left_out")
	if err != nil {
		return Facts{}, fmt.Errorf("it can't be read: %w", err)
	}
	var rec record
	if err := json.Unmarshal(part, &rec); err != nil {
		return Facts{}, fmt.Errorf("it can't be read: %w", err)
	}
	if err := rec.check(); err != nil {
		return Facts{}, err
	}
	f := Facts{}
	if rec.Incident != nil {
		f.Incident, f.Promises = rec.incident(), rec.promises()
	}
	if err := f.fromSteps(&rec, data); err != nil {
		return Facts{}, err
	}
	return f, nil
}

// The years that a record can be of. What is outside is a broken clock or a damaged record.
const firstYear, lastYear = 2000, 2200

func (rec *record) check() error {
	inc := rec.Incident
	switch {
	case rec.Procedure == "" || rec.Started.IsZero():
		return errors.New("it does not say of which procedure it is, or when that was started")
	case inc != nil && inc.State == "":
		return errors.New("its incident has no state")
	case inc != nil && inc.State == resolved && inc.Resolved == nil:
		return errors.New("its incident was resolved, but it does not say when")
	}
	for _, t := range rec.times() {
		if y := t.at.Year(); y < firstYear || y > lastYear {
			return fmt.Errorf("%s in the year %d", t.what, y)
		}
		if t.at.Before(rec.Started) {
			return fmt.Errorf("%s at %s, before its start at %s", t.what, t.at.UTC().Format(time.RFC3339), rec.Started.UTC().Format(time.RFC3339))
		}
	}
	return nil
}

// moment is a time of a record with what happened then.
type moment struct {
	what string
	at   time.Time
}

// times are those that have to make sense.
func (rec *record) times() []moment {
	all := []moment{{"it was started", rec.Started}}
	add := func(what string, at *time.Time) {
		if at != nil {
			all = append(all, moment{what, *at})
		}
	}
	add("it ended", rec.Ended)
	if inc := rec.Incident; inc != nil {
		add("it was acknowledged", inc.Acknowledged.at())
		add("it was resolved", inc.Resolved.at())
		if inc.HeldBack != nil {
			add("it was let go", inc.HeldBack.Ended)
		}
	}
	for _, c := range rec.Clocks {
		add("clock "+c.ID+" was met", c.Met)
		add("clock "+c.ID+" was breached", c.Breached)
	}
	return all
}

func (rec *record) incident() *Incident {
	inc := rec.Incident
	out := &Incident{
		State: inc.State, Scale: inc.Scale, Severity: inc.Severity, Level: inc.Level,
		Services: sorted(inc.Services), Opened: rec.Started.UTC(), Reopened: len(inc.Reopened),
		FirstLevel: rec.firstLevel(), Acknowledged: rec.acknowledged(), Over: rec.over(),
	}
	if inc.Owner != nil {
		out.Owner = inc.Owner.ID
	}
	if held := inc.HeldBack; held != nil {
		out.Quiet = held.Ended == nil || len(rec.Ladders) == 0 && rec.over() != nil
		if held.Ended != nil {
			out.Opened = held.Ended.UTC()
		}
	}
	for _, a := range inc.Alerts {
		out.Alerts = append(out.Alerts, a.Key)
	}
	out.Alerts = sorted(out.Alerts)
	return out
}

// sorted is a set of words, in order; empty ones are none.
func sorted(words []string) []string {
	set := slices.Clone(words)
	slices.Sort(set)
	set = slices.DeleteFunc(slices.Compact(set), func(w string) bool { return w == "" })
	if len(set) == 0 {
		return nil
	}
	return set
}

// firstLevel is the policy of the first page. When pages were left out, the first may be among them.
func (rec *record) firstLevel() string {
	if rec.LeftOut.Pages > 0 {
		return ""
	}
	for _, p := range rec.Pages {
		if p.Policy != "" && (p.Ladder == ladderOfIncident || strings.HasPrefix(p.Ladder, ladderOfIncident+":")) {
			return p.Policy
		}
	}
	return ""
}

// acknowledged is the first acknowledgement. Of the rounds before it was opened again only the clocks and
// ladders are left.
func (rec *record) acknowledged() *Deed {
	inc := rec.Incident
	switch {
	case len(inc.Reopened) > 0:
		return rec.firstRound()
	case inc.Acknowledged != nil:
		return inc.Acknowledged.fact()
	case inc.State == aborted && rec.Aborted != nil:
		return rec.Aborted.fact()
	default:
		return nil
	}
}

func (rec *record) firstRound() *Deed {
	for _, c := range rec.Clocks {
		if c.ID == "acknowledge"+firstRound && c.Met != nil {
			return &Deed{At: c.Met.UTC(), By: rec.stoppedBy(ladderOfIncident + firstRound)}
		}
	}
	return nil
}

// stoppedBy is who stopped a ladder, which keeps their name only.
func (rec *record) stoppedBy(id string) string {
	for _, l := range rec.Ladders {
		if l.ID != id || l.By == "" {
			continue
		}
		for _, p := range rec.Incident.Involved {
			if p.Name == l.By {
				return p.ID
			}
		}
		return l.By
	}
	return ""
}

// over is when nobody was called any more.
func (rec *record) over() *time.Time {
	switch inc := rec.Incident; {
	case inc.State == resolved:
		return utc(&inc.Resolved.At)
	case inc.State == aborted && rec.Aborted != nil:
		return utc(&rec.Aborted.At)
	default:
		return utc(rec.Ended)
	}
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

// at is when it was done; nil when it was not.
func (d *deed) at() *time.Time {
	if d == nil {
		return nil
	}
	return &d.At
}

func (d *deed) fact() *Deed {
	by := d.By.ID
	if by == "" {
		by = d.By.Name
	}
	return &Deed{At: d.At.UTC(), By: by}
}

// promises are the incident's clocks that were met or breached. One that was put away was neither kept nor
// broken, and one that runs is not decided yet.
func (rec *record) promises() []Promise {
	var out []Promise
	for _, c := range rec.Clocks {
		switch {
		case c.Kind == within || c.Kind == "":
		case c.Breached != nil:
			out = append(out, Promise{Kind: c.Kind, At: c.Due.UTC()})
		case c.Met != nil:
			out = append(out, Promise{Kind: c.Kind, Kept: true, At: c.Met.UTC()})
		}
	}
	for _, p := range rec.LeftOut.Promises {
		if p.Kind != within && p.N > 0 {
			out = append(out, Promise{Kind: p.Kind, Kept: p.Kept, At: rec.notBefore(p.Hour), N: p.N})
		}
	}
	return out
}

// notBefore is a time of the run, for an hour of which the run may not have seen the beginning.
func (rec *record) notBefore(hour time.Time) time.Time {
	if hour.Before(rec.Started) {
		return rec.Started.UTC()
	}
	return hour.UTC()
}
