package sops

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/types"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// place is where an expression stands: what it can see.
type place struct {
	visible  []string   // ids of the steps before it
	vars     []variable // loop variables, the innermost last
	self     string     // id of the step it belongs to
	siblings []string   // ids that run beside it
	outputs  *Type      // in `expect`
	failure  bool
	repeated bool // inside a repeat
	bare     bool // only inputs and now: no run exists yet
	closed   bool // only vars: there is no procedure
}

// compiler checks the expressions of one procedure.
type compiler struct {
	text     *yamldoc.Text
	typing   *typing
	names    *names
	dashed   dashed
	steps    map[string]*stepInfo
	incident bool
	envs     map[string]*cel.Env
	problems *Problems
}

// stepInfo is a step as those see it that refer to it.
type stepInfo struct {
	step *Step
	each string // id of the innermost `each` it stands in
}

// compile checks an expression. It is nil when there were problems.
func (c *compiler) compile(f *fragment, at place) *program {
	told := map[int]bool{} // offsets of what is wrong already
	report := func(offset int, format string, args ...any) {
		told[offset] = true
		c.problems.Add(f.locate(c.text, offset), format, args...)
	}
	if len(f.source) > maxExpression {
		report(0, "the expression is longer than %d characters", maxExpression)
		return nil
	}
	d := c.dashed
	d.vars = dashedOf(varNames(at.vars))
	src := common.NewTextSource(d.rewrite(f.source))
	parsed, iss := language().ParseSource(src)
	if iss.Err() != nil {
		c.issues(f, src, iss, at, told, 1) // what follows is an echo
		return nil
	}
	walk := scopeWalk{compiler: c, place: at, info: parsed.NativeRep().SourceInfo(), source: []rune(f.source), report: report}
	walk.expr(parsed.NativeRep().Expr())
	env, err := c.env(at)
	if err != nil {
		report(0, "%v", err)
		return nil
	}
	checked, iss := env.Check(parsed)
	if iss.Err() != nil {
		c.issues(f, src, iss, at, told, 5)
	}
	if iss.Err() != nil || walk.failed {
		return nil
	}
	vars := at.vars
	if at.outputs != nil {
		vars = append(slices.Clip(vars), variable{"outputs", at.outputs})
	}
	return &program{
		source: f.source, pos: f.locate(c.text, 0), typ: c.typing.of(checked.OutputType()),
		ast: checked, names: c.names, vars: vars,
	}
}

// env gives the checker's environment of a place. Places that see the same share it.
func (c *compiler) env(at place) (*cel.Env, error) {
	var vars []variable
	if !at.closed {
		vars = append(vars, variable{"now", timeOf}, variable{"inputs", c.names.inputs})
	}
	if !at.bare && !at.closed {
		vars = append(vars, variable{"steps", c.names.steps}, variable{"run", runType})
	}
	if c.incident && !at.bare && !at.closed {
		vars = append(vars, variable{"incident", incidentType})
	}
	if at.failure {
		vars = append(vars, variable{"failure", failureType})
	}
	if at.outputs != nil {
		vars = append(vars, variable{"outputs", at.outputs})
	}
	vars = append(vars, at.vars...)
	var key strings.Builder
	for _, v := range vars {
		fmt.Fprintf(&key, "%s %p;", v.name, v.typ)
	}
	if env, ok := c.envs[key.String()]; ok {
		return env, nil
	}
	env, err := c.typing.extend(language(), vars)
	if err != nil {
		return nil, err
	}
	c.envs[key.String()] = env
	return env, nil
}

// issues turns what CEL found into problems at their characters, no more than most of them. Where names
// were found wrong already, told has their offsets: then only other wrong members are no echo of those.
func (c *compiler) issues(f *fragment, src common.Source, iss *cel.Issues, at place, told map[int]bool, most int) {
	errs := iss.Errors()
	slices.SortStableFunc(errs, func(a, b *cel.Error) int {
		return cmp.Or(cmp.Compare(a.Location.Line(), b.Location.Line()), cmp.Compare(a.Location.Column(), b.Location.Column()))
	})
	for _, e := range errs[:min(len(errs), most)] {
		offset := 0
		if o, ok := src.LocationOffset(e.Location); ok {
			offset = int(o)
		}
		offset = toName([]rune(f.source), offset)
		if len(told) > 0 && (told[offset] || !strings.HasPrefix(e.Message, "undefined field")) {
			continue // an echo of what was told
		}
		c.problems.Add(f.locate(c.text, offset), "%s", c.explain(e.Message, at))
	}
}

// toName moves from the dot before a member to the member, and from the bracket behind a function to the
// function.
func toName(source []rune, offset int) int {
	offset = max(offset, 0)
	if offset < len(source) && source[offset] == '(' {
		for offset > 0 && source[offset-1] < utf8.RuneSelf && isWordByte(byte(source[offset-1])) {
			offset--
		}
	}
	if offset < len(source) && source[offset] == '.' {
		offset++
		for offset < len(source) && source[offset] == ' ' {
			offset++
		}
	}
	return min(offset, max(len(source)-1, 0))
}

func varNames(vars []variable) []string {
	names := make([]string, len(vars))
	for i, v := range vars {
		names[i] = v.name
	}
	return names
}

// dashedOf keeps the ids with a dash, the longest first.
func dashedOf(ids []string) []string {
	var out []string
	for _, id := range ids {
		if strings.Contains(id, "-") {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	return out
}

// boolean checks that an expression gives true or false.
func (c *compiler) boolean(p *program, f *fragment) {
	if p == nil {
		return
	}
	if k := p.ast.OutputType().Kind(); k != types.BoolKind && k != types.DynKind {
		c.problems.Add(f.locate(c.text, 0), "want true or false, but this gives %s", describeType(p.typ))
	}
}
