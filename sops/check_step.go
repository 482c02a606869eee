package sops

import (
	"slices"
	"strings"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// step checks a step where it stands and gives the ids that can be seen after it.
func (c *checker) step(s *Step, at place) []string {
	at.self = s.ID
	c.kind(s)
	c.positive(s, "within", s.Within)
	c.covers(s, s.Covers)
	c.condition(&s.If, at)
	visible := []string{s.ID}
	switch s.Kind() {
	case KindUses:
		c.uses(s, at)
	case KindAsk:
		c.ask(s, at)
	case KindApprove:
		c.approve(s, at)
	case KindParallel:
		visible = append(visible, c.parallel(s, at)...)
	case KindEach:
		c.each(s, at)
	case KindRepeat:
		visible = append(visible, c.repeat(s, at)...)
	case KindRun, KindStart:
		c.procedure(s, at)
	case KindWait:
		c.wait(s, at)
	}
	return visible
}

// only says which kinds a key goes with.
var only = []struct {
	key   string
	kinds []Kind
}{
	{"with", []Kind{KindUses, KindRun, KindStart}},
	{"timeout", []Kind{KindUses}},
	{"retry", []Kind{KindUses}},
	{"expect", []Kind{KindUses}},
	{"undo", []Kind{KindUses}},
	{"of", []Kind{KindAsk}},
	{"form", []Kind{KindAsk}},
	{"remind", []Kind{KindAsk, KindApprove}},
	{"policy", []Kind{KindAsk, KindApprove}},
	{"on_expire", []Kind{KindAsk, KindApprove}},
	{"by", []Kind{KindApprove}},
	{"quorum", []Kind{KindApprove}},
	{"not", []Kind{KindApprove}},
	{"if_missing", []Kind{KindRun, KindStart}},
}

// kind checks that a step does exactly one thing and has no keys of another.
func (c *checker) kind(s *Step) {
	var given []string
	for _, k := range Kinds() {
		if c.places.Has(s, string(k)) {
			given = append(given, string(k))
		}
	}
	switch {
	case len(given) == 0:
		if !c.hasUnknownKey(s) {
			c.problems.Add(s.Pos, "step %q does nothing; give it one of %s", s.ID, join2(Kinds()))
		}
		return
	case len(given) > 1:
		c.problems.Add(c.places.Key(s, given[1]), "step %q has both %s; a step does one thing", s.ID, strings.Join(given, " and "))
		return
	}
	for _, o := range only {
		if c.places.Has(s, o.key) && !slices.Contains(o.kinds, Kind(given[0])) {
			c.problems.Add(c.places.Key(s, o.key), "%q goes with %s, not with %s", o.key, join2(o.kinds), given[0])
		}
	}
}

// hasUnknownKey says that a key was refused: it may be the kind, mistyped.
func (c *checker) hasUnknownKey(s *Step) bool {
	known := yamldoc.Keys(s)
	n := c.places.Node(s)
	if n == nil || n.Kind != mappingKind {
		return true
	}
	for k := range yamldoc.Pairs(n) {
		if !slices.Contains(known, k.Value) {
			return true
		}
	}
	return false
}

func join2(kinds []Kind) string {
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = string(k)
	}
	return strings.Join(words, ", ")
}

func (c *checker) uses(s *Step, at place) {
	c.positive(s, "timeout", s.Timeout)
	c.retry(s.Retry)
	input, output := c.action(s, s.Uses)
	c.with(s, &s.With, at, input)
	expect := at
	expect.outputs = output
	if expect.outputs == nil {
		expect.outputs = anyType
	}
	c.condition(&s.Expect, expect)
	if s.Undo != nil {
		if at.repeated {
			c.problems.Add(c.places.Key(s, "undo"), "a step inside repeat can't have undo: its rounds are not kept; put what has to be undone before it")
		}
		c.undo(s.Undo, s.ID, at)
	}
}

// action finds an action's types; nil when it is not known.
func (c *checker) action(ptr any, name string) (input, output *Type) {
	if c.env.Catalogue == nil || name == "" {
		return nil, nil
	}
	a, ok := c.env.Catalogue.Action(name)
	if !ok {
		c.problems.Add(c.places.Value(ptr, "uses"), "no action %q%s", name, yamldoc.Hint(name, c.env.Catalogue.Names()))
		return nil, nil
	}
	return a.Input, a.Output
}

// undo sees what its step saw, the step itself, and the failure.
func (c *checker) undo(u *Undo, id string, at place) {
	at.visible = append(slices.Clip(at.visible), id)
	at.self, at.failure = "", true
	c.positive(u, "timeout", u.Timeout)
	c.retry(u.Retry)
	input, _ := c.action(u, u.Uses)
	c.with(u, &u.With, at, input)
	c.condition(&u.If, at)
	if a := u.Approve; a != nil {
		c.approvers(a, a.By, a.Quorum)
		c.positive(a, "within", a.Within)
	}
}

func (c *checker) retry(r *Retry) {
	if r == nil {
		return
	}
	const most, steepest = 100, 10
	if c.places.Has(r, "attempts") && (r.Attempts < 1 || r.Attempts > most) {
		c.problems.Add(c.places.Value(r, "attempts"), "attempts are 1 to %d, the first included", most)
	}
	if c.places.Has(r, "backoff") && (r.Backoff < 1 || r.Backoff > steepest) {
		c.problems.Add(c.places.Value(r, "backoff"), "backoff is a factor from 1 to %d", steepest)
	}
	c.positive(r, "initial", r.Initial)
	c.positive(r, "max", r.Max)
	if r.Max > 0 && r.Initial > r.Max {
		c.problems.Add(c.places.Value(r, "max"), "max is shorter than initial")
	}
}

func (c *checker) ask(s *Step, at place) {
	c.template(&s.Ask, at)
	c.template(&s.Of, at)
	switch of, fixed := s.Of.Constant(); {
	case s.Of.IsZero() && !c.places.Has(s, "of"):
		c.problems.Add(c.places.Key(s, "ask"), "step %q asks nobody; say who with of", s.ID)
	case fixed && of != ServiceOwner && of != IncidentOwner && !idPattern.MatchString(of):
		c.problems.Add(c.places.Value(s, "of"), "%q is not the id of a role or person", of)
	}
	c.positive(s, "remind", s.Remind)
	c.form(s)
	if s.OnExpire != "" && s.Within == 0 {
		c.problems.Add(c.places.Key(s, "on_expire"), "on_expire needs within: when does it expire?")
	}
}

func (c *checker) approve(s *Step, at place) {
	c.template(&s.Approve, at)
	c.positive(s, "remind", s.Remind)
	if len(s.By) == 0 && !c.places.Has(s, "by") {
		c.problems.Add(c.places.Key(s, "approve"), "step %q is approved by nobody; say who with by", s.ID)
	} else {
		c.approvers(s, s.By, s.Quorum)
	}
	if s.OnExpire == "skip" {
		c.problems.Add(c.places.Value(s, "on_expire"), "an approval is never skipped; on_expire is hold or fail")
	}
	if s.OnExpire != "" && s.Within == 0 {
		c.problems.Add(c.places.Key(s, "on_expire"), "on_expire needs within: when does it expire?")
	}
}

// approvers checks who approves. A role may be several people, so a quorum above the number of roles is
// not wrong.
func (c *checker) approvers(ptr any, by []string, quorum int) {
	const most = 20
	if c.places.Has(ptr, "by") && len(by) == 0 {
		c.problems.Add(c.places.Key(ptr, "by"), "by lists nobody")
	}
	c.owners(ptr, "by", by)
	if c.places.Has(ptr, "quorum") && (quorum < 1 || quorum > most) {
		c.problems.Add(c.places.Value(ptr, "quorum"), "a quorum is 1 to %d", most)
	}
}

func (c *checker) form(s *Step) {
	for _, name := range sortedKeys(s.Form) {
		f := s.Form[name]
		at := c.places.Key(s, "form", name)
		switch {
		case !fieldPattern.MatchString(name) || len(name) > maxID:
			c.problems.Add(at, "%q is not the name of a field: it begins with a small letter and has small letters, digits and _", name)
		case name == "by" || name == "at":
			c.problems.Add(at, "%q is filled in by itself; name the field something else", name)
		}
		if (f.Type == "choice") != (len(f.Options) > 0) && f.Type != "" {
			c.problems.Add(at, "field %q: options go with type choice, and it needs them", name)
		}
		c.formDefault(s, name, f)
	}
	c.sets(s)
}

func (c *checker) formDefault(s *Step, name string, f FormField) {
	if f.Default == nil {
		return
	}
	at := c.places.Value(s, "form", name, "default")
	if err := f.valueType().Check(f.Default); err != nil {
		c.problems.Add(at, "%v", err)
		return
	}
	if text, ok := f.Default.(string); ok && f.Type == "choice" {
		if what := (Field{Enum: f.Options}).checkEnum(text); what != "" {
			c.problems.Add(at, "%s", what)
		}
	}
}

// rollbackHasUndo checks that rolling back can do something.
func (c *checker) rollbackHasUndo() {
	leads := func(onFailure string) bool { return onFailure == "rollback" || onFailure == "hold" }
	undo, wanted := false, leads(c.p.OnFailure)
	for s := range c.p.Steps() {
		undo = undo || s.Undo != nil
		wanted = wanted || leads(s.OnFailure)
	}
	if undo || c.p.Rollback != nil {
		if !wanted && c.p.Rollback != nil {
			c.problems.Add(c.places.Key(c.p, "rollback"), "nothing rolls back: no on_failure says rollback or hold")
		}
		return
	}
	if c.p.OnFailure == "rollback" {
		c.problems.Add(c.places.Value(c.p, "on_failure"), "nothing to roll back: no step has undo")
	}
	for s := range c.p.Steps() {
		if s.OnFailure == "rollback" {
			c.problems.Add(c.places.Value(s, "on_failure"), "nothing to roll back: no step has undo")
		}
	}
}

// noRollback refuses what can't be done any more after the phases.
func (c *checker) noRollback(steps []Step, where string) {
	eachStep(steps, func(s *Step) bool {
		if s.OnFailure == "rollback" {
			c.problems.Add(c.places.Value(s, "on_failure"), "a step of %s can't roll back", where)
		}
		if s.Undo != nil {
			c.problems.Add(c.places.Key(s, "undo"), "a step of %s is never undone", where)
		}
		return true
	})
}
