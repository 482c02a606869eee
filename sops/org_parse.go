package sops

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"cel.dev/cel-go/cel"
	"gopkg.in/yaml.v3"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// Bounds on what an org may hold: far above any that is kept by hand.
const (
	maxOrgBytes = 2 << 20
	maxOrgNodes = 200_000
	maxMembers  = 500  // of a rotation, a team, a tier
	maxCovers   = 2000 // of a rotation
	maxTiers    = 20   // of a policy
	maxGrades   = 20   // of a scale
	maxRules    = 200  // of a classification
)

// ParseOrg reads and checks org.yaml. The org is nil when there are problems; all of them are found at once.
func ParseOrg(file string, src []byte) (*Org, Problems) {
	node, ps := yamldoc.Parse(file, src, yamldoc.Limits{Bytes: maxOrgBytes, Nodes: maxOrgNodes})
	if len(ps) > 0 {
		return nil, ps
	}
	if node.Kind != yaml.MappingNode {
		ps.Add(Pos{File: file, Line: node.Line, Col: node.Column}, "an org is a mapping with people, roles, policies; found %s", yamldoc.Describe(node))
		return nil, ps
	}
	sum := sha256.Sum256(src)
	o := &Org{
		File: file, Source: string(src), Digest: "sha256:" + hex.EncodeToString(sum[:]),
		turns: map[string]*turns{},
	}
	c := &orgChecker{org: o, kinds: map[string]string{}, duties: map[string]string{}, zones: map[string]*time.Location{}}
	c.places, c.problems = yamldoc.DecodePlaces(node, file, o)
	c.expr = &compiler{
		text: yamldoc.NewText(file, src), typing: newTyping(), names: &names{steps: &Type{Kind: TypeObject, Name: "steps"}},
		envs: map[string]*cel.Env{}, problems: &c.problems,
	}
	c.check()
	if len(c.problems) > 0 {
		return nil, c.problems.Sorted()
	}
	o.fillIn()
	rules, err := makeRules(o)
	if err != nil {
		c.problems.Add(Pos{File: file}, "%v", err)
		return nil, c.problems
	}
	o.rules = rules
	return o, nil
}

// fillIn gives what has no name or title one.
func (o *Org) fillIn() {
	for id, p := range o.People {
		p.Name = cmp.Or(p.Name, id)
		o.People[id] = p
	}
	for id, r := range o.Roles {
		r.Title = nameOf(r.Title, id)
		o.Roles[id] = r
	}
	for id, c := range o.Channels {
		c.Title = nameOf(c.Title, id)
		o.Channels[id] = c
	}
	for id, s := range o.Services {
		s.Title = nameOf(s.Title, id)
		o.Services[id] = s
	}
	for id, p := range o.Policies {
		p.Title = nameOf(p.Title, id)
		o.Policies[id] = p
	}
}

// orgChecker checks one org.
type orgChecker struct {
	org      *Org
	places   yamldoc.Places
	expr     *compiler
	problems Problems
	kinds    map[string]string         // what an id is: people, roles, teams, channels, stakeholders
	duties   map[string]string         // by person, the first place that counts on them
	zones    map[string]*time.Location // by name; nil for what is none
}

func (c *orgChecker) check() {
	o := c.org
	c.ids()
	for _, id := range sortedKeys(o.Rotations) {
		c.rotation(id, o.Rotations[id])
	}
	for _, id := range sortedKeys(o.Roles) {
		c.role(id, o.Roles[id])
	}
	c.backups()
	c.teams()
	for _, id := range sortedKeys(o.Channels) {
		c.channel(id, o.Channels[id])
	}
	for _, id := range sortedKeys(o.Stakeholders) {
		c.stakeholders(id, o.Stakeholders[id])
	}
	c.services()
	for _, id := range sortedKeys(o.Severities) {
		c.scale(id, o.Severities[id])
	}
	for _, id := range sortedKeys(o.Policies) {
		c.policy(id, o.Policies[id])
	}
	c.ladders()
	for _, id := range sortedKeys(o.Calendars) {
		c.calendar(id, o.Calendars[id])
	}
	c.defaults()
	c.classification()
	for _, id := range sortedKeys(o.People) {
		c.person(id, o.People[id])
	}
	c.strangers()
}
