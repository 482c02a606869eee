package org

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/sops"
)

func source(t *testing.T) Source {
	t.Helper()
	o, problems := sops.ParseOrg("org.yaml", []byte(`
people: {ann: {email: ann@example.org}}
roles: {lead: {primary: ann}}
services: {api: {owner: lead}, web: {owner: lead}}
severities: {platform: [{id: P0}, {id: P1}]}
policies: {level-1: {tiers: [{page: [lead], wait: 5m}]}, level-3: {tiers: [{page: [lead], wait: 2m}]}}
classification:
  - {id: outage, if: 'facts.services_down > 1 || findings.exists(f, f.severity == "critical")', level: level-3, severity: P0, services: [api, web]}
defaults: {policy: level-1}
`))
	require.NoError(t, problems.Err())
	return func() (*sops.Org, error) { return o, nil }
}

func TestClassify(t *testing.T) {
	t.Parallel()
	classify := func(source Source, input string) (out Classified, err error) {
		raw, err := Actions(source)[0].Invoke(t.Context(), json.RawMessage(input))
		if err == nil {
			require.NoError(t, json.Unmarshal(raw, &out))
		}
		return out, err
	}
	t.Run("TakesTheFirstRuleThatHolds", func(t *testing.T) {
		t.Parallel()
		out, err := classify(source(t), `{"findings": [{"severity": "critical", "check": "api", "text": "down"}], "services": ["web", "cache"]}`)
		require.NoError(t, err)
		require.Equal(t, "outage", out.Rule)
		require.Equal(t, "level-3", out.Level)
		require.Equal(t, "P0", out.Severity)
		require.Equal(t, []string{"web", "cache", "api"}, out.Services)
		require.Len(t, out.Reasons, 1)
	})
	t.Run("GivesTheDefaultWhenNoneHolds", func(t *testing.T) {
		t.Parallel()
		out, err := classify(source(t), `{"facts": {"services_down": 1}}`)
		require.NoError(t, err)
		require.Empty(t, out.Rule)
		require.Equal(t, "level-1", out.Level)
		require.Equal(t, []string{}, out.Services)
	})
	t.Run("IsRefusedWithoutAnOrg", func(t *testing.T) {
		t.Parallel()
		_, err := classify(nil, `{}`)
		testenv.RequirePermanent(t, err, action.ErrNotConfigured)
	})
	t.Run("TriesAgainWhileTheOrgCannotBeRead", func(t *testing.T) {
		t.Parallel()
		_, err := classify(func() (*sops.Org, error) { return nil, errors.New("org.yaml:1:1: broken") }, `{}`)
		testenv.RequireTransient(t, err)
	})
}
