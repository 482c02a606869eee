package sops

import (
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// scopeWalk looks at the names of an expression before its types: what it may see from where it stands.
type scopeWalk struct {
	*compiler
	place  place
	info   *ast.SourceInfo
	source []rune
	report func(offset int, format string, args ...any)
	failed bool
}

// builtins are the names that loops inside an expression may not take.
var builtins = []string{"inputs", "steps", "run", "incident", "failure", "now", "outputs"}

func (w *scopeWalk) expr(e ast.Expr) {
	switch e.Kind() {
	case ast.IdentKind:
		w.ident(e)
	case ast.SelectKind:
		sel := e.AsSelect()
		if op := sel.Operand(); op.Kind() == ast.IdentKind && op.AsIdent() == "steps" && !w.place.bare && !w.place.closed {
			w.step(e, sel.FieldName())
			return
		}
		w.expr(sel.Operand())
	case ast.CallKind:
		call := e.AsCall()
		w.status(call)
		if call.IsMemberFunction() {
			w.expr(call.Target())
		}
		w.exprs(call.Args())
	case ast.ListKind:
		w.exprs(e.AsList().Elements())
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			w.expr(entry.AsMapEntry().Key())
			w.expr(entry.AsMapEntry().Value())
		}
	case ast.StructKind:
		w.fail(e.ID(), "expressions can't make objects of a type; use a map: {\"key\": value}")
	case ast.ComprehensionKind:
		w.loop(e)
	}
}

func (w *scopeWalk) exprs(es []ast.Expr) {
	for _, e := range es {
		w.expr(e)
	}
}

func (w *scopeWalk) loop(e ast.Expr) {
	c := e.AsComprehension()
	for _, name := range []string{c.IterVar(), c.IterVar2()} {
		if slices.Contains(builtins, name) {
			w.fail(e.ID(), "%q has a meaning already; name the loop's variable something else", name)
		}
	}
	w.exprs([]ast.Expr{c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()})
}

func (w *scopeWalk) fail(id int64, format string, args ...any) {
	w.failed = true
	loc := w.info.GetStartLocation(id)
	offset := int(w.info.ComputeOffset(int32(loc.Line()), int32(loc.Column())))
	w.report(toName(w.source, max(offset, 0)), format, args...)
}

// ident refuses names that mean something elsewhere only.
func (w *scopeWalk) ident(e ast.Expr) {
	at := w.place
	switch name := e.AsIdent(); {
	case at.closed: // the types say it
	case name == "steps" && !at.bare:
		w.fail(e.ID(), "name a step: steps.<id>")
	case slices.Contains([]string{"steps", "run", "incident"}, name) && at.bare:
		w.fail(e.ID(), "%q is not known before the run; only inputs and now are", name)
	case name == "failure" && !at.failure:
		w.fail(e.ID(), "\"failure\" is only known in undo, rollback and finally")
	case name == "incident" && !w.incident:
		w.fail(e.ID(), "\"incident\" is only known in a procedure with an incident block")
	case name == "outputs" && at.outputs == nil:
		w.fail(e.ID(), "\"outputs\" is only known in expect; elsewhere it is steps.<id>.outputs")
	case name == "item" && len(at.vars) == 0:
		w.fail(e.ID(), "\"item\" is only known inside each")
	}
}

// step checks that a step can be seen from here.
func (w *scopeWalk) step(e ast.Expr, field string) {
	id, known := w.idOf(field)
	if slices.Contains(w.place.visible, id) && known {
		return
	}
	if !known {
		id = w.wordAt(e, field)
		w.fail(e.ID(), "no step %q%s", id, hint(id, sortedKeys(w.steps)))
		return
	}
	info := w.steps[id]
	switch {
	case id == w.place.self && w.place.outputs != nil:
		w.fail(e.ID(), "step %q is this one; use outputs", id)
	case id == w.place.self:
		w.fail(e.ID(), "step %q is this one and has not run yet", id)
	case slices.Contains(w.place.siblings, id):
		w.fail(e.ID(), "step %q runs beside this one, so it can't be used here", id)
	case info.each != "":
		w.fail(e.ID(), "step %q is inside each %q; use steps.%s.outputs.items", id, info.each, info.each)
	default:
		w.fail(e.ID(), "step %q comes later", id)
	}
}

// idOf finds the step that an expression's name means.
func (w *scopeWalk) idOf(field string) (string, bool) {
	f, ok := w.names.steps.Field(field)
	return f.jsonName(), ok
}

// wordAt is the unknown id as it was written: with its dashes, which CEL took for a minus.
func (w *scopeWalk) wordAt(e ast.Expr, field string) string {
	loc := w.info.GetStartLocation(e.ID())
	at := toName(w.source, max(int(w.info.ComputeOffset(int32(loc.Line()), int32(loc.Column()))), 0))
	end := at
	for end < len(w.source) && w.source[end] < utf8.RuneSelf && (isWordByte(byte(w.source[end])) || w.source[end] == '-') {
		end++
	}
	word := strings.TrimRight(string(w.source[at:end]), "-")
	if !strings.HasPrefix(word, field) {
		return field
	}
	return word
}

// statuses are the words a step's status is said in, and incidentStates those of an incident's state.
var (
	statuses       = []string{statusPending, "running", statusSucceeded, "failed", "skipped", "cancelled"}
	incidentStates = []string{"open", "acknowledged", "mitigated", "resolved", "aborted"}
)

// status checks what a step's status or an incident's state is compared with: a misspelt word would just
// never hold.
func (w *scopeWalk) status(call ast.CallExpr) {
	if name := call.FunctionName(); name != "_==_" && name != "_!=_" {
		return
	}
	args := call.Args()
	for i, other := range []ast.Expr{args[1], args[0]} {
		what, words := wordsOf(args[i])
		if words == nil || other.Kind() != ast.LiteralKind {
			continue
		}
		if word, ok := other.AsLiteral().(types.String); ok && !slices.Contains(words, string(word)) {
			w.fail(other.ID(), "%q is no %s; there are %s%s", string(word), what, strings.Join(words, ", "), hint(string(word), words))
		}
	}
}

// wordsOf recognises steps.<id>.status and incident.state, and lists what they may be.
func wordsOf(e ast.Expr) (what string, words []string) {
	if e.Kind() != ast.SelectKind {
		return "", nil
	}
	inside := e.AsSelect().Operand()
	switch e.AsSelect().FieldName() {
	case "state":
		if inside.Kind() == ast.IdentKind && inside.AsIdent() == "incident" {
			return "state of an incident", incidentStates
		}
	case "status":
		if inside.Kind() != ast.SelectKind {
			return "", nil
		}
		if root := inside.AsSelect().Operand(); root.Kind() == ast.IdentKind && root.AsIdent() == "steps" {
			return "status of a step", statuses
		}
	}
	return "", nil
}
