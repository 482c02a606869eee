package simulate

import "github.com/orderly-ops/orderly/sops"

// checker checks what a scenario says against what there is.
type checker struct {
	s        *Scenario
	env      Env
	problems sops.Problems
}

func (c *checker) check() {}
