package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const orgYAML = `people:
  ann: {name: Ann, slack: U0ANN, email: ann@example.org, phone: "+49 30 1"}
  bob: {name: Bob, webhook: "https://pager.example.org/bob"}
rotations:
  turns:
    members: [ann, bob]
    every: 1w
    hand_off: "Mon 09:00"
    time_zone: Europe/Berlin
    from: 2026-01-05
roles:
  coordinator: {title: Coordinator, rotation: turns, backup: lead, respond: 5m}
  lead: {primary: bob}
severities: {platform: [{id: P3, respond: next-business-day}]}
`

func TestOnCall(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) *bench {
		t.Helper()
		b := newBench(t)
		b.write("sops/org.yaml", orgYAML)
		return b
	}
	t.Run("ListsEveryRole", func(t *testing.T) {
		t.Parallel()
		got := setup(t).orderly("oncall", "--at", "2026-01-07T12:00:00Z")
		require.Equal(t, exitOK, got.code, got.notice)
		require.Equal(t, `ROLE         ON CALL  BACKUP  REACHED BY    UNTIL
coordinator  ann      bob     slack, email  2026-01-12 08:00Z, then bob
lead         bob      none    webhook       always
`, got.out)
	})
	t.Run("ExplainsOneRole", func(t *testing.T) {
		t.Parallel()
		got := setup(t).orderly("oncall", "coordinator", "--at", "2026-07-01 12:00")
		require.Equal(t, exitOK, got.code, got.notice)
		require.Equal(t, `Coordinator (coordinator), answers within 5m
on call   Bob (bob): webhook pager.example.org
since     2026-06-29 07:00Z
until     2026-07-06 07:00Z, then Ann (ann)
backup    none
`, got.out)
		requireWidth(t, got.out, defaultWidth)
	})
	t.Run("SaysWhenNobodyIs", func(t *testing.T) {
		t.Parallel()
		got := setup(t).orderly("oncall", "coordinator", "--at", "2026-01-01")
		require.Equal(t, exitOK, got.code, got.notice)
		require.Contains(t, got.out, "on call   nobody\n")
		require.Contains(t, got.out, "until     2026-01-05 08:00Z, then Ann (ann)\n")
		require.Contains(t, got.out, "backup    Bob (bob): webhook pager.example.org\n")
	})
	t.Run("PrintsStableFields", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		var one map[string]any
		b.orderly("oncall", "coordinator", "--at", "2026-01-07T12:00:00Z", "--json").json(t, &one)
		require.Equal(t, map[string]any{
			"role": "coordinator", "title": "Coordinator", "respond": "5m", "rotation": "turns",
			"person": map[string]any{"id": "ann", "name": "Ann", "phone": "+49 30 1", "via": []any{"slack", "email"}},
			"from":   "2026-01-05T08:00:00Z", "until": "2026-01-12T08:00:00Z",
			"next":    map[string]any{"id": "bob", "name": "Bob", "via": []any{"webhook"}},
			"backups": []any{map[string]any{"id": "bob", "name": "Bob", "via": []any{"webhook"}}},
		}, one)
		var all []onCallInfo
		b.orderly("oncall", "--json").json(t, &all)
		require.Len(t, all, 2)
	})
	t.Run("KnowsWhatWasMeant", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		got := b.orderly("oncall", "coordinatr")
		require.Equal(t, exitNotFound, got.code)
		require.Contains(t, got.notice, "did you mean coordinator?")
		require.Equal(t, exitUsage, b.orderly("oncall", "--at", "soon").code)
		require.True(t, strings.HasPrefix(b.orderly("__complete", "oncall", "").out, "coordinator\tCoordinator\nlead\tLead\n"))
	})
	t.Run("NeedsAnOrg", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		got := b.orderly("oncall")
		require.Equal(t, exitNotFound, got.code)
		require.Contains(t, got.notice, "there is no org.yaml")
		b.write("sops/org.yaml", "people: 7\n")
		got = b.orderly("oncall")
		require.Equal(t, exitFailed, got.code)
		require.Contains(t, got.notice, "org.yaml:1:9: ")
	})
}

func TestValidateChecksTheOrg(t *testing.T) {
	t.Parallel()
	b := newBench(t).procedure(checkYAML)
	path := b.write("sops/org.yaml", orgYAML)
	require.Equal(t, "3 files checked, no problems\n", b.orderly("validate").notice)

	b.write("sops/asks.yaml", "sop: asks\ntitle: Asks\nphases: [{id: a, steps: [{id: b, ask: Done, of: laed}]}]\n")
	got := b.orderly("validate")
	require.Equal(t, exitFailed, got.code)
	require.Contains(t, got.out, `asks.yaml:3:49: org.yaml has no role, team or person "laed"; did you mean "lead"?`)

	b.write("sops/org.yaml", "peolpe: {}\n")
	got = b.orderly("validate")
	require.Equal(t, exitFailed, got.code)
	require.Contains(t, got.out, `org.yaml:1:1: unknown key "peolpe"; did you mean "people"?`)
	require.Contains(t, b.orderly("validate", path).out, `org.yaml:1:1: unknown key "peolpe"`)
}

func TestTheReferenceOfTheOrgIsPrinted(t *testing.T) {
	t.Parallel()
	got := newBench(t).orderly("schema", "org", "--markdown")
	require.Equal(t, exitOK, got.code)
	require.Contains(t, got.out, "# Keys of org.yaml\n")
}

func TestTheShippedProceduresFitTheShippedOrg(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write("orderly.yaml", "journal: {dsn: journal.db}\n")
	got := b.orderly("validate")
	require.NotContains(t, got.out, "org.yaml")
}
