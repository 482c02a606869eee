package sops_test

import (
	"encoding/json"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/sops"
)

func house(t testing.TB) *sops.Org { return orgFile(t, "house.yaml") }

// names are who was found: "ann as lead", "bob as backup of lead".
func names(contacts []sops.Contact) []string {
	var out []string
	for _, c := range contacts {
		text := c.ID
		switch {
		case c.Backup:
			text += " for " + c.As
		case c.As != "":
			text += " as " + c.As
		}
		out = append(out, text)
	}
	return out
}

func TestOnCallFindsWhoIsOnDuty(t *testing.T) {
	t.Parallel()
	o, when := house(t), at(t, "2026-01-06 12:00")
	for name, tc := range map[string]struct {
		entries, services []string
		want, nobody      []string
	}{
		"ARole":                {[]string{"coordinator"}, nil, []string{"ann as coordinator"}, nil},
		"APerson":              {[]string{"bob"}, nil, []string{"bob"}, nil},
		"ATeamInOrder":         {[]string{"leads"}, nil, []string{"dan as leads / devops-lead", "bea as leads / backend-lead", "eve as leads"}, nil},
		"ATeamInATeam":         {[]string{"everybody"}, nil, []string{"dan as everybody / leads / devops-lead", "bea as everybody / leads / backend-lead", "eve as everybody / leads", "ann as everybody / coordinator"}, nil},
		"EverybodyOnce":        {[]string{"backend-lead", "leads", "bea"}, nil, []string{"bea as backend-lead", "dan as leads / devops-lead", "eve as leads"}, nil},
		"TheOwnersOfServices":  {[]string{"service.owner"}, []string{"api", "database", "web"}, []string{"bea as backend-lead", "dan as leads / devops-lead", "eve as leads"}, nil},
		"NoService":            {[]string{"service.owner"}, nil, nil, []string{"service.owner: no service is named"}},
		"AnUnknownService":     {[]string{"service.owner"}, []string{"apy", "api"}, []string{"bea as backend-lead"}, []string{`service.owner: org.yaml has no service "apy"`}},
		"AnUnknownEntry":       {[]string{"boss", "bob"}, nil, []string{"bob"}, []string{"boss: org.yaml has no such role, team or person"}},
		"BackupsBeforeItBegan": {[]string{"later"}, nil, []string{"dan for later"}, nil},
		"NobodyAtAll":          {[]string{"much-later"}, nil, nil, []string{"much-later: nobody is on duty, and there is no backup"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, nobody := o.OnCall(tc.entries, tc.services, when)
			require.Equal(t, tc.want, names(found))
			require.Equal(t, tc.nobody, nobody)
		})
	}
	found, _ := o.OnCall([]string{"coordinator"}, nil, at(t, "2026-01-13 12:00"))
	require.Equal(t, []string{"bob as coordinator"}, names(found))
	require.Equal(t, "bob@example.org", found[0].Email)
}

func TestBackupsStandInNearestFirst(t *testing.T) {
	t.Parallel()
	o, when := house(t), at(t, "2026-01-06 12:00")
	require.Equal(t, []string{"dan for coordinator", "bea for coordinator"}, names(o.Backups("coordinator", when)))
	require.Equal(t, []string{"bea for devops-lead"}, names(o.Backups("devops-lead", when)))
	require.Empty(t, o.Backups("backend-lead", when))
	require.Empty(t, o.Backups("boss", when))
}

func TestBehindKnowsWhoMayAct(t *testing.T) {
	t.Parallel()
	o := house(t)
	for _, tc := range []struct {
		person            string
		entries, services []string
		entry             string
	}{
		{"ann", []string{"coordinator"}, nil, "coordinator"},
		{"bob", []string{"coordinator"}, nil, "coordinator"}, // next week
		{"eve", []string{"coordinator"}, nil, "coordinator"}, // covers once
		{"dan", []string{"coordinator"}, nil, "coordinator"}, // backup
		{"bea", []string{"coordinator"}, nil, "coordinator"}, // backup of the backup
		{"eve", []string{"backend-lead", "everybody"}, nil, "everybody"},
		{"bea", []string{"service.owner"}, []string{"api"}, "service.owner"},
		{"ann", []string{"service.owner"}, []string{"api"}, ""},
		{"bea", []string{"service.owner"}, nil, ""},
		{"ann", []string{"backend-lead"}, nil, ""},
		{"ann", []string{"ann"}, nil, "ann"},
		{"mallory", []string{"mallory"}, nil, ""},
		{"", []string{""}, nil, ""},
	} {
		entry, ok := o.Behind(tc.person, tc.entries, tc.services)
		require.Equal(t, tc.entry, entry, tc)
		require.Equal(t, tc.entry != "", ok, tc)
	}
	require.Equal(t, []string{"backend-lead", "coordinator", "devops-lead", "everybody", "later", "leads"}, o.Duties("bea"))
	require.Empty(t, o.Duties("mallory"))
}

func TestWhoIsFoundByEveryNameTheyHave(t *testing.T) {
	t.Parallel()
	o := house(t)
	for by, want := range map[string]string{
		"ann": "ann", " ann ": "ann", "ANN@example.org": "ann", "U0ANN": "ann", "Ann": "ann", "Bea": "bea",
		"Sam": "", "": "", "u0ann": "", "annie": "",
	} {
		id, p, ok := o.Who(by)
		require.Equal(t, want, id, by)
		require.Equal(t, want != "", ok, by)
		require.Equal(t, ok, p.Name != "", by)
	}
	require.Equal(t, `org.yaml has nobody called "annn"; did you mean "ann"?`, o.Unknown("annn"))
	require.Equal(t, `"Sam" is the name of several people; say one of bob, eve`, o.Unknown("Sam"))
	require.Equal(t, `org.yaml has nobody called "mallory"`, o.Unknown("mallory"))
	require.Contains(t, o.Unknown(""), "give by")
}

func TestRulesTravelAsJSON(t *testing.T) {
	t.Parallel()
	r := house(t).Rules()
	text, err := json.Marshal(r)
	require.NoError(t, err)
	var back sops.Rules
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, r, back)
	again, err := json.Marshal(back)
	require.NoError(t, err)
	require.JSONEq(t, string(text), string(again))
	require.Contains(t, string(text), `"respond":"next-business-day"`)
	require.NotContains(t, string(text), "ann@example.org", "who stands behind a role is not pinned")
	require.Regexp(t, `^sha256:[0-9a-f]{64}$`, r.Digest)
	require.Equal(t, r.Digest, house(t).Rules().Digest)

	p, ok := back.Policy("")
	require.True(t, ok)
	require.Equal(t, "level-2", p.Next)
	_, ok = back.Policy("level-9")
	require.False(t, ok)
	s, ok := back.Severity("", "P3")
	require.True(t, ok)
	require.True(t, s.Respond.NextBusinessDay)
	_, ok = back.Severity("other", "P3")
	require.False(t, ok)
	require.Equal(t, 0, back.Rank("", "P0"))
	require.Equal(t, 2, back.Rank("platform", "P3"))
	require.Equal(t, -1, back.Rank("platform", "P9"))
	require.Equal(t, []string{"backend-lead", "leads"}, back.Owners([]string{"api", "database", "nothing", "web"}))
}

func TestSpansAreReadAsWritten(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"5m", "next-business-day", "2w", "0s"} {
		var s sops.Span
		require.NoError(t, s.UnmarshalText([]byte(text)))
		require.Equal(t, text, s.String())
	}
	require.ErrorContains(t, new(sops.Span).UnmarshalText([]byte("tomorrow")), "or next-business-day")
	require.True(t, sops.Span{}.IsZero())
}

func TestTheNextBusinessDayEndsWithItsHours(t *testing.T) {
	t.Parallel()
	const berlin = `time_zone: Europe/Berlin, hours: "Mon-Thu 09:00-17:00, Fri 09:00-15:30", holidays: [2026-12-25, 2026-12-28]`
	next := sops.Span{NextBusinessDay: true}
	for name, tc := range map[string]struct{ calendar, from, due string }{
		"Tomorrow":         {berlin, "2026-01-06T10:00:00Z", "2026-01-07T16:00:00Z"},
		"OverTheWeekend":   {berlin, "2026-01-09T10:00:00Z", "2026-01-12T16:00:00Z"},
		"FromTheWeekend":   {berlin, "2026-01-10T10:00:00Z", "2026-01-12T16:00:00Z"},
		"ShortFridays":     {berlin, "2026-01-08T10:00:00Z", "2026-01-09T14:30:00Z"},
		"OverHolidays":     {berlin, "2026-12-24T10:00:00Z", "2026-12-29T16:00:00Z"},
		"DayOfTheZone":     {berlin, "2026-01-06T23:30:00Z", "2026-01-08T16:00:00Z"},
		"ClocksGoForward":  {berlin, "2026-03-27T10:00:00Z", "2026-03-30T15:00:00Z"},
		"ClocksGoBack":     {berlin, "2026-10-23T10:00:00Z", "2026-10-26T16:00:00Z"},
		"WithoutACalendar": {"", "2026-01-09T10:00:00Z", "2026-01-12T17:00:00Z"},
		"SundayToThursday": {`hours: "Sun-Thu 08:00-24:00"`, "2026-01-08T10:00:00Z", "2026-01-12T00:00:00Z"},
		"OverNewYearRange": {`hours: "Fri-Mon 08:00-12:00"`, "2026-01-05T10:00:00Z", "2026-01-09T12:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := "people: {}\n"
			if tc.calendar != "" {
				src += "calendars: {office: {" + tc.calendar + "}}\n"
			}
			r := org(t, src).Rules()
			require.Equal(t, tc.due, r.Due(at(t, tc.from), next).Format(time.RFC3339))
			require.Equal(t, at(t, tc.from).Add(5*time.Minute), r.Due(at(t, tc.from), sops.Span{Duration: sops.Duration(5 * time.Minute)}))
		})
	}
	r := sops.Rules{Calendars: map[string]sops.Calendar{"x": {Hours: "nonsense"}}}
	require.Equal(t, "2026-01-12T17:00:00Z", r.Due(at(t, "2026-01-09 10:00"), next).Format(time.RFC3339))
}

func TestFindOrgWantsExactlyOne(t *testing.T) {
	t.Parallel()
	source := func(name, text string) sops.Source {
		files := fstest.MapFS{}
		if text != "" {
			files["org.yaml"] = &fstest.MapFile{Data: []byte(text)}
		}
		return sops.Source{Name: name, FS: files}
	}
	o, err := sops.FindOrg([]sops.Source{source("a", ""), source("b", "people: {ann: {}}")})
	require.NoError(t, err)
	require.Equal(t, "b/org.yaml", o.File)
	require.Equal(t, "ann", o.People["ann"].Name)

	_, err = sops.FindOrg([]sops.Source{source("a", ""), source("b", "")})
	require.ErrorIs(t, err, sops.ErrNoOrg)
	require.ErrorContains(t, err, "a or b")

	_, err = sops.FindOrg([]sops.Source{source("a", "people: {}"), source("b", "people: {}")})
	require.EqualError(t, err, "which org.yaml counts? there are a/org.yaml and b/org.yaml: remove all but one")

	_, err = sops.FindOrg([]sops.Source{source("a", "peolpe: {}")})
	var problems sops.Problems
	require.ErrorAs(t, err, &problems)
	require.ErrorContains(t, err, "a/org.yaml:1:1")
}
