package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Monthly is what the review of a month is made of.
type Monthly struct {
	Run        *Run
	Drill      bool
	From, To   time.Time // the month
	Made       time.Time
	Incidents  []IncidentOf
	Figures    []Figure
	Pictures   []Picture
	Procedures []Freshness
	Items      []OpenItem
	LeftOut    []string // records that could not be read, each with the reason
	// Review is what people said at the meeting; nil before it.
	Review *Review
}

// Figure is a key figure against its target.
type Figure struct {
	Title  string
	Text   string // empty when there are no data
	Target string
	Met    *bool
	Of     string // what it was made of, as in "12 incidents"
}

// Freshness is how a procedure stands.
type Freshness struct {
	ID                 string
	Owners             []string
	State              string // fresh, stale, never reviewed, no limit
	Reviewed           string
	LastRun, LastDrill string
	Stale              bool
}

// Review is what people said at the meeting.
type Review struct {
	Incidents string   `json:"incidents,omitempty" doc:"What the analysis of the incidents came to."`
	Process   string   `json:"process,omitempty" doc:"What changes in procedures."`
	Tools     string   `json:"tools,omitempty" doc:"What changes in tools and monitoring."`
	Training  string   `json:"training,omitempty" doc:"Who is trained or drilled in what."`
	Decisions string   `json:"decisions,omitempty" doc:"What was decided besides."`
	Invited   *float64 `json:"invited,omitempty" doc:"How many people were invited."`
	Present   *float64 `json:"present,omitempty" doc:"How many of them took part."`
	// Satisfaction is that of customers.
	Satisfaction     *float64 `json:"satisfaction,omitempty" doc:"How satisfied customers are, 1 to 5."`
	SatisfactionFrom string   `json:"satisfaction_from,omitempty" doc:"Where that comes from."`
}

// LeaveOut names a record that could not be read, once.
func (m *Monthly) LeaveOut(name, why string) {
	if !slices.ContainsFunc(m.LeftOut, func(l string) bool { return strings.HasPrefix(l, name+": ") }) {
		m.LeftOut = append(m.LeftOut, name+": "+why)
		slices.Sort(m.LeftOut)
	}
}

// Document writes the report.
func (m *Monthly) Document() *Document {
	d := draft(KindMonthly, "Review of "+m.From.UTC().Format("January 2006"), m.Made)
	d.doc.Of, d.doc.Drill = m.Run, m.Drill
	m.incidents(d)
	m.figures(d)
	m.procedures(d)
	m.followUps(d)
	m.outcome(d)
	d.leftOut(m.LeftOut)
	return d.done(m.sentence())
}

func (m *Monthly) incidents(d *drafter) {
	d.section("incidents", "Incidents")
	var rows [][]Value
	counts := map[string]int{}
	for _, i := range m.Incidents {
		grade := strings.TrimSpace(i.Scale + " " + i.Severity)
		counts[grade]++
		report := Value{Text: i.Report}
		if i.Report == "" {
			report = Value{Missing: true}
			d.lack("post-mortem of "+i.WorkflowID+" of "+i.Began.UTC().Format(time.DateOnly), false)
		}
		rows = append(rows, []Value{
			{Text: stamp(i.Began)}, {Text: i.WorkflowID}, {Text: grade}, {Text: i.Summary}, {Text: strings.Join(i.Services, ", ")},
			{Text: i.lasted()}, {Text: i.Owner}, {Text: strings.Join(i.Breached, ", ")}, report,
		})
	}
	if len(rows) == 0 {
		d.text("There was none.")
		return
	}
	var parts []string
	for _, grade := range sorted(counts) {
		parts = append(parts, fmt.Sprintf("%s: %d", cmp.Or(grade, "without a severity"), counts[grade]))
	}
	d.text("%s. %s.", counted(len(rows), "incident", "incidents"), strings.Join(parts, ", "))
	d.table([]string{"began (UTC)", "run", "severity", "what", "services", "duration", "owner", "promises not kept", "post-mortem"}, rows, "")
}

func (m *Monthly) figures(d *drafter) {
	d.section("figures", "Key figures against their targets")
	var rows [][]Value
	for _, f := range m.Figures {
		met := ""
		if f.Met != nil {
			met = yes(*f.Met)
		}
		rows = append(rows, []Value{{Text: f.Title}, d.known(f.Text, "key figure, "+f.Title+": no data"), {Text: f.Target}, {Text: met}, {Text: f.Of}})
	}
	d.measured(rows, []string{"figure", "this month", "target", "met", "made of"}, "key figures: none could be made")
	for i := range m.Pictures {
		d.block(Block{Picture: &m.Pictures[i]})
	}
}

func (m *Monthly) procedures(d *drafter) {
	d.section("procedures", "Procedures")
	var rows [][]Value
	stale := 0
	for _, p := range m.Procedures {
		if p.Stale {
			stale++
		}
		rows = append(rows, cells(p.ID, strings.Join(p.Owners, ", "), p.State, cmp.Or(p.Reviewed, "never"), cmp.Or(p.LastRun, "never"), cmp.Or(p.LastDrill, "never")))
	}
	if len(rows) > 0 {
		d.text("%d of %s should be reviewed.", stale, counted(len(rows), "procedure", "procedures"))
	}
	d.measured(rows, []string{"procedure", "owners", "state", "reviewed", "last run", "last drill"}, "procedures: none could be read")
}

func (m *Monthly) followUps(d *drafter) {
	d.section("follow-up", "Action items still open")
	var rows [][]Value
	for _, i := range m.Items {
		due := i.Due
		if i.Due < m.Made.UTC().Format(time.DateOnly) {
			due += ", overdue"
		}
		rows = append(rows, cells(due, i.What, i.Who, i.Incident, i.Note))
	}
	d.table([]string{"due", "what", "owner", "after", "note"}, rows, "There is none.")
}

// outcome is what people said at the meeting.
func (m *Monthly) outcome(d *drafter) {
	r := m.Review
	if r == nil {
		r = &Review{}
	}
	for _, part := range []struct{ id, title, text, what string }{
		{"incident-analysis", "Outcome: incident analysis", r.Incidents, "outcome of the incident analysis"},
		{"process", "Outcome: procedures", r.Process, "outcome on procedures"},
		{"tools", "Outcome: tools", r.Tools, "outcome on tools"},
		{"training", "Outcome: training", r.Training, "outcome on training"},
	} {
		d.section(part.id, part.title)
		d.answer(part.text, part.what)
	}
	d.section("meeting", "Meeting")
	present := ""
	if r.Invited != nil && r.Present != nil && *r.Invited > 0 && *r.Present >= 0 && *r.Present <= *r.Invited {
		present = number(*r.Present) + " of " + number(*r.Invited)
	}
	satisfaction := ""
	if v := r.Satisfaction; v != nil && *v >= 1 && *v <= 5 {
		satisfaction = number(*v) + " of 5"
		if said(r.SatisfactionFrom) {
			satisfaction += ", " + r.SatisfactionFrom
		}
	}
	d.facts(
		Fact{Name: "Took part", Value: d.asked(present, "how many were invited to the review, and how many of them took part")},
		Fact{Name: "Satisfaction of customers", Value: d.asked(satisfaction, "satisfaction of customers, 1 to 5")})
	if said(r.Decisions) {
		d.text("%s", r.Decisions)
	}
}

func (m *Monthly) sentence() string {
	met, of := 0, 0
	for _, f := range m.Figures {
		if f.Met != nil {
			of++
			if *f.Met {
				met++
			}
		}
	}
	return fmt.Sprintf("%s: %s, %d of %s met, %s open.", m.From.UTC().Format("January 2006"), counted(len(m.Incidents), "incident", "incidents"),
		met, counted(of, "target", "targets"), counted(len(m.Items), "action item", "action items"))
}

// sorted are the keys of a count, in order.
func sorted(counts map[string]int) []string {
	keys := make([]string, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (i *IncidentOf) lasted() string {
	if i.Ended.IsZero() {
		return "still going on"
	}
	return took(i.Ended.Sub(i.Began))
}
