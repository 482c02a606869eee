package sops_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/sops"
)

const asking = `sop: asking
title: Everything that needs an org
owners: [coordinator, laeds]
incident:
  severity: P2
  scale: platform
  level: level-3
  policy: level-1
  services: [api, wbe]
phases:
  - id: one
    steps:
      - id: who
        ask: How bad is it?
        of: cordinator
        policy: level1
        within: 5m
        form:
          severity: {type: choice, options: [P0, P9], sets: severity}
          level: {type: choice, options: [level-1, level-7], sets: level}
      - {id: owners, ask: Mend it, of: service.owner}
      - {id: owner, ask: "Are you still on it?", of: incident.owner}
      - {id: go, approve: "Go on?", by: [ann, everybody, cordinator]}
      - id: look
        uses: http.check
        with: {url: x}
        undo: {uses: http.check, with: {url: x}, approve: {by: [devops-laed]}}
`

func TestProceduresAreCheckedAgainstTheOrg(t *testing.T) {
	t.Parallel()
	_, problems := sops.Parse("asking.yaml", []byte(asking), sops.Env{Catalogue: catalogue(), Org: house(t)})
	require.EqualError(t, problems.Err(), `asking.yaml:3:23: org.yaml has no role, team or person "laeds"; did you mean "leads"?
asking.yaml:5:13: the scale has no grade "P2"; did you mean "P0"?
asking.yaml:7:10: org.yaml has no policy "level-3"; did you mean "level-1"?
asking.yaml:9:19: org.yaml has no service "wbe"; did you mean "web"?
asking.yaml:15:13: org.yaml has no role, team or person "cordinator"; did you mean "coordinator"?
asking.yaml:16:17: org.yaml has no policy "level1"; did you mean "level-1"?
asking.yaml:19:50: the scale has no grade "P9"; did you mean "P0"?
asking.yaml:20:52: org.yaml has no policy "level-7"; did you mean "level-1"?
asking.yaml:23:58: org.yaml has no role, team or person "cordinator"; did you mean "coordinator"?
asking.yaml:27:65: org.yaml has no role, team or person "devops-laed"; did you mean "devops-lead"?`)
}

func TestWithoutAnOrgATextIsTakenAsItStands(t *testing.T) {
	t.Parallel()
	p, problems := sops.Parse("asking.yaml", []byte(asking), sops.Env{Catalogue: catalogue()})
	require.NoError(t, problems.Err())
	require.Equal(t, "severity", p.Phases[0].Steps[0].Form["severity"].Sets)
}

func TestAScaleThatIsNotNamedIsTheDefaultOne(t *testing.T) {
	t.Parallel()
	src := "sop: a\ntitle: A\nincident: {severity: P0}\nphases: [{id: one, steps: [{id: b, wait: 5m}]}]\n"
	_, problems := sops.Parse("a.yaml", []byte(src), sops.Env{Catalogue: catalogue(), Org: house(t)})
	require.NoError(t, problems.Err())
	two := org(t, "severities: {x: [{id: P0}], y: [{id: P0}]}\n")
	_, problems = sops.Parse("a.yaml", []byte(src), sops.Env{Catalogue: catalogue(), Org: two})
	require.ErrorContains(t, problems.Err(), "say which scale the severity is of")
}
