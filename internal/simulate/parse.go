package simulate

import (
	"path"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/orderly-ops/orderly/internal/yamldoc"
	"github.com/orderly-ops/orderly/sops"
)

// Env is what a scenario is checked against. What is nil is left unchecked.
type Env struct {
	Catalogue *sops.Catalogue
	// Procedures finds a procedure.
	Procedures func(id string) (*sops.Procedure, bool)
	// IDs are the procedures there are, for what was perhaps meant.
	IDs []string
	Org *sops.Org
	// Broken are the problems of the files of procedures that could not be read: they say why one is not there.
	Broken sops.Problems
}

// Parse reads and checks a scenario. The scenario is nil when there are problems; all of them are found at once.
func Parse(file string, src []byte, env Env) (*Scenario, sops.Problems) {
	node, ps := yamldoc.Parse(file, src, yamldoc.Limits{})
	if len(ps) > 0 {
		return nil, ps
	}
	if node.Kind != yaml.MappingNode {
		ps.Add(Pos{File: file, Line: node.Line, Col: node.Column}, "a scenario is a mapping that begins with scenario: <name>; found %s", yamldoc.Describe(node))
		return nil, ps
	}
	s := &Scenario{File: file}
	s.places, ps = yamldoc.DecodePlaces(node, file, s)
	s.fillIn()
	c := &checker{s: s, env: env, problems: ps}
	c.check()
	if len(c.problems) > 0 {
		return nil, c.problems.Sorted()
	}
	return s, nil
}

// Verify checks a scenario that was made or added to in code, as Parse checks one in a file. What came in code has
// no place.
func (s *Scenario) Verify(env Env) sops.Problems {
	c := &checker{s: s, env: env}
	c.check()
	return c.problems.Sorted()
}

// fillIn gives what the file's place says.
func (s *Scenario) fillIn() {
	if s.ID == "" {
		s.ID = fileName(s.File)
	}
	if s.Procedure == "" {
		s.Procedure = path.Base(path.Dir(s.File))
	}
	for i := range s.expected().Pages {
		follow(s.Expect.Pages, i)
	}
	for i := range s.expected().Paged {
		follow(s.Expect.Paged, i)
	}
}

func (s *Scenario) expected() *Expect {
	if s.Expect == nil {
		return &Expect{}
	}
	return s.Expect
}

// follow gives a page without a time that of the one before.
func follow(pages []PageWant, i int) {
	if i > 0 && !pages[i].At.given {
		pages[i].At = pages[i-1].At
	}
}

// fileName is what a file is called, without its folder and end.
func fileName(file string) string {
	return strings.TrimSuffix(strings.TrimSuffix(path.Base(file), ".yaml"), ".yml")
}
