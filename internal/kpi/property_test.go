package kpi

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/workflows"
)

// TestFiguresEqualThoseOfANaiveRecomputation compares the figures of random records, read through the journal,
// with sums written down as plainly as they are defined.
func TestFiguresEqualThoseOfANaiveRecomputation(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 7))
			all := randomRecords(rng, 1+rng.IntN(60))
			o := Options{Since: after(time.Duration(rng.IntN(10)) * 6 * time.Hour), Until: after(20*day + time.Duration(rng.IntN(20))*7*time.Hour), Now: november.Now}
			j := openJournal(t)
			save(t, j, all...)
			by := func(by By) *Set {
				o.By = by
				set, err := Read(t.Context(), j, o)
				require.NoError(t, err)
				return set
			}
			set := by(ByWeek)
			sameFigures(t, naive(all, o.Since, o.Until, o.Since, nil), set.Figures)

			for _, g := range by(ByService).Groups {
				sameFigures(t, naive(all, o.Since, o.Until, o.Since, func(r *workflows.Record, _ string) bool {
					return r.Incident != nil && (slices.Contains(r.Incident.Services, g.Key) || g.Key == "" && len(r.Incident.Services) == 0)
				}), g.Figures)
			}
			for _, g := range by(ByProcedure).Groups {
				sameFigures(t, naive(all, o.Since, o.Until, o.Since, func(r *workflows.Record, _ string) bool { return r.Procedure == g.Key }), g.Figures)
			}
			for _, g := range by(ByPerson).Groups {
				want := naive(all, o.Since, o.Until, o.Since, func(r *workflows.Record, person string) bool { return r.Incident != nil && person == g.Key })
				want[MTBF] = sum{}
				sameFigures(t, want, g.Figures)
			}
			weeksAddUp(t, set)
		})
	}
}

// weeksAddUp checks that nothing is lost or counted twice at the edges of weeks.
func weeksAddUp(t *testing.T, set *Set) {
	t.Helper()
	for _, f := range set.Figures {
		n, total := 0, 0.0
		for _, g := range set.Groups {
			n += g.Figure(f.ID).N
			if w := g.Figure(f.ID); w.Value != nil {
				total += *w.Value * float64(w.N)
			}
		}
		require.Equal(t, f.N, n, f.ID)
		if f.Value != nil && f.ID != MTBF { // a week without failures has time too
			require.InDelta(t, *f.Value*float64(f.N), total, 1e-3, f.ID)
		}
	}
	opened := 0
	for _, g := range set.Groups {
		opened += g.Incidents.Opened
	}
	require.Equal(t, set.Incidents.Opened, opened)
}

func sameFigures(t *testing.T, want map[ID]sum, got []Figure) {
	t.Helper()
	for _, f := range got {
		w := want[f.ID]
		require.Equal(t, w.n, f.N, f.ID)
		if w.n == 0 {
			require.Nil(t, f.Value, f.ID)
			continue
		}
		require.InDelta(t, w.total/float64(w.n), *f.Value, 1e-6, f.ID)
	}
}

// randomRecords are incidents with whole minutes as times, and a run long before them.
func randomRecords(rng *rand.Rand, n int) []*workflows.Record {
	all := []*workflows.Record{ended(aRun("daily-check", "first", -60*day), time.Minute)}
	for i := range n {
		opened := time.Duration(rng.IntN(35*24*60))*time.Minute - 7*day
		all = append(all, randomIncident(rng, fmt.Sprint(i), opened))
	}
	return all
}

func pick[T any](rng *rand.Rand, of ...T) T { return of[rng.IntN(len(of))] }

func randomIncident(rng *rand.Rand, name string, opened time.Duration) *workflows.Record {
	rec := anIncident(name, opened)
	rec.Procedure = pick(rng, "emergency-response", "high-error-rate")
	rec.Drill = rng.IntN(12) == 0
	inc := rec.Incident
	inc.Services = pick(rng, nil, []string{"api"}, []string{"db"}, []string{"api", "db"}, []string{"db", "api"})
	inc.Level = pick(rng, "level-2", "level-2", "level-3")
	for range rng.IntN(3) {
		inc.Alerts = append(inc.Alerts, &workflows.AlertSeen{Key: pick(rng, "a", "b", "c", "d")})
	}
	minutes := func(most int) time.Duration { return time.Duration(rng.IntN(most)) * time.Minute }
	ack := minutes(30)
	if rng.IntN(4) > 0 {
		acked(rec, pick(rng, "ana", "ben", "chloe"), ack)
		promised(rec, "acknowledge", 5*time.Minute, ack+time.Second)
	} else {
		promised(rec, "acknowledge", 5*time.Minute, 0)
	}
	switch rng.IntN(6) {
	case 0: // goes on
	case 1:
		ended(rec, ack+minutes(300))
		inc.State, rec.Aborted = workflows.IncidentAborted, deed(*rec.Ended, "ben")
	case 2:
		ended(rec, ack+minutes(20*24*60))
	default:
		took := ack + minutes(pick(rng, 60, 600, 20*24*60))
		if inc.Acknowledged == nil {
			acked(rec, "chloe", took)
		}
		promised(solved(rec, "ana", took), "resolve", time.Hour, took+time.Second)
		if rng.IntN(8) == 0 {
			inc.Reopened = []time.Time{rec.Started.Add(ack)}
			rec.Clocks[0].ID = "acknowledge:1"
			rec.Ladders = append(rec.Ladders, &workflows.Ladder{ID: "incident:1", By: "dora"})
		}
	}
	if rng.IntN(10) == 0 && ack > 2*time.Minute {
		free := rec.Started.Add(2 * time.Minute)
		inc.HeldBack = &workflows.HeldBack{Since: rec.Started}
		if rng.IntN(2) == 0 {
			inc.HeldBack.Ended = &free
		}
	}
	return rec
}

// sum is a figure of the naive recomputation.
type sum struct {
	total float64
	n     int
}

func (s sum) plus(v float64) sum { return sum{s.total + v, s.n + 1} }

// naive makes the figures of records once more. takes chooses the records of a group, by the person they count
// for; nil takes all.
func naive(all []*workflows.Record, since, until, observed time.Time, takes func(*workflows.Record, string) bool) map[ID]sum {
	out := map[ID]sum{}
	in := func(at time.Time) bool { return !at.Before(since) && at.Before(until) }
	note := func(id ID, rec *workflows.Record, person string, at time.Time, v float64) {
		if in(at) && (takes == nil || takes(rec, person)) {
			out[id] = out[id].plus(v)
		}
	}
	yes := func(b bool) float64 {
		if b {
			return 1
		}
		return 0
	}
	var counted []*workflows.Record
	for _, rec := range all {
		if rec.Drill || rec.Incident == nil || rec.Incident.HeldBack != nil && rec.Incident.HeldBack.Ended == nil {
			continue
		}
		counted = append(counted, rec)
		owner, acker := naivePeople(rec)
		opened, acknowledged, over := naiveTimes(rec)
		if !acknowledged.IsZero() && !acknowledged.Before(opened) {
			note(MTTA, rec, acker, acknowledged, acknowledged.Sub(opened).Seconds())
		}
		if rec.Incident.State == "resolved" {
			note(MTTR, rec, owner, over, max(0, over.Sub(opened).Seconds()))
			note(Escalation, rec, owner, over, yes(rec.Incident.Level == "level-2"))
		}
		for _, c := range rec.Clocks {
			person := owner
			if c.Kind == "acknowledge" {
				person = acker
			}
			if c.Breached != nil {
				note(SLA, rec, person, c.Due, 0)
			} else if c.Met != nil {
				note(SLA, rec, person, *c.Met, 1)
			}
		}
	}
	for _, rec := range counted {
		owner, _ := naivePeople(rec)
		if rec.Incident.State != "aborted" {
			opened, _, _ := naiveTimes(rec)
			note(Recurrence, rec, owner, opened, yes(naiveCameBack(counted, rec)))
		}
	}
	out[MTBF] = naiveUptime(counted, since, until, observed, takes)
	return out
}

func naivePeople(rec *workflows.Record) (owner, acker string) {
	if rec.Incident.Owner != nil {
		owner = rec.Incident.Owner.ID
	}
	acker = owner
	switch {
	case len(rec.Incident.Reopened) > 0:
		if rec.Clocks[0].Met != nil {
			acker = "dora"
		}
	case rec.Incident.Acknowledged != nil:
		acker = rec.Incident.Acknowledged.By.ID
	case rec.Aborted != nil:
		acker = rec.Aborted.By.ID
	}
	return owner, acker
}

func naiveTimes(rec *workflows.Record) (opened, acknowledged, over time.Time) {
	opened, over = rec.Started, monday.Add(1000*day)
	if rec.Incident.HeldBack != nil {
		opened = *rec.Incident.HeldBack.Ended
	}
	if rec.Ended != nil {
		over = *rec.Ended
	}
	switch {
	case len(rec.Incident.Reopened) > 0:
		if met := rec.Clocks[0].Met; met != nil {
			acknowledged = *met
		}
	case rec.Incident.Acknowledged != nil:
		acknowledged = rec.Incident.Acknowledged.At
	case rec.Aborted != nil:
		acknowledged = rec.Aborted.At
	}
	return opened, acknowledged, over
}

func naiveCameBack(all []*workflows.Record, rec *workflows.Record) bool {
	if len(rec.Incident.Reopened) > 0 {
		return true
	}
	opened, _, _ := naiveTimes(rec)
	for _, other := range all {
		_, _, over := naiveTimes(other)
		if other == rec || other.Procedure != rec.Procedure || other.Incident.State != "resolved" || over.After(opened) || opened.Sub(over) > 720*time.Hour {
			continue
		}
		for _, a := range rec.Incident.Alerts {
			for _, b := range other.Incident.Alerts {
				if a.Key == b.Key {
					return true
				}
			}
		}
		unalerted := len(rec.Incident.Alerts) == 0 || len(other.Incident.Alerts) == 0
		if unalerted && naiveServices(rec) != "" && naiveServices(rec) == naiveServices(other) {
			return true
		}
	}
	return false
}

func naiveServices(rec *workflows.Record) string {
	words := slices.Clone(rec.Incident.Services)
	slices.Sort(words)
	return strings.Join(words, " ")
}

// naiveUptime looks at every minute.
func naiveUptime(all []*workflows.Record, since, until, observed time.Time, takes func(*workflows.Record, string) bool) sum {
	var mine []*workflows.Record
	out := sum{}
	for _, rec := range all {
		owner, _ := naivePeople(rec)
		if takes != nil && !takes(rec, owner) {
			continue
		}
		mine = append(mine, rec)
		if opened, _, _ := naiveTimes(rec); !opened.Before(since) && opened.Before(until) {
			out.n++
		}
	}
	for at := observed; at.Before(until); at = at.Add(time.Minute) {
		down := false
		for _, rec := range mine {
			opened, _, over := naiveTimes(rec)
			down = down || !at.Before(opened) && at.Before(over)
		}
		if !down {
			out.total += 60
		}
	}
	return out
}
