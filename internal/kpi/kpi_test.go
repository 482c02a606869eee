package kpi

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/workflows"
)

// november is the period of most tests.
var november = Options{Since: monday, Until: monday.Add(28 * day), Now: monday.Add(365 * day)}

func TestWithoutRecordsThereIsNoData(t *testing.T) {
	t.Parallel()
	set := read(t, november)
	require.Len(t, set.Figures, 9)
	for _, f := range set.Figures {
		require.Nil(t, f.Value, f.ID)
		require.Nil(t, f.Met, f.ID)
		require.Zero(t, f.N, f.ID)
		require.Equal(t, NoData, f.Text)
	}
	require.Equal(t, Counts{BySeverity: []SeverityCount{}}, set.Incidents)
	require.Empty(t, set.LeftOut)
	require.Equal(t, monday, set.Observed, "an empty journal says nothing of when it began")
}

func TestAMonthComputedByHand(t *testing.T) {
	t.Parallel()
	a := promised(promised(solved(acked(anIncident("a", 1*day), "ana", 2*time.Minute), "ana", 20*time.Minute), "acknowledge", 5*time.Minute, 2*time.Minute), "resolve", time.Hour, 20*time.Minute)
	b := promised(solved(acked(anIncident("b", 8*day), "ben", 6*time.Minute), "ben", 50*time.Minute), "acknowledge", 5*time.Minute, 6*time.Minute)
	b.Incident.Level = "level-3"
	c := acked(anIncident("c", 20*day), "ana", time.Minute)
	first := ended(aRun("daily-check", "x", -5*day), time.Minute)
	set := read(t, november, a, b, c, first)
	require.Equal(t, []string{
		"mtta 3m (3)",  // 2, 6 and 1 minutes
		"mttr 35m (2)", // 20 and 50 minutes; c is open
		"mtbf 6d15h (3)",
		"recurrence 0 % (3)",
		"escalation_accuracy 50 % (2)", // b had to climb
		"sla_compliance 66.66 % (3)",   // b was acknowledged a minute late
	}, brief(set.Figures))
	// 28 days, less 70 minutes, less the 8 days in which c is open, over three.
	require.InDelta(t, (20*day-70*time.Minute).Seconds()/3, value(set.Figure(MTBF)), 1e-6)
	require.Equal(t, Counts{
		Opened: 3, Resolved: 2, Open: 1, BySeverity: []SeverityCount{{Scale: "platform", Severity: "P1", Count: 3}},
	}, set.Incidents)
	require.True(t, *set.Figure(MTTA).Met)
	require.False(t, *set.Figure(MTTR).Met)
	require.Equal(t, monday, set.Observed)
}

func TestWhatIsLookedAtBeginsWithTheJournal(t *testing.T) {
	t.Parallel()
	set := read(t, november, ended(aRun("daily-check", "x", 18*day), time.Minute), solved(anIncident("a", 20*day), "ana", 12*time.Hour))
	require.Equal(t, after(18*day), set.Observed)
	require.InDelta(t, (9*day + 12*time.Hour).Seconds(), value(set.Figure(MTBF)), 1e-6)
}

func TestEverythingCountsOnceInThePeriodInWhichItWasDecided(t *testing.T) {
	t.Parallel()
	over := solved(acked(anIncident("spans", -time.Minute), "ana", 3*time.Minute), "ana", 29*day)
	before := Options{Since: monday.Add(-28 * day), Until: monday, Now: november.Now}
	next := Options{Since: monday.Add(28 * day), Until: monday.Add(56 * day), Now: november.Now}
	for name, want := range map[string]struct {
		Options
		figures []string
		open    int
	}{
		"it opened":           {before, []string{"mtbf 0s (1)", "recurrence 0 % (1)"}, 1},
		"it was acknowledged": {november, []string{"mtta 3m (1)"}, 1},
		"it was resolved":     {next, []string{"mttr 29d (1)", "escalation_accuracy 100 % (1)"}, 0},
	} {
		set := read(t, want.Options, over)
		require.Equal(t, want.figures, brief(set.Figures), name)
		require.Equal(t, want.open, set.Incidents.Open, name)
	}
}

func TestMeansLeaveOutWhatNobodyDid(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		rec  func() *workflows.Record
		want []string
	}{
		"open and never acknowledged": {
			func() *workflows.Record { return promised(anIncident("a", day), "acknowledge", 5*time.Minute, 0) },
			[]string{"mtbf 0s (1)", "recurrence 0 % (1)", "sla_compliance 0 % (1)"},
		},
		"a drill": {func() *workflows.Record {
			rec := solved(acked(anIncident("a", day), "ana", time.Minute), "ana", time.Hour)
			rec.Drill = true
			return rec
		}, nil},
		"no incident at all": {func() *workflows.Record { return ended(aRun("daily-check", "a", day), time.Hour) }, nil},
		"aborted before anybody acknowledged": {func() *workflows.Record {
			rec := ended(anIncident("a", day), 8*time.Minute)
			rec.Incident.State, rec.Aborted = workflows.IncidentAborted, deed(rec.Started.Add(8*time.Minute), "ana")
			return rec
		}, []string{"mtta 8m (1)", "mtbf 26d23h (1)"}},
		"its run was cancelled": {
			func() *workflows.Record { return ended(acked(anIncident("a", day), "ana", time.Minute), day) },
			[]string{"mtta 1m (1)", "mtbf 26d (1)", "recurrence 0 % (1)"},
		},
		"still held back by maintenance": {func() *workflows.Record {
			rec := anIncident("a", day)
			rec.Incident.HeldBack, rec.Ladders = &workflows.HeldBack{}, nil
			return rec
		}, nil},
		"over before the maintenance was": {func() *workflows.Record {
			rec := solved(anIncident("a", day), "", time.Hour)
			rec.Incident.HeldBack, rec.Ladders, rec.Pages = &workflows.HeldBack{Ended: rec.Ended}, nil, nil
			return rec
		}, nil},
		"let go after the maintenance": {func() *workflows.Record {
			rec := solved(acked(anIncident("a", day), "ana", 64*time.Minute), "ana", 90*time.Minute)
			free := rec.Started.Add(time.Hour)
			rec.Incident.HeldBack = &workflows.HeldBack{Ended: &free}
			return rec
		}, []string{"mtta 4m (1)", "mttr 30m (1)", "mtbf 26d23h (1)", "recurrence 0 % (1)", "escalation_accuracy 100 % (1)"}},
		"taken on while it was held back": {func() *workflows.Record {
			rec := solved(acked(anIncident("a", day), "ana", 59*time.Minute), "ana", 90*time.Minute)
			free := rec.Started.Add(time.Hour)
			rec.Incident.HeldBack, rec.Pages = &workflows.HeldBack{Ended: &free}, nil
			return rec
		}, []string{"mttr 30m (1)", "mtbf 26d23h (1)", "recurrence 0 % (1)"}},
		"opened again": {func() *workflows.Record {
			rec := solved(acked(anIncident("a", day), "ben", 10*time.Hour), "ben", 11*time.Hour)
			rec.Incident.Reopened = []time.Time{rec.Started.Add(9 * time.Hour)}
			rec.Incident.Involved = []workflows.Party{{ID: "ana", Name: "The ana"}}
			promised(rec, "acknowledge", 5*time.Minute, 2*time.Minute)
			rec.Clocks[0].ID = "acknowledge:1"
			promised(rec, "acknowledge", 10*time.Hour, 10*time.Hour)
			rec.Ladders = append(rec.Ladders, &workflows.Ladder{ID: "incident:1", By: "The ana"})
			return rec
		}, []string{"mtta 2m (1)", "mttr 11h (1)", "mtbf 26d13h (1)", "recurrence 100 % (1)", "escalation_accuracy 100 % (1)", "sla_compliance 100 % (2)"}},
		"a false alarm": {func() *workflows.Record {
			rec := promised(solved(acked(anIncident("a", day), "ana", time.Minute), "ana", time.Hour), "acknowledge", 5*time.Minute, time.Minute)
			ask := &workflows.Ask{Done: deed(rec.Started, "ana"), Form: map[string]any{"real": "no"}}
			rec.Phases = []*workflows.Phase{{Steps: []*workflows.Step{{Kind: "ask", Ask: ask}}}}
			return rec
		}, []string{"mtta 1m (1)", "sla_compliance 100 % (1)"}},
		"its pages are not all known": {func() *workflows.Record {
			rec := solved(acked(anIncident("a", day), "ana", 0), "ana", time.Hour)
			rec.LeftOut.Pages = 3
			return rec
		}, []string{"mtta 0s (1)", "mttr 1h (1)", "mtbf 26d23h (1)", "recurrence 0 % (1)"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rec := tc.rec()
			require.Equal(t, tc.want, brief(read(t, november, rec).Figures))
		})
	}
}

func TestARunThatWasSavedAgainIsOneIncident(t *testing.T) {
	t.Parallel()
	j := openJournal(t)
	rec := acked(anIncident("a", day), "ana", time.Minute)
	save(t, j, rec)
	solved(rec, "ana", time.Hour).Continued = 3
	save(t, j, rec)
	set, err := Read(t.Context(), j, november)
	require.NoError(t, err)
	require.Equal(t, 1, set.Incidents.Opened)
	require.Equal(t, 1, set.Figure(MTTR).N)
}

func TestWhatCameBack(t *testing.T) {
	t.Parallel()
	resolved := func(name string, at time.Duration, alert string, services ...string) *workflows.Record {
		rec := solved(anIncident(name, at), "ana", time.Hour)
		rec.Incident.Services = services
		if alert != "" {
			rec.Incident.Alerts = []*workflows.AlertSeen{{Key: alert}}
		}
		return rec
	}
	other := func(rec *workflows.Record) *workflows.Record { rec.Procedure = "high-error-rate"; return rec }
	for name, tc := range map[string]struct {
		first, second *workflows.Record
		back          bool
	}{
		"the same alert":                         {resolved("a", day, "k"), resolved("b", 2*day, "k"), true},
		"the same alert, 31 days later":          {resolved("a", -29*day, "k"), resolved("b", 3*day, "k"), false},
		"the same alert, from before the period": {resolved("a", -20*day, "k"), resolved("b", 3*day, "k"), true},
		"the same alert of another procedure":    {other(resolved("a", day, "k")), resolved("b", 2*day, "k"), false},
		"another alert of the same service":      {resolved("a", day, "k", "api"), resolved("b", 2*day, "l", "api"), false},
		"the same service, one without an alert": {resolved("a", day, "", "api"), resolved("b", 2*day, "l", "api"), true},
		"the same service, the other without":    {resolved("a", day, "k", "api"), resolved("b", 2*day, "", "api"), true},
		"the same services in another order":     {resolved("a", day, "", "db", "api"), resolved("b", 2*day, "", "api", "db"), true},
		"one service of two":                     {resolved("a", day, "", "db", "api"), resolved("b", 2*day, "", "api"), false},
		"nothing is known of either":             {resolved("a", day, ""), resolved("b", 2*day, ""), false},
		"the other was open still":               {resolved("a", 2*day-time.Minute, "k"), resolved("b", 2*day, "k"), false},
		"the other had been resolved just then":  {resolved("a", 2*day-time.Hour, "k"), resolved("b", 2*day, "k"), true},
	} {
		set := read(t, november, tc.first, tc.second)
		want := 0.0
		if tc.back {
			want = 1
		}
		f := set.Figure(Recurrence)
		require.InDelta(t, want, value(f)*float64(f.N), 1e-9, name)
	}
}

func TestPostMortemsAreJoinedToTheirIncidents(t *testing.T) {
	t.Parallel()
	incidents := func() (all []*workflows.Record) {
		for n, name := range []string{"main", "main", "other"} {
			rec := solved(anIncident(name, time.Duration(n+1)*day), "ana", time.Hour)
			rec.Incident.Services = []string{[]string{"api", "db", "db"}[n]}
			all = append(all, rec)
		}
		return all
	}
	write := func(of *workflows.Record, name string, complete any) *workflows.Record {
		rec := aRun("post-mortem", name, of.Ended.Sub(monday))
		rec.Inputs = map[string]any{"incident": of.WorkflowID, "started": of.Started.Format(time.RFC3339)}
		step := &workflows.Step{ID: "complete", Kind: "uses", Action: "report.post-mortem", State: workflows.Pending}
		if complete != nil {
			step.Outputs = []byte(`{"complete": ` + map[any]string{true: "true", false: "false"}[complete] + `}`)
		}
		rec.Phases = []*workflows.Phase{{Steps: []*workflows.Step{{Kind: "repeat", Steps: []*workflows.Step{step}}}}}
		return rec
	}
	all := incidents()
	done, late, open := write(all[0], "a", true), promised(write(all[1], "b", false), "within", time.Hour, 0), write(all[2], "c", nil)
	o := november
	o.By = ByService
	set := read(t, o, append(all, done, late, open)...)
	require.Equal(t, "50 %", set.Figure(Documentation).Text)
	require.Equal(t, 2, set.Figure(Documentation).N, "one is not due yet")
	require.Equal(t, []string{"api", "db"}, []string{set.Groups[0].Key, set.Groups[1].Key})
	require.Equal(t, "100 %", set.Groups[0].Figure(Documentation).Text)
	require.Equal(t, "0 %", set.Groups[1].Figure(Documentation).Text)

	again := write(all[1], "b2", true) // written in the end, by another run
	set = read(t, o, append(incidents(), done, late, open, again)...)
	require.Equal(t, "100 %", set.Figure(Documentation).Text)
	require.Equal(t, 2, set.Figure(Documentation).N, "each incident counts once")

	missing := incidents()[0]
	missing.Finally = []*workflows.Step{{Kind: "start", Action: "post-mortem", State: workflows.Succeeded}}
	set = read(t, november, missing)
	require.Equal(t, "0 %", set.Figure(Documentation).Text, "it could not even be started")
}

func TestWhatReviewsWereTold(t *testing.T) {
	t.Parallel()
	review := func(name string, at time.Duration, form map[string]any) *workflows.Record {
		rec := ended(aRun("monthly-review", name, at), time.Hour)
		step := &workflows.Step{Kind: "ask", State: workflows.Succeeded, Ask: &workflows.Ask{Done: deed(rec.Started.Add(time.Minute), "ana"), Form: form}}
		rec.Phases = []*workflows.Phase{{Steps: []*workflows.Step{step}}}
		return rec
	}
	one := review("1", day, map[string]any{"satisfaction": 4.0, "invited": 10.0, "present": 9.0})
	two := review("2", 2*day, map[string]any{"satisfaction": 5, "invited": 2, "present": 2})
	odd := review("3", 3*day, map[string]any{"satisfaction": 11})
	set := read(t, november, one, two, odd)
	require.Equal(t, []string{"participation 91.66 % (2)", "satisfaction 4.5 (2)"}, brief(set.Figures))
	require.False(t, *set.Figure(Satisfaction).Met, "more than 4.5 is wanted")
	require.Equal(t, []LeftOut{{WorkflowID: "monthly-review/3", RunID: odd.RunID, Why: "a satisfaction of 11 was answered; it is 1 to 5"}}, set.LeftOut)

	o, score, invited, present := november, 3.0, 4.0, 1.0
	own := review("own", 4*day, map[string]any{"satisfaction": 1})
	own.Ended = nil
	o.Self, o.Review = own.WorkflowID, &Review{Satisfaction: &score, Invited: &invited, Present: &present}
	set = read(t, o, one, own)
	require.Equal(t, []string{"participation 71.42 % (2)", "satisfaction 3.5 (2)"}, brief(set.Figures))
	o.Review.Present = nil
	_, err := Read(t.Context(), openJournal(t), o)
	require.ErrorContains(t, err, "participation needs both")
}

func TestGroupsShareAnIncidentOfTwoServices(t *testing.T) {
	t.Parallel()
	a := promised(solved(acked(anIncident("a", day), "ana", 2*time.Minute), "ben", 20*time.Minute), "acknowledge", 5*time.Minute, 2*time.Minute)
	a.Incident.Services, a.Incident.Owner = []string{"db", "api"}, &workflows.Party{ID: "ben"}
	b := anIncident("b", 9*day)
	for by, want := range map[By]map[string][]string{
		ByService: {
			"":    {"mtbf 9d (1)", "recurrence 0 % (1)"},
			"api": {"mtta 2m (1)", "mttr 20m (1)", "mtbf 27d23h (1)", "recurrence 0 % (1)", "escalation_accuracy 100 % (1)", "sla_compliance 100 % (1)"},
			"db":  {"mtta 2m (1)", "mttr 20m (1)", "mtbf 27d23h (1)", "recurrence 0 % (1)", "escalation_accuracy 100 % (1)", "sla_compliance 100 % (1)"},
		},
		ByPerson: {
			"":    {"recurrence 0 % (1)"},
			"ana": {"mtta 2m (1)", "sla_compliance 100 % (1)"},
			"ben": {"mttr 20m (1)", "recurrence 0 % (1)", "escalation_accuracy 100 % (1)"},
		},
		ByWeek: {
			"2026-W45": {"mtta 2m (1)", "mttr 20m (1)", "mtbf 6d23h (1)", "recurrence 0 % (1)", "escalation_accuracy 100 % (1)", "sla_compliance 100 % (1)"},
			"2026-W46": {"mtbf 48h (1)", "recurrence 0 % (1)"}, "2026-W47": nil, "2026-W48": nil,
		},
	} {
		o := november
		o.By = by
		got := map[string][]string{}
		for _, g := range read(t, o, a, b, ended(aRun("daily-check", "x", -day), 0)).Groups {
			got[g.Key] = brief(g.Figures)
		}
		require.Equal(t, want, got, by)
	}
}

func TestAWeekIsThatOfTheTimeZone(t *testing.T) {
	t.Parallel()
	o := november
	o.By = ByWeek
	kiritimati, err := time.LoadLocation("Pacific/Kiritimati") // 14 hours ahead
	require.NoError(t, err)
	o.Location = kiritimati
	set := read(t, o, aRun("daily-check", "1", -day), anIncident("a", 7*day-time.Hour)) // a Sunday in UTC
	require.Equal(t, "2026-W45", set.Groups[0].Key)
	require.Zero(t, set.Groups[0].Incidents.Opened)
	require.Equal(t, 1, set.Groups[1].Incidents.Opened)
	require.Equal(t, "Pacific/Kiritimati", set.TimeZone)
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	change := time.Date(2026, 10, 26, 12, 0, 0, 0, berlin)
	require.Equal(t, "2026-10-26 00:00:00 +0100 CET", mondayOf(change, berlin).String())
	require.Equal(t, "2026-10-19 00:00:00 +0200 CEST", mondayOf(change.AddDate(0, 0, -1), berlin).String())
}

func TestWhatIsLeftOfAPeriodHasNotBeenWithoutFailures(t *testing.T) {
	t.Parallel()
	o := november
	o.By, o.Now = ByWeek, after(10*day)
	short := solved(anIncident("a", 0), "ana", 2*time.Hour)
	set := read(t, o, short, aRun("daily-check", "1", -day))
	require.Equal(t, "9d22h", set.Figure(MTBF).Text)
	require.Len(t, set.Groups, 4)
	require.Equal(t, "6d22h", set.Groups[0].Figure(MTBF).Text)
	o.Now = after(-day)
	require.Equal(t, NoData, read(t, o).Figure(MTBF).Text)
	o.Now = after(time.Hour) // another machine's clock is ahead
	require.Equal(t, "0s", read(t, o, short, aRun("daily-check", "1", -day)).Figure(MTBF).Text)
}

func TestWeeksBeginWithTheJournal(t *testing.T) {
	t.Parallel()
	o := november
	o.By, o.Since = ByWeek, time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	groups := read(t, o, aRun("daily-check", "1", 2*day)).Groups
	require.Len(t, groups, 4)
	require.Equal(t, "2026-W45", groups[0].Key)
}

func TestWhatCanNotBeMeantIsRefused(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]Options{
		"before it begins":      {Since: after(day), Until: monday},
		`grouped by "month"`:    {By: "month"},
		"satisfaction of 6":     {Review: &Review{Satisfaction: new(6.0)}},
		"3 of 2 invited people": {Review: &Review{Invited: new(2.0), Present: new(3.0)}},
	} {
		_, err := Read(t.Context(), openJournal(t), o)
		require.ErrorContains(t, err, want)
	}
}

func TestValuesAreCutAndNotRounded(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]float64{"100 %": 1, "99.99 %": 0.99999, "99.5 %": 0.995, "66.66 %": 2.0 / 3, "0 %": 0, "57.14 %": 4.0 / 7} {
		require.Equal(t, want, Ratio.text(v))
	}
	for want, d := range map[string]time.Duration{
		"0s": 0, "42s": 42 * time.Second, "4m12s": 252 * time.Second, "5m": 5 * time.Minute, "5h03m": 303 * time.Minute, "72h": 72 * time.Hour, "3d02h": 74 * time.Hour,
	} {
		require.Equal(t, want, Span(d))
	}
	var targets []string
	for _, d := range definitions() {
		targets = append(targets, d.target.text(d.unit))
	}
	require.Equal(t, []string{"< 5m", "< 30m", "> 72h", "< 5 %", "> 95 %", "> 99.5 %", "100 %", "> 90 %", "> 4.5"}, targets)
}
