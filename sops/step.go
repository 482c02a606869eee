package sops

import "iter"

// Kinds lists the kinds of step, named as their YAML keys.
func Kinds() []Kind {
	return []Kind{KindUses, KindAsk, KindApprove, KindParallel, KindEach, KindRepeat, KindRun, KindStart, KindWait}
}

// Kind says what the step does.
func (s *Step) Kind() Kind {
	switch {
	case s.Uses != "":
		return KindUses
	case !s.Ask.IsZero():
		return KindAsk
	case !s.Approve.IsZero():
		return KindApprove
	case s.Parallel != nil:
		return KindParallel
	case s.Each != nil:
		return KindEach
	case s.Repeat != nil:
		return KindRepeat
	case s.Run != "":
		return KindRun
	case s.Start != "":
		return KindStart
	case s.Wait != nil:
		return KindWait
	}
	return ""
}

// Name is the step's title, or one made from its id.
func (s *Step) Name() string { return nameOf(s.Title, s.ID) }

// Children are the steps that stand inside this one.
func (s *Step) Children() []Step {
	switch {
	case s.Each != nil:
		return s.Each.Steps
	case s.Repeat != nil:
		return s.Repeat.Steps
	}
	return s.Parallel
}

// Name is the phase's title, or one made from its id.
func (p *Phase) Name() string { return nameOf(p.Title, p.ID) }

// Steps ranges over every step of the procedure, outer before inner: those of the phases, then of
// `rollback`, then of `finally`.
func (p *Procedure) Steps() iter.Seq[*Step] {
	return func(yield func(*Step) bool) {
		for i := range p.Phases {
			if !eachStep(p.Phases[i].Steps, yield) {
				return
			}
		}
		if p.Rollback != nil && !eachStep(p.Rollback.Then, yield) {
			return
		}
		eachStep(p.Finally, yield)
	}
}

func eachStep(steps []Step, yield func(*Step) bool) bool {
	for i := range steps {
		if !yield(&steps[i]) || !eachStep(steps[i].Children(), yield) {
			return false
		}
	}
	return true
}
