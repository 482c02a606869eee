package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/sops"
)

// Maintenance is what a maintenance report is made of. From and To bound the time that figures and incidents are of.
type Maintenance struct {
	Run             *Run
	Drill           bool
	Title           string // default "Maintenance report"
	Outcome, Reason string
	From, To        time.Time
	Uptime          []Uptime
	Responses       []Level // milliseconds
	CPU, Memory     []Level // percent
	Disks           []Growth
	Databases       []Level // milliseconds
	Incidents       Incidents
	Runs            []RunCount
	LeftOut         []string // records that could not be read, each with the reason
	Activities      []Activity
	Recovered       *float64 // bytes
	Pool            *float64 // percent
	SlowQueries     []string
	Undone          []Undone
	Left            []string
	Upcoming        []UpcomingWork
	Recommendations []string
}

// Activity is one thing that was to be done.
type Activity struct {
	What   string `json:"what" doc:"What, as in Docker clean-up."`
	Status string `json:"status" doc:"The status of its step."`
	Result string `json:"result,omitempty" doc:"What came of it, or why it failed."`
}

// Undone is a step that a rollback had to do with: one of run.undone.
type Undone struct {
	Step  string `json:"step" doc:"Path of the step."`
	Title string `json:"title" doc:"What people read."`
	State string `json:"state" enum:"undone,left,owed" doc:"What became of it."`
	Why   string `json:"why,omitempty" doc:"Why it was not undone."`
}

// UpcomingWork is planned work.
type UpcomingWork struct {
	What        string `json:"what" doc:"What will be done."`
	When        string `json:"when,omitempty" doc:"When."`
	Impact      string `json:"impact,omitempty" doc:"What users will notice."`
	Preparation string `json:"preparation,omitempty" doc:"What has to be prepared."`
}

// Level is how high a figure was.
type Level struct {
	Subject string  `json:"subject" doc:"What it was measured of."`
	Mean    float64 `json:"mean" doc:"The mean of all values."`
	Peak    float64 `json:"peak" doc:"The largest."`
	Last    float64 `json:"last" doc:"The newest."`
	Points  int     `json:"points" doc:"How many values there are."`
}

// Uptime is how often a service was found working.
type Uptime struct {
	Subject string  `json:"subject" doc:"The service's target."`
	Percent float64 `json:"percent" doc:"The share of the looks at which it worked."`
	Looks   int     `json:"looks" doc:"How often was looked: what happened between two looks is not known."`
}

// Growth is how full something is and was.
type Growth struct {
	Subject string  `json:"subject" doc:"Host and mount."`
	Now     float64 `json:"now" doc:"The newest value, in percent."`
	Change  float64 `json:"change" doc:"Percentage points since the oldest value of the period."`
	Grown   bool    `json:"grown" doc:"There is more than one value, so that change means something."`
	Points  int     `json:"points" doc:"How many values there are."`
}

// Incidents counts incidents.
type Incidents struct {
	Total      int             `json:"total" doc:"All of them."`
	Open       int             `json:"open" doc:"Those that are still going on, as far as the journal knows."`
	BySeverity []SeverityCount `json:"by_severity" doc:"By scale and severity, sorted."`
}

// SeverityCount is how many incidents were how grave.
type SeverityCount struct {
	Scale    string `json:"scale" doc:"The severity scale; may be empty."`
	Severity string `json:"severity" doc:"As it was at the end."`
	Count    int    `json:"count" doc:"How many."`
}

// RunCount is how often a procedure ran.
type RunCount struct {
	Procedure string `json:"procedure" doc:"Its id."`
	Succeeded int    `json:"succeeded" doc:"Runs that ended well"`
	Failed    int    `json:"failed" doc:"and those that did not."`
}

// Done counts the activities that succeeded, and those that did not.
func (m *Maintenance) Done() (done, not int) {
	for _, a := range m.Activities {
		if a.Status == "succeeded" {
			done++
		} else {
			not++
		}
	}
	return done, not
}

// Document writes the report.
func (m *Maintenance) Document() *Document {
	d := draft(KindMaintenance, cmp.Or(m.Title, "Maintenance report"), m.To)
	d.doc.Of, d.doc.Drill = m.Run, m.Drill
	d.section("maintenance", "Maintenance")
	facts := []Fact{fact("Outcome", m.Outcome), fact("Figures from (UTC)", stamp(m.From)), fact("to (UTC)", stamp(m.To))}
	if m.Reason != "" {
		facts = append(facts, fact("Why", m.Reason))
	}
	d.facts(facts...)
	m.services(d)
	m.work(d)
	m.resources(d)
	m.upcoming(d)
	d.section("recommendations", "Recommendations")
	d.list(m.Recommendations, "None came out of what was measured.")
	d.leftOut(m.LeftOut)
	return d.done(m.sentence())
}

// leftOut names records that could not be read.
func (d *drafter) leftOut(records []string) {
	if len(records) == 0 {
		return
	}
	d.section("left-out", "Records that could not be read")
	d.text("They are in the journal and count nowhere in this report.")
	d.list(records, "")
}

func (m *Maintenance) services(d *drafter) {
	d.section("services", "Services")
	var rows [][]Value
	for _, u := range m.Uptime {
		response := ""
		if i := slices.IndexFunc(m.Responses, func(l Level) bool { return l.Subject == u.Subject }); i >= 0 {
			response = number(m.Responses[i].Mean) + " ms"
		}
		rows = append(rows, append(cells(u.Subject, number(u.Percent)+" % of "+counted(u.Looks, "look", "looks")),
			d.known(response, "response time of "+u.Subject+": it was not measured (figure api_mean)")))
	}
	d.measured(rows, []string{"service", "uptime", "mean answer"}, "uptime: no health check kept whether a service works (figure service_up)")
	if len(m.Responses) == 0 && len(rows) == 0 {
		d.lack("response times: none were measured (figure api_mean)", false)
	}
	open := ""
	if m.Incidents.Open > 0 {
		open = fmt.Sprintf(", %d of them still open", m.Incidents.Open)
	}
	d.text("Incidents that began in this time: %d%s.", m.Incidents.Total, open)
	var counts []string
	for _, s := range m.Incidents.BySeverity {
		counts = append(counts, fmt.Sprintf("%s: %d", strings.TrimSpace(s.Scale+" "+cmp.Or(s.Severity, "without a severity")), s.Count))
	}
	d.list(counts, "")
}

// measured writes rows of measurements; without any they are missing.
func (d *drafter) measured(rows [][]Value, head []string, what string) {
	if len(rows) > 0 {
		d.table(head, rows, "")
		return
	}
	d.lack(what, false)
	d.block(Block{Missing: true})
}

func (m *Maintenance) work(d *drafter) {
	d.section("activities", "Activities")
	var rows [][]Value
	for _, a := range m.Activities {
		rows = append(rows, cells(a.What, a.Status, a.Result))
	}
	d.measured(rows, []string{"activity", "status", "result"}, "activities: the run lists none")
	if len(m.Undone) > 0 {
		d.text("Put back, the last first:")
		var lines []string
		for _, u := range slices.Backward(m.Undone) {
			lines = append(lines, u.Title+": "+strings.TrimSuffix(u.State+", "+u.Why, ", "))
		}
		d.list(lines, "")
	}
	if len(m.Left) > 0 {
		d.text("Changed, and deliberately not put back:")
		d.list(m.Left, "")
	}
	if len(m.Runs) > 0 {
		d.text("Runs of procedures in this time:")
		rows = nil
		for _, r := range m.Runs {
			rows = append(rows, cells(r.Procedure, strconv.Itoa(r.Succeeded), strconv.Itoa(r.Failed)))
		}
		d.table([]string{"procedure", "succeeded", "did not"}, rows, "")
	}
}

func (m *Maintenance) resources(d *drafter) {
	d.section("resources", "Resources")
	var rows [][]Value
	for _, kind := range []struct {
		name, unit, lack string
		levels           []Level
	}{
		{"processor", "%", "processor: not measured (figure cpu_percent)", m.CPU},
		{"memory", "%", "memory: not measured (figure memory_percent)", m.Memory},
		{"database, simple query", "ms", "query times: not measured (figure database_latency)", m.Databases},
	} {
		if len(kind.levels) == 0 {
			d.lack(kind.lack, false)
			rows = append(rows, append(cells(kind.name, ""), Value{Missing: true}, Value{Missing: true}, Value{Missing: true}))
		}
		for _, l := range kind.levels {
			rows = append(rows, cells(kind.name, l.Subject, number(l.Mean)+" "+kind.unit, number(l.Peak)+" "+kind.unit, number(l.Last)+" "+kind.unit))
		}
	}
	d.table([]string{"resource", "of", "mean", "peak", "last"}, rows, "")
	m.disks(d)
	d.facts(
		Fact{Name: "Disk space recovered", Value: d.known(optional(m.Recovered, size), "disk space recovered: the run did not measure it")},
		Fact{Name: "Connections of the database in use", Value: d.known(optional(m.Pool, percent), "connection pool: the run did not measure it")})
	if len(m.SlowQueries) > 0 {
		d.text("Slowest queries:")
		d.list(m.SlowQueries, "")
	}
}

func (m *Maintenance) disks(d *drafter) {
	var rows [][]Value
	for _, g := range m.Disks {
		change := ""
		if g.Grown {
			change = signed(g.Change) + " points"
		}
		rows = append(rows, append(cells(g.Subject, number(g.Now)+" %"), d.known(change, "growth of "+g.Subject+": there is only one value in the period")))
	}
	d.measured(rows, []string{"disk", "full now", "growth"}, "disks: not measured (figure disk_percent)")
}

func (m *Maintenance) upcoming(d *drafter) {
	d.section("upcoming", "Upcoming work")
	if len(m.Upcoming) == 0 {
		d.lack("upcoming work: nobody has named any, nor said that there is none", true)
		d.block(Block{Missing: true})
		return
	}
	var rows [][]Value
	for i, u := range m.Upcoming {
		title := "upcoming work, " + cmp.Or(line(u.What), fmt.Sprintf("number %d", i+1))
		rows = append(rows, []Value{{Text: u.What}, d.asked(u.When, title+": when it is done"), d.asked(u.Impact, title+": its impact"), d.asked(u.Preparation, title+": how it is prepared")})
	}
	d.table([]string{"work", "when", "impact", "preparation"}, rows, "")
}

// sentence is the report in one sentence.
func (m *Maintenance) sentence() string {
	done, not := m.Done()
	text := fmt.Sprintf("Maintenance %s: %d of %s done", line(m.Outcome), done, counted(done+not, "activity", "activities"))
	if m.Recovered != nil {
		text += ", " + size(*m.Recovered) + " recovered"
	}
	text += fmt.Sprintf(", %s in %s", counted(m.Incidents.Total, "incident", "incidents"), days(m.To.Sub(m.From)))
	if m.Incidents.Open > 0 {
		text += fmt.Sprintf(", %d still open", m.Incidents.Open)
	}
	return text + "."
}

func days(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return counted(int(d/(24*time.Hour)), "day", "days")
	}
	return sops.Duration(d).String()
}

// optional is a measured value, or nothing.
func optional(v *float64, text func(float64) string) string {
	if v == nil {
		return ""
	}
	return text(*v)
}

func percent(v float64) string { return number(v) + " %" }

// number has at most two digits after the point, and no zeros at its end.
func number(v float64) string {
	text := strconv.FormatFloat(v, 'f', 2, 64)
	text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	if text == "-0" {
		return "0"
	}
	return text
}

func signed(v float64) string {
	if v > 0 {
		return "+" + number(v)
	}
	return number(v)
}
