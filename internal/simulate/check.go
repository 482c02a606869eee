package simulate

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/orderly-ops/orderly/internal/yamldoc"
	"github.com/orderly-ops/orderly/sops"
)

// checker checks what a scenario says against what there is.
type checker struct {
	s        *Scenario
	env      Env
	problems sops.Problems

	proc   *sops.Procedure
	steps  map[string]*sops.Step // by id, those of the procedures that it runs included
	uses   map[string]bool       // actions of all of them
	begins map[string]bool       // procedures that they run or start
	holds  bool                  // one of them holds when a step fails
	phases []string
}

func (c *checker) wrong(pos Pos, format string, args ...any) { c.problems.Add(pos, format, args...) }

func (c *checker) check() {
	c.names()
	c.times()
	c.inputs()
	c.targets()
	for _, key := range sortedKeys(c.s.Actions) {
		c.script(key, c.s.Actions[key])
	}
	for _, id := range sortedKeys(c.s.Procedures) {
		c.stub(id, c.s.Procedures[id])
	}
	c.world()
	for i := range c.s.People {
		c.deed(&c.s.People[i])
	}
	for _, key := range sortedKeys(c.s.Answers) {
		c.answer(key, c.s.Answers[key])
	}
	if c.s.Expect != nil {
		c.expect(c.s.Expect)
	}
	for i := range c.s.Never {
		c.never(&c.s.Never[i])
	}
}

// names checks what the scenario is called, and finds its procedure.
func (c *checker) names() {
	s := c.s
	if name := fileName(s.File); s.places.Has(s, "scenario") && s.ID != name {
		c.wrong(s.places.Value(s, "scenario"), "the scenario is called %q and its file %s.yaml; both must be the same", s.ID, name)
	}
	if c.env.Procedures == nil {
		return
	}
	proc, ok := c.env.Procedures(s.Procedure)
	if !ok {
		at := s.places.Value(s, "procedure")
		if broken := c.broken(s.Procedure); len(broken) > 0 {
			c.problems = append(c.problems, broken...)
			return
		}
		c.wrong(at, "there is no procedure %q%s", s.Procedure, yamldoc.Hint(s.Procedure, c.env.IDs))
		return
	}
	c.proc, c.steps, c.uses, c.begins = proc, map[string]*sops.Step{}, map[string]bool{}, map[string]bool{}
	for i := range proc.Phases {
		c.phases = append(c.phases, proc.Phases[i].ID)
	}
	c.index(proc, map[string]bool{})
}

// broken is what is wrong with the file of a procedure.
func (c *checker) broken(id string) (found sops.Problems) {
	for _, p := range c.env.Broken {
		if fileName(p.Pos.File) == id {
			found = append(found, p)
		}
	}
	return found
}

// index collects the steps of a procedure and of those that it runs, which are simulated too.
func (c *checker) index(proc *sops.Procedure, seen map[string]bool) {
	if seen[proc.ID] {
		return
	}
	seen[proc.ID] = true
	c.holds = c.holds || proc.OnFailure == "hold"
	var inner []string
	for s := range proc.Steps() {
		if _, taken := c.steps[s.ID]; !taken {
			c.steps[s.ID] = s
		}
		c.uses[s.Uses], c.begins[s.Run], c.begins[s.Start] = true, true, true
		if s.Undo != nil {
			c.uses[s.Undo.Uses] = true
		}
		if s.Run != "" {
			inner = append(inner, s.Run)
		}
	}
	for _, id := range inner {
		if p, ok := c.env.Procedures(id); ok {
			c.index(p, seen)
		}
	}
}

func (c *checker) times() {
	s := c.s
	if s.Horizon < 0 {
		c.wrong(s.places.Value(s, "horizon"), "a horizon is after the start, not before it")
	}
	if s.Horizon > maxHorizon {
		c.wrong(s.places.Value(s, "horizon"), "a horizon of more than 400 days is more than is simulated")
	}
	if d, err := yamldoc.ParseDuration(s.places.Text(s, "horizon")); err == nil && d == 0 {
		c.wrong(s.places.Value(s, "horizon"), "a horizon of 0 stops the run before it begins; leave it out for 72h")
	}
	for i := range s.Kills {
		k := &s.Kills[i]
		if k.For <= 0 && s.places.Has(k, "for") {
			c.wrong(s.places.Value(k, "for"), "for is how long the worker is dead; write it like 2m")
		}
		c.notBefore(k.At, s.places.Value(k, "at"))
	}
	for _, name := range sortedKeys(s.Transports) {
		down := s.Transports[name].Down
		at := s.places.Key(s, "transports", name)
		if !slices.Contains(transportNames, name) {
			c.wrong(at, "there is no transport %q%s", name, yamldoc.Hint(name, transportNames))
		}
		if down.Until.given && !down.Until.In(s.start()).After(down.From.In(s.start())) {
			c.wrong(s.places.Value(s, "transports", name, "down", "until"), "until is not after from")
		}
	}
}

// notBefore says that a moment comes before the run starts.
func (c *checker) notBefore(m Moment, pos Pos) {
	if m.given && m.In(c.s.start()).Before(c.s.start()) {
		c.wrong(pos, "%s is before the run starts, %s", at(m.At), at(c.s.start()))
	}
}

// inputError is how sops names the input that is wrong.
var inputError = regexp.MustCompile(`^input "([^"]*)"(.*)$`)

func (c *checker) inputs() {
	if c.proc == nil {
		return
	}
	_, err := c.proc.CheckInputs(maps.Clone(c.s.Inputs))
	if err == nil {
		return
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		pos, text := c.s.places.Key(c.s, "inputs"), line
		if m := inputError.FindStringSubmatch(line); m != nil {
			pos = c.s.places.Key(c.s, "inputs", m[1])
		}
		c.wrong(pos, "%s", text)
	}
}

// targetKinds are the kinds of target that orderly.yaml knows.
var targetKinds = []string{"docker", "http", "postgres", "redis", "s3"}

func (c *checker) targets() {
	for _, kind := range sortedKeys(c.s.Targets) {
		if !slices.Contains(targetKinds, kind) {
			c.wrong(c.s.places.Key(c.s, "targets", kind), "there is no kind of target %q%s", kind, yamldoc.Hint(kind, targetKinds))
		}
	}
}

func (c *checker) stub(id string, stub Stub) {
	at := c.s.places.Key(c.s, "procedures", id)
	if c.env.Procedures != nil {
		if _, ok := c.env.Procedures(id); !ok {
			c.wrong(at, "there is no procedure %q%s", id, yamldoc.Hint(id, c.env.IDs))
		} else if c.proc != nil && !c.begins[id] {
			c.wrong(at, "no step of %s runs or starts %s, nor of what it runs", c.proc.ID, id)
		}
	}
	for _, name := range sortedKeys(stub.Outputs) {
		if name != "findings" {
			c.wrong(c.s.places.Key(c.s, "procedures", id, "outputs", name), "another run has no output %q of its own; known: findings", name)
		}
	}
	if stub.Error != "" && stub.State != "failed" {
		c.wrong(c.s.places.Key(c.s, "procedures", id, "error"), "error goes with state: failed")
	}
}

// world checks people, transports and windows.
func (c *checker) world() {
	s := c.s
	if s.By != "" {
		c.person(s.By, s.places.Value(s, "by"))
	}
	for i, id := range s.Unreachable {
		c.person(id, s.places.Item(s, "unreachable", i))
	}
	for i := range s.Windows {
		w := &s.Windows[i]
		for n, id := range w.Services {
			if c.env.Org == nil {
				continue
			}
			if _, ok := c.env.Org.Services[id]; !ok {
				c.wrong(s.places.Item(w, "services", n), "org.yaml has no service %q%s", id, yamldoc.Hint(id, sortedKeys(c.env.Org.Services)))
			}
		}
		c.notBefore(w.Until, s.places.Value(w, "until"))
	}
}

// person checks the id of a person.
func (c *checker) person(id string, pos Pos) {
	if c.env.Org == nil || id == "" { // that it is missing was said already
		return
	}
	if _, ok := c.env.Org.People[id]; !ok {
		c.wrong(pos, "org.yaml has nobody called %q%s", id, yamldoc.Hint(id, sortedKeys(c.env.Org.People)))
	}
}

// entry checks the name of somebody or of many: a person, role, team, and with channels also these and groups.
func (c *checker) entry(id string, channels bool, pos Pos) {
	o := c.env.Org
	if o == nil {
		return
	}
	known := slices.Concat(sortedKeys(o.People), sortedKeys(o.Roles), sortedKeys(o.Teams))
	what := "person, role or team"
	if channels {
		known = slices.Concat(known, sortedKeys(o.Channels), sortedKeys(o.Stakeholders), []string{"room"})
		what = "channel, group, person, role or team"
	}
	if !slices.Contains(known, id) {
		c.wrong(pos, "org.yaml has no %s %q%s", what, id, yamldoc.Hint(id, known))
	}
}

// stepID is the id in a step's path: "stats" of "dockers[0].stats#2", "dump" of "undo:dump".
func stepID(path string) string {
	path, _, _ = strings.Cut(path, "#")
	for _, prefix := range []string{"hold:", "undo:"} {
		path = strings.TrimPrefix(path, prefix)
	}
	path = path[strings.LastIndex(path, ".")+1:]
	id, _, _ := strings.Cut(path, "[")
	return id
}

// step checks the id or path of a step.
func (c *checker) step(name string, pos Pos) *sops.Step {
	if c.steps == nil {
		return nil
	}
	s, ok := c.steps[stepID(name)]
	if !ok {
		c.wrong(pos, "%s has no step %q%s", c.proc.ID, name, yamldoc.Hint(stepID(name), sortedKeys(c.steps)))
	}
	return s
}
