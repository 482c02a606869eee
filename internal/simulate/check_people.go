package simulate

import (
	"slices"
	"strings"

	"github.com/orderly-ops/orderly/internal/yamldoc"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// deed checks who does what.
func (c *checker) deed(d *Deed) {
	if d.Message == "" {
		return
	}
	pos := Pos{File: c.s.File}
	if d.node != nil { // it may come from a flag
		pos.Line, pos.Col = d.node.Line, d.node.Column
	}
	c.notBefore(d.When, pos)
	if d.By != alertBy {
		c.person(d.By, pos)
	} else if d.Message != workflows.MessageAlert {
		c.wrong(pos, "an alert comes with its payload: {key: …, status: firing, summary: …}")
	}
	if name, ok := d.Payload["step"].(string); ok && name != "respond" {
		c.questioned(name, d.Message, pos)
	}
	if grade, ok := d.Payload["severity"].(string); ok {
		c.grade(grade, pos)
	}
	if to, ok := d.Payload["to"].(string); ok {
		c.person(to, pos)
	}
	if id, ok := d.Payload["clock"].(string); ok {
		c.clock(id, pos)
	}
}

// questioned checks that a step is one to complete, or to decide.
func (c *checker) questioned(name, message string, pos Pos) {
	s := c.step(name, pos)
	if s == nil || strings.HasPrefix(name, "hold:") || strings.HasPrefix(name, "undo:") { // questions of the engine's own
		return
	}
	switch {
	case message == workflows.MessageComplete && s.Kind() == sops.KindApprove:
		c.wrong(pos, "%s asks for a decision; write approve %s, or reject %s because …", name, name, name)
	case message == workflows.MessageDecide && s.Kind() == sops.KindAsk:
		c.wrong(pos, "%s is not one to decide on; write done %s, or skip %s because …", name, name, name)
	case s.Kind() != sops.KindAsk && s.Kind() != sops.KindApprove:
		c.wrong(pos, "%s asks nobody anything; of a step that failed and is held, the question is hold:%s", name, name)
	}
}

// grade checks a severity.
func (c *checker) grade(id string, pos Pos) {
	if c.env.Org == nil {
		return
	}
	var known []string
	for _, scale := range sortedKeys(c.env.Org.Severities) {
		for _, s := range c.env.Org.Severities[scale] {
			known = union(known, []string{s.ID})
		}
	}
	if !slices.Contains(known, id) {
		c.wrong(pos, "no scale of org.yaml has a severity %q%s", id, yamldoc.Hint(id, known))
	}
}

// answer checks the answer to a question.
func (c *checker) answer(key string, r Reply) {
	pos := c.s.places.Key(c.s, "answers", key)
	var s *sops.Step
	if key != byDefault {
		s = c.step(key, pos)
	}
	if r.By != "" {
		c.entry(r.By, false, c.s.places.Value(c.s, "answers", key, "by"))
	}
	if s == nil || s.Kind() != sops.KindAsk && s.Kind() != sops.KindApprove { // when it fails, it is held
		return
	}
	approval := s.Kind() == sops.KindApprove
	for _, rule := range []struct {
		broken bool
		field  string
		says   string
	}{
		{r.Approve != nil && !approval, "approve", "%[1]s is not one to decide on: it has no approve; leave it out, or say skip"},
		{len(r.Form) > 0 && approval, "form", "%[1]s asks for a decision and has no form; say approve"},
		{r.Skip && approval, "skip", "%[1]s asks for a decision, which can't be skipped; say approve: false"},
		{r.Choice != "" && r.Choice != "skip" && !c.holds && s.OnFailure != "hold", "choice", "choice is for steps that failed and are held, and %[1]s asks somebody; leave it out"},
	} {
		if rule.broken {
			c.wrong(c.s.places.Key(c.s, "answers", key, rule.field), rule.says, key)
		}
	}
	if approval {
		return
	}
	for _, name := range sortedKeys(r.Form) {
		if _, ok := s.Form[name]; !ok {
			c.wrong(c.s.places.Key(c.s, "answers", key, "form", name), "the form of %s has no field %q%s", key, name, yamldoc.Hint(name, sortedKeys(s.Form)))
		}
	}
}
