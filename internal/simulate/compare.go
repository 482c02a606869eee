package simulate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/workflows"
)

// Check compares a result with what the scenario expects. None means that all is as expected. It is for
// scenarios that were read by Parse.
func (s *Scenario) Check(r *Result) []Mismatch {
	j := &judge{s: s, r: r}
	if s.Expect != nil {
		j.expect(s.Expect)
	}
	for i := range s.Never {
		j.never(&s.Never[i])
	}
	slices.SortStableFunc(j.out, func(a, b Mismatch) int { return a.Pos.Line - b.Pos.Line })
	return j.out
}

// judge compares one result.
type judge struct {
	s   *Scenario
	r   *Result
	out []Mismatch
}

func (j *judge) wrong(pos Pos, what, expected, actual string) {
	j.out = append(j.out, Mismatch{Pos: pos, What: what, Expected: expected, Actual: actual})
}

func (j *judge) expect(e *Expect) {
	at := func(path ...string) Pos { return j.s.places.Value(e, path...) }
	if got := j.state(); e.State != "" && got != e.State {
		if f := j.r.Record.Failure; f != nil {
			got += ": " + f.String()
		}
		j.wrong(at("state"), "state", e.State, got)
	}
	j.ends(e, at("ends"))
	j.pages(e)
	j.told(e)
	j.stages(e)
	j.steps(e)
	j.clocks(e)
	j.undone(e)
	j.incident(e)
	j.lists(e)
}

// state is how the run ended; running when it was stopped at the horizon.
func (j *judge) state() string {
	if j.r.Horizon {
		return string(workflows.Running)
	}
	return string(j.r.Record.State)
}

func (j *judge) ends(e *Expect, pos Pos) {
	if e.Ends == "" {
		return
	}
	rel := relative(j.r.At, j.r.Ended)
	if j.r.Horizon {
		j.wrong(pos, "ends", e.Ends, "still open at the horizon, "+rel)
		return
	}
	within, m := endOf(e.Ends)
	want := m.In(j.r.At)
	if within && !j.r.Ended.After(want) || !within && sameSecond(j.r.Ended, want) {
		return
	}
	j.wrong(pos, "ends", e.Ends, rel)
}

// endOf reads "+41m" or "<= +2h". It was checked when the file was read.
func endOf(text string) (within bool, m Moment) {
	rest, within := strings.CutPrefix(text, "<=")
	m, _ = ParseMoment(strings.TrimSpace(rest))
	return within, m
}

func sameSecond(a, b time.Time) bool {
	return a.Truncate(time.Second).Equal(b.Truncate(time.Second))
}

// stages compares phases, and steps that must not run.
func (j *judge) stages(e *Expect) {
	for _, id := range sortedKeys(e.Phases) {
		got := "there is no such phase"
		for _, p := range j.r.Record.Phases {
			if p.ID == id {
				got = string(p.State)
			}
		}
		if got != e.Phases[id] {
			j.wrong(j.s.places.Key(e, "phases", id), "phases."+id, e.Phases[id], got)
		}
	}
	for i, id := range e.NotRun {
		if s := j.ran(id); s != nil {
			j.wrong(j.s.places.Item(e, "not_run", i), "not_run", id+" pending or skipped", describeNamed(s, id))
		}
	}
}

func describeStep(s *workflows.Step) string {
	return inWords(string(s.State), s.Error, s.Reason)
}

// inWords is a state, and why.
func inWords(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), ": ")
}

func (j *judge) undone(e *Expect) {
	list := func(key string, want []string, keep func(*workflows.Step) bool) {
		if !j.s.places.Has(e, key) {
			return
		}
		var entries []*workflows.Step
		for _, u := range j.r.Record.Undo {
			if keep(u) {
				entries = append(entries, u)
			}
		}
		slices.SortStableFunc(entries, func(a, b *workflows.Step) int { return began(a).Compare(began(b)) })
		got := make([]string, len(entries))
		for i, u := range entries {
			got[i] = strings.TrimPrefix(u.Path, "undo:")
			if i < len(want) && want[i] == strings.TrimPrefix(u.ID, "undo:") {
				got[i] = want[i]
			}
		}
		if !slices.Equal(want, got) {
			j.differ(j.s.places.Key(e, key), key, want, got)
		}
	}
	rolledBack := j.r.Record.Rollback != nil
	list("undone", e.Undone, func(u *workflows.Step) bool { return u.State == workflows.Succeeded })
	list("left", e.Left, func(u *workflows.Step) bool {
		return rolledBack && u.State != workflows.Succeeded && !u.NotNeeded()
	})
}

func began(s *workflows.Step) time.Time {
	if s.Started == nil {
		return time.Time{}
	}
	return *s.Started
}

func (j *judge) incident(e *Expect) {
	if e.Incident == nil {
		return
	}
	inc := j.r.Record.Incident
	if inc == nil {
		j.wrong(j.s.places.Key(e, "incident"), "incident", "an incident", "the run is none")
		return
	}
	owner := ""
	if inc.Owner != nil {
		owner = inc.Owner.ID
	}
	for _, f := range []struct{ key, want, got string }{
		{"severity", e.Incident.Severity, inc.Severity}, {"level", e.Incident.Level, inc.Level},
		{"owner", e.Incident.Owner, owner}, {"state", e.Incident.State, string(inc.State)},
	} {
		if f.want != "" && f.want != f.got {
			j.wrong(j.s.places.Value(e, "incident", f.key), "incident."+f.key, f.want, orNothing(f.got))
		}
	}
}

func orNothing(text string) string {
	if text == "" {
		return "nothing"
	}
	return text
}

// differ notes lists that are not the same.
func (j *judge) differ(pos Pos, what string, want, got []string) {
	j.out = append(j.out, Mismatch{
		Pos: pos, What: what, Expected: listed(want), Actual: listed(got), Want: want, Got: got,
	})
}

func listed(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

func (j *judge) never(n *Never) {
	at := func(key string) Pos { return j.s.places.Value(n, key) }
	if n.Page != "" {
		for _, p := range j.r.Pages {
			if p.Person == n.Page && p.Reached {
				j.wrong(at("page"), "never", "no page to "+n.Page, "paged "+relative(j.r.At, p.At)+" over "+strings.Join(p.Transports, ", "))
				break
			}
		}
	}
	if n.Tell != "" {
		for _, t := range j.r.Told {
			if slices.Contains(t.names(), n.Tell) {
				j.wrong(at("tell"), "never", n.Tell+" is not told", fmt.Sprintf("told %s: %s", relative(j.r.At, t.At), t.Text))
				break
			}
		}
	}
	j.neverRun(n, at)
}

func (j *judge) neverRun(n *Never, at func(string) Pos) {
	if n.Action != "" {
		for _, a := range j.r.Attempts {
			if a.Action == n.Action && !a.Dry {
				j.wrong(at("action"), "never", n.Action+" is not carried out", fmt.Sprintf("%s does it %s", a.Step, relative(j.r.At, a.At)))
				break
			}
		}
	}
	if n.Step != "" {
		if s := j.ran(n.Step); s != nil {
			j.wrong(at("step"), "never", n.Step+" does not run", describeNamed(s, n.Step))
		}
	}
	if n.Breach != "" {
		for _, c := range j.clocksNamed(n.Breach) {
			if c.Breached != nil {
				j.wrong(at("breach"), "never", n.Breach+" is not breached", j.clockText(c))
				break
			}
		}
	}
}
