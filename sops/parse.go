package sops

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"cel.dev/cel-go/cel"
	"gopkg.in/yaml.v3"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// Env is what a procedure is checked against.
type Env struct {
	Catalogue *Catalogue
	// Targets lists the targets of orderly.yaml by kind; nil leaves target names unchecked.
	Targets map[string][]string
	// Commands lists what exec.run may start; nil leaves them unchecked.
	Commands []string
	// Org is who there is; nil leaves roles, policies, scales and services unchecked.
	Org *Org
	// Procedures finds another procedure for `run` and `start`; nil leaves those unchecked.
	Procedures func(id string) (*Procedure, bool)
}

// Parse reads and checks one procedure. The procedure is nil when there are problems. The result depends
// on nothing but the text and env: with only a Catalogue in env, a text that was once accepted is
// accepted again.
func Parse(file string, src []byte, env Env) (*Procedure, Problems) {
	c := read(file, src, env)
	if env.Procedures != nil {
		c.crossCheck(env.Procedures)
	}
	if len(c.problems) > 0 {
		return nil, c.problems.Sorted()
	}
	return c.p, nil
}

// checker checks one procedure.
type checker struct {
	env      Env
	p        *Procedure
	places   yamldoc.Places
	expr     *compiler
	problems Problems
	// later are the checks that need other procedures.
	later []func(find func(id string) (*Procedure, bool))
}

// read does all that needs no other procedure. The checker's procedure is nil when the file could not be
// read at all.
func read(file string, src []byte, env Env) *checker {
	c := &checker{env: env}
	node, ps := yamldoc.Parse(file, src, yamldoc.Limits{})
	if len(ps) > 0 {
		c.problems = ps
		return c
	}
	if node.Kind != yaml.MappingNode {
		c.problems.Add(Pos{File: file, Line: node.Line, Col: node.Column},
			"a procedure is a mapping that begins with sop: <id>; found %s", yamldoc.Describe(node))
		return c
	}
	sum := sha256.Sum256(src)
	c.p = &Procedure{File: file, Source: string(src), Digest: "sha256:" + hex.EncodeToString(sum[:])}
	c.places, c.problems = yamldoc.DecodePlaces(node, file, c.p)
	c.expr = &compiler{
		text: yamldoc.NewText(file, src), typing: newTyping(), names: &names{},
		steps: map[string]*stepInfo{}, incident: c.p.Incident != nil, envs: map[string]*cel.Env{}, problems: &c.problems,
	}
	c.check()
	return c
}

func (c *checker) crossCheck(find func(id string) (*Procedure, bool)) {
	for _, check := range c.later {
		check(find)
	}
}

// check runs every check. What expressions can see comes first.
func (c *checker) check() {
	c.header()
	c.inputs()
	if !c.index() {
		return // too large to look at closely
	}
	c.schedules()
	before := place{bare: true}
	c.template(&c.p.Key, before)
	if c.p.Maintenance != nil {
		c.maintenance(c.p.Maintenance)
	}
	if c.p.Incident != nil {
		c.incident(c.p.Incident)
	}
	c.phases()
	c.people()
	c.runCycles()
}

// phases checks the steps where they stand, in the order they run.
func (c *checker) phases() {
	var at place
	for i := range c.p.Phases {
		ph := &c.p.Phases[i]
		c.positive(ph, "within", ph.Within)
		c.covers(ph, ph.Covers)
		c.condition(&ph.If, at)
		if c.places.Has(ph, "steps") && len(ph.Steps) == 0 {
			c.problems.Add(c.places.Key(ph, "steps"), "phase %q has no steps", ph.ID)
		}
		at.visible = c.sequence(ph.Steps, at)
	}
	after := at
	after.failure = true
	if r := c.p.Rollback; r != nil {
		if len(r.Then) == 0 {
			c.problems.Add(c.places.Of(r), "rollback has no steps under then")
		}
		c.noRollback(r.Then, "rollback")
		c.sequence(r.Then, after)
	}
	if c.places.Has(c.p, "finally") && len(c.p.Finally) == 0 {
		c.problems.Add(c.places.Key(c.p, "finally"), "finally has no steps")
	}
	c.noRollback(c.p.Finally, "finally")
	c.sequence(c.p.Finally, after)
	c.rollbackHasUndo()
}

// sequence checks steps that run one after the other and gives what can be seen after them.
func (c *checker) sequence(steps []Step, at place) []string {
	for i := range steps {
		at.visible = append(slices.Clip(at.visible), c.step(&steps[i], at)...)
	}
	return at.visible
}
