package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const previewOrg = `people:
  ann: {name: Ann, slack: U0ANN, email: ann@example.org}
  bob: {name: Bob, webhook: "https://pager.example.org/bob"}
  cleo: {name: Cleo, slack: U0CLEO}
rotations:
  turns:
    members: [ann, bob]
    every: 1w
    hand_off: "Mon 09:00"
    from: 2026-01-05
    covers: [{by: cleo, for: ann, from: 2026-01-07T00:00:00Z, until: 2026-01-08T00:00:00Z}]
  later: {members: [ann, bob], every: 1w, from: 2040-01-02}
roles:
  coordinator: {title: Coordinator, rotation: turns}
  desk: {rotation: later}
  lead: {primary: bob}
  night: {rotation: later, backup: cleo}
teams: {all: [coordinator, lead, night]}
services: {api: {owner: lead}}
channels: {health: {slack: "#health"}}
severities: {platform: [{id: P0, respond: 2m, policy: level-2}, {id: P1, respond: 30m, policy: level-1}]}
policies:
  level-1: {title: Slow, tiers: [{page: [coordinator], via: [slack], wait: 5m}, {page: [desk], wait: 10m}, {page: [service.owner], wait: 10m}], channels: [health], next: level-2}
  level-2: {tiers: [{page: [all], wait: 30m}]}
  silent: {tiers: [{page: [desk], wait: 5m}]}
  slow: {tiers: [{page: [lead], wait: 2w}]}
  "level-9": {tiers: [{page: [ann], wait: 23h}, {page: [bob], wait: 2h}]}
defaults: {policy: level-1, scale: platform}
`

func TestPreview(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) *bench {
		t.Helper()
		b := newBench(t)
		b.write("sops/org.yaml", previewOrg)
		return b
	}
	t.Run("ShowsTheWholeLadder", func(t *testing.T) {
		t.Parallel()
		got := setup(t).orderly("preview", "level-1", "--services", "api", "--at", "2026-01-06T02:14:00Z")
		require.Equal(t, exitOK, got.code, got.notice)
		require.Equal(t, `level-1 (Slow), api: from Tue 2026-01-06 02:14:00Z, if nobody answers

+0:00     02:14:00Z level-1 tier 1
                      Ann (coordinator): slack
+5:00     02:19:00Z level-1 tier 2: reaches nobody, the next follows at once
                      nobody: desk: nobody is on duty, and there is no backup
+5:00     02:19:00Z level-1 tier 3
                      Bob (lead): webhook
+15:00    02:29:00Z level-2 tier 1
                      Ann (coordinator): slack, email
                      Bob (lead): webhook
                      Cleo (stands in for night): slack
+45:00    02:59:00Z level-2 tier 1, again (1): the same 3 people
+1:15:00  03:29:00Z level-2 tier 1, again (2): the same 3 people

And again every 30m, without end, until somebody acknowledges.

Told besides, without having to answer
+0:00     02:14:00Z health: the incident is shown
`, got.out)
		requireWidth(t, got.out, defaultWidth)
		require.Contains(t, got.notice, "no notify for slack, email")
	})
	t.Run("KnowsWhoStandsInThatNight", func(t *testing.T) {
		t.Parallel()
		got := setup(t).orderly("preview", "level-1", "--at", "2026-01-07 02:14")
		require.Contains(t, got.out, "level-1 tier 1\n                      Cleo (coordinator): slack\n")
		require.Contains(t, got.out, "! Whom service.owner means depends on the service: name some with --services.\n")
	})
	t.Run("TakesThePolicyOfTheSeverity", func(t *testing.T) {
		t.Parallel()
		got := setup(t).orderly("preview", "--severity", "P0", "--at", "2026-01-06")
		require.Contains(t, got.out, "level-2, P0: from")
		require.NotContains(t, got.out, "level-1")
	})
	t.Run("TakesTheDefaultPolicy", func(t *testing.T) {
		t.Parallel()
		require.Contains(t, setup(t).orderly("preview").out, "level-1 (Slow): from")
	})
	t.Run("SaysTheDayWhenItChanges", func(t *testing.T) {
		t.Parallel()
		got := setup(t).orderly("preview", "level-9", "--at", "2026-01-06T02:00:00Z")
		require.Contains(t, got.out, "\nWed 2026-01-07\n+23:00:00 01:00:00Z level-9 tier 2\n")
	})
	t.Run("LooksAsFarAsTheLastTierTakes", func(t *testing.T) {
		t.Parallel()
		got := setup(t).orderly("preview", "slow")
		require.Equal(t, exitOK, got.code)
		require.Contains(t, got.out, "+672:00:00")
		require.Contains(t, got.out, "And again every 2w, without end")
	})
	t.Run("StopsWhereItIsTold", func(t *testing.T) {
		t.Parallel()
		got := setup(t).orderly("preview", "level-1", "--for", "10m", "--services", "api", "--drill", "--at", "2026-01-06T02:14:00Z")
		require.Contains(t, got.out, "as a drill")
		require.NotContains(t, got.out, "level-2 tier 1")
		require.Contains(t, got.out, "only because the preview does")
		got = setup(t).orderly("preview", "level-2", "--for", "3h")
		require.Equal(t, 6, strings.Count(got.out, ", again ("), got.out)
	})
	t.Run("IsLoudWhenNobodyIsPaged", func(t *testing.T) {
		t.Parallel()
		got := setup(t).orderly("preview", "silent")
		require.Equal(t, exitFailed, got.code)
		require.Contains(t, got.out, "NOBODY IS PAGED AT ALL.")
		require.Contains(t, got.notice, "NOBODY IS PAGED: silent reaches no one")
	})
	t.Run("HasStableFields", func(t *testing.T) {
		t.Parallel()
		var p previewInfo
		setup(t).orderly("preview", "level-1", "--json", "--services", "api", "--at", "2026-01-06T02:14:00Z").json(t, &p)
		require.Equal(t, "level-1", p.Policy)
		require.True(t, p.Endless)
		require.Equal(t, "30m", p.Every)
		require.False(t, p.Nobody)
		require.Len(t, p.Pages, 6)
		require.Equal(t, "5m0s", p.Pages[1].After)
		require.Equal(t, []string{"desk: nobody is on duty, and there is no backup"}, p.Pages[1].Nobody)
		require.Equal(t, []string{"webhook"}, p.Pages[2].People[0].Transports)
	})
	t.Run("RefusesWhatOrgYamlDoesNotHave", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, args := range [][]string{{"preview", "level-3"}, {"preview", "--services", "apy"}, {"preview", "--severity", "P7"}} {
			got := b.orderly(args...)
			require.Equal(t, exitNotFound, got.code, got.notice)
			require.NotEmpty(t, got.notice)
			require.Empty(t, got.out)
		}
		require.Contains(t, b.orderly("preview", "level-3").notice, "did you mean")
		require.Equal(t, exitUsage, b.orderly("preview", "level-1", "--for", "soon").code)
		require.Contains(t, b.orderly("preview", "level-1", "--for", "99999h").notice, "at most 5w")
		require.Equal(t, exitUsage, b.orderly("preview", "level-1", "--at", "soon").code)
	})
}
