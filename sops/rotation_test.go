package sops_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/sops"
)

func at(t testing.TB, s string) time.Time {
	t.Helper()
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04"} {
		if v, err := time.Parse(layout, s); err == nil {
			return v
		}
	}
	require.Fail(t, "not a time", s)
	return time.Time{}
}

// rotating is an org with one rotation of ann, bob and eve, whose other keys are given.
func rotating(t testing.TB, keys string) *sops.Org {
	t.Helper()
	return org(t, `
people: {ann: {email: ann@example.org}, bob: {email: bob@example.org}, eve: {email: eve@example.org}, fay: {email: fay@example.org}}
rotations: {turns: {members: [ann, bob, eve], `+keys+`}}
`)
}

func TestShiftsChangeAtTheHandOff(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ keys, at, who, from, until string }{
		"WeekByWeek":          {`every: 1w, hand_off: "Mon 09:00", from: 2026-01-05`, "2026-01-12T08:59:59Z", "ann", "2026-01-05T09:00:00Z", "2026-01-12T09:00:00Z"},
		"ToTheSecond":         {`every: 1w, hand_off: "Mon 09:00", from: 2026-01-05`, "2026-01-12T09:00:00Z", "bob", "2026-01-12T09:00:00Z", "2026-01-19T09:00:00Z"},
		"RoundAndRound":       {`every: 1w, hand_off: "Mon 09:00", from: 2026-01-05`, "2026-01-26T10:00:00Z", "ann", "2026-01-26T09:00:00Z", "2026-02-02T09:00:00Z"},
		"BeforeTheFirst":      {`every: 1w, hand_off: "Mon 09:00", from: 2026-01-05`, "2026-01-05T08:59:59Z", "", "", "2026-01-05T09:00:00Z"},
		"AtMidnight":          {`every: 1d, from: 2026-01-05`, "2026-01-06T23:59:59Z", "bob", "2026-01-06T00:00:00Z", "2026-01-07T00:00:00Z"},
		"DayAndNight":         {`every: 12h, hand_off: "08:00", from: 2026-01-05`, "2026-01-05T21:00:00Z", "bob", "2026-01-05T20:00:00Z", "2026-01-06T08:00:00Z"},
		"InItsZone":           {`every: 1d, hand_off: "09:00", time_zone: Asia/Tokyo, from: 2026-01-05`, "2026-01-06T00:30:00Z", "bob", "2026-01-06T00:00:00Z", "2026-01-07T00:00:00Z"},
		"ClocksGoForward":     {`every: 1w, hand_off: "Mon 09:00", time_zone: Europe/Berlin, from: 2026-01-05`, "2026-03-28T12:00:00Z", "eve", "2026-03-23T08:00:00Z", "2026-03-30T07:00:00Z"},
		"ClocksGoBack":        {`every: 1w, hand_off: "Mon 09:00", time_zone: Europe/Berlin, from: 2026-01-05`, "2026-10-25T12:00:00Z", "eve", "2026-10-19T07:00:00Z", "2026-10-26T08:00:00Z"},
		"ADayOf23Hours":       {`every: 1d, hand_off: "00:00", time_zone: America/New_York, from: 2026-03-07`, "2026-03-08T12:00:00Z", "bob", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"},
		"ADayOf25Hours":       {`every: 1d, hand_off: "00:00", time_zone: America/New_York, from: 2026-10-31`, "2026-11-01T12:00:00Z", "bob", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"},
		"InTheJumpedHour":     {`every: 1d, hand_off: "02:30", time_zone: Europe/Berlin, from: 2026-03-28`, "2026-03-29T01:00:00Z", "bob", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
		"InTheJumpedHourWest": {`every: 1d, hand_off: "02:30", time_zone: America/New_York, from: 2026-03-07`, "2026-03-08T07:00:00Z", "bob", "2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"},
		"InTheHourShownTwice": {`every: 1d, hand_off: "02:30", time_zone: Europe/Berlin, from: 2026-10-24`, "2026-10-25T00:45:00Z", "bob", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
		"TwiceWest":           {`every: 1d, hand_off: "01:30", time_zone: America/New_York, from: 2026-10-31`, "2026-11-01T05:45:00Z", "bob", "2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"},
		"HoursOverTheJump":    {`every: 8h, hand_off: "00:00", time_zone: Europe/Berlin, from: 2026-03-29`, "2026-03-29T05:59:00Z", "ann", "2026-03-28T23:00:00Z", "2026-03-29T06:00:00Z"},
		"CenturiesLater":      {`every: 1d, from: 2026-01-05`, "2526-01-05T12:00:00Z", "eve", "2526-01-05T00:00:00Z", "2526-01-06T00:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			who, from, until, ok := rotating(t, tc.keys).Shift("turns", at(t, tc.at))
			require.True(t, ok)
			if tc.from == "" {
				require.True(t, from.IsZero())
			} else {
				require.Equal(t, tc.from, from.UTC().Format(time.RFC3339))
			}
			require.Equal(t, tc.who, who)
			require.Equal(t, tc.until, until.UTC().Format(time.RFC3339))
		})
	}
}

func TestCoversStandIn(t *testing.T) {
	t.Parallel()
	o := rotating(t, `every: 1w, hand_off: "Mon 09:00", from: 2026-01-05, covers: [
		{by: fay, from: 2026-01-06T12:00:00Z, until: 2026-01-07T12:00:00Z},
		{by: bob, for: ann, from: 2026-01-07T00:00:00Z, until: 2026-01-14T00:00:00Z},
		{by: eve, for: bob, from: 2026-01-13T00:00:00Z, until: 2026-01-13T06:00:00Z}]`)
	for _, tc := range []struct{ at, who, from, until string }{
		{"2026-01-06 11:59", "ann", "2026-01-05 09:00", "2026-01-06 12:00"},
		{"2026-01-06 12:00", "fay", "2026-01-06 12:00", "2026-01-07 00:00"},
		{"2026-01-07 01:00", "bob", "2026-01-07 00:00", "2026-01-07 12:00"}, // the last one listed wins
		{"2026-01-11 01:00", "bob", "2026-01-07 12:00", "2026-01-12 09:00"},
		{"2026-01-12 10:00", "bob", "2026-01-12 09:00", "2026-01-13 00:00"}, // their own turn
		{"2026-01-13 01:00", "eve", "2026-01-13 00:00", "2026-01-13 06:00"},
		{"2026-01-13 07:00", "bob", "2026-01-13 06:00", "2026-01-19 09:00"},
	} {
		who, from, until, _ := o.Shift("turns", at(t, tc.at))
		require.Equal(t, tc.who, who, tc.at)
		require.Equal(t, at(t, tc.from), from.UTC(), tc.at)
		require.Equal(t, at(t, tc.until), until.UTC(), tc.at)
	}
	_, _, _, ok := o.Shift("turn", time.Now())
	require.False(t, ok)
}

// Shifts follow each other without a gap or an overlap, whatever the rotation, and the answer for any
// instant in one is that shift.
func TestShiftsTileTime(t *testing.T) {
	t.Parallel()
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia", "Africa/Casablanca"}
	everies := []string{"1h", "90m", "8h", "12h", "1d", "25h", "1w", "2w"}
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(seed, 0))
			from := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rnd.IntN(700))
			var covers []string
			for range rnd.IntN(4) {
				begin := from.Add(time.Duration(rnd.IntN(2000)) * time.Hour)
				only := []string{"", "for: ann, ", "for: eve, "}[rnd.IntN(3)]
				covers = append(covers, fmt.Sprintf("{by: fay, %sfrom: %q, until: %q}", only, begin.Format(time.RFC3339),
					begin.Add(time.Duration(1+rnd.IntN(500))*time.Hour).Format(time.RFC3339)))
			}
			o := rotating(t, fmt.Sprintf(`every: %s, hand_off: "%02d:%02d", time_zone: %s, from: %s, covers: [%s]`,
				everies[rnd.IntN(len(everies))], rnd.IntN(24), rnd.IntN(60), zones[rnd.IntN(len(zones))], from.Format(time.DateOnly), strings.Join(covers, ", ")))
			when := from.AddDate(0, 0, -3)
			for range 600 {
				who, begin, end, _ := o.Shift("turns", when)
				require.False(t, begin.After(when))
				require.True(t, end.After(when))
				for _, inside := range []time.Time{when, end.Add(-time.Nanosecond), when.Add(end.Sub(when) / 2)} {
					same, b, e, _ := o.Shift("turns", inside)
					require.Equal(t, who, same)
					require.Equal(t, begin, b)
					require.Equal(t, end, e)
				}
				_, next, _, _ := o.Shift("turns", end)
				require.Equal(t, end, next)
				when = end
			}
		})
	}
}

func TestADutyLastsUntilSomebodyElseTakesOver(t *testing.T) {
	t.Parallel()
	o := org(t, `
people: {ann: {email: ann@example.org}, bob: {email: bob@example.org}}
rotations:
  turns: {members: [ann, ann, bob], every: 1w, from: 2026-01-05, covers: [{by: bob, for: bob, from: 2026-01-20T00:00:00Z, until: 2026-01-21T00:00:00Z}]}
  alone: {members: [ann], every: 1d, from: 2026-01-05}
roles: {lead: {rotation: turns}, only: {rotation: alone}, fixed: {primary: bob}}
`)
	d, ok := o.Duty("lead", at(t, "2026-01-14 12:00"))
	require.True(t, ok)
	require.Equal(t, sops.Duty{Person: "ann", From: at(t, "2026-01-05 00:00"), Until: at(t, "2026-01-19 00:00"), Next: "bob"}, d)
	d, _ = o.Duty("lead", at(t, "2026-01-20 12:00"))
	require.Equal(t, sops.Duty{Person: "bob", From: at(t, "2026-01-19 00:00"), Until: at(t, "2026-01-26 00:00"), Next: "ann"}, d)
	d, _ = o.Duty("lead", at(t, "2026-01-04 12:00"))
	require.Equal(t, sops.Duty{Until: at(t, "2026-01-05 00:00"), Next: "ann"}, d)
	d, _ = o.Duty("only", at(t, "2026-02-01 12:00"))
	require.Equal(t, "ann", d.Person)
	require.True(t, d.Until.IsZero())
	d, _ = o.Duty("fixed", at(t, "2026-02-01 12:00"))
	require.Equal(t, sops.Duty{Person: "bob"}, d)
	_, ok = o.Duty("nobody", time.Time{})
	require.False(t, ok)
}
