package workflows

import (
	"fmt"

	"github.com/orderly-ops/orderly/sops"
)

// supported refuses, before anything is touched, a procedure that needs what this engine can't do yet.
// Half of such a procedure would be worse than none.
func supported(p *sops.Procedure) error {
	var lacking []string
	add := func(format string, args ...any) { lacking = append(lacking, fmt.Sprintf(format, args...)) }
	if p.OnFailure == "hold" || p.OnFailure == "rollback" {
		add("on_failure: %s", p.OnFailure)
	}
	if p.Rollback != nil {
		add("rollback")
	}
	for s := range p.Steps() {
		switch {
		case s.Undo != nil:
			add("step %q: undo", s.ID)
		case s.OnFailure == "hold" || s.OnFailure == "rollback":
			add("step %q: on_failure: %s", s.ID, s.OnFailure)
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	return permanent(ErrUnsupported, "%s was not started: this version of Orderly cannot carry out yet: %s", p.ID, joinLines(lacking))
}
