package sops

import (
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/functions"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// CEL charges for a call when it is done. That is too late for calls whose work grows faster than their
// arguments, so those are looked at before.
const (
	maxCells   = 100_000   // values in one argument, all that is inside counted
	maxBytes   = 1 << 20   // of text that one call may make
	maxPairs   = 4_000_000 // comparisons of one call
	maxSubject = 64 << 10  // of a text searched by a regular expression
)

// guards says, by function, why a call is too large; nothing when it is not.
var guards = map[string]func(args []ref.Val) bool{
	"_+_": func(a []ref.Val) bool {
		return textLen(a[0])+textLen(a[1]) <= maxBytes && length(a[0])+length(a[1]) <= maxCells
	},
	"@in":             func(a []ref.Val) bool { return cells(a[1], maxCells) < maxCells },
	"join":            func(a []ref.Val) bool { return joined(a) <= maxBytes },
	"format":          func(a []ref.Val) bool { return joined(a[1:]) <= maxBytes && cells(a[1], maxCells) < maxCells },
	"replace":         func(a []ref.Val) bool { return replaced(a) <= maxBytes },
	"indexOf":         func(a []ref.Val) bool { return textLen(a[0])*textLen(a[1]) <= 10*maxPairs },
	"lastIndexOf":     func(a []ref.Val) bool { return textLen(a[0])*textLen(a[1]) <= 10*maxPairs },
	"matches":         func(a []ref.Val) bool { return textLen(a[0]) <= maxSubject },
	"flatten":         func(a []ref.Val) bool { return cells(a[0], maxCells) < maxCells },
	"distinct":        func(a []ref.Val) bool { return length(a[0])*cells(a[0], maxCells) <= maxPairs },
	"sets.contains":   pairs,
	"sets.intersects": pairs,
	"sets.equivalent": pairs,
}

const tooLarge = "%s: what it is given is too large"

func pairs(a []ref.Val) bool { return cells(a[0], maxCells)*cells(a[1], maxCells) <= maxPairs }

// guarded are the functions of guards, looking before they work.
var guarded = sync.OnceValue(func() []*functions.Overload {
	var out []*functions.Overload
	for name, fits := range guards {
		decl := language().Functions()[name]
		overloads, err := decl.Bindings()
		if err != nil || len(overloads) == 0 {
			panic("expression language: no function " + name)
		}
		for _, o := range overloads {
			out = append(out, guardOverload(*o, name, fits))
		}
	}
	return out
})

func guardOverload(o functions.Overload, name string, fits func([]ref.Val) bool) *functions.Overload {
	if op := o.Unary; op != nil {
		o.Unary = func(v ref.Val) ref.Val {
			if !fits([]ref.Val{v}) {
				return types.NewErr(tooLarge, name)
			}
			return op(v)
		}
	}
	if op := o.Binary; op != nil {
		o.Binary = func(a, b ref.Val) ref.Val {
			if !fits([]ref.Val{a, b}) {
				return types.NewErr(tooLarge, name)
			}
			return op(a, b)
		}
	}
	if op := o.Function; op != nil {
		o.Function = func(args ...ref.Val) ref.Val {
			if !fits(args) {
				return types.NewErr(tooLarge, name)
			}
			return op(args...)
		}
	}
	return &o
}

func textLen(v ref.Val) int {
	switch s := v.(type) {
	case types.String:
		return len(s)
	case types.Bytes:
		return len(s)
	}
	return 0
}

func length(v ref.Val) int {
	if s, ok := v.(traits.Sizer); ok && textLen(v) == 0 {
		if n, ok := s.Size().(types.Int); ok {
			return int(n)
		}
	}
	return 0
}

// joined is how much text there is in lists of texts.
func joined(args []ref.Val) int {
	total := 0
	for _, a := range args {
		l, ok := a.(traits.Lister)
		if !ok {
			total += textLen(a)
			continue
		}
		for i := range length(l) {
			if total += textLen(l.Get(types.Int(i))) + 1; total > maxBytes {
				return total
			}
		}
	}
	return total
}

// replaced is how long the result of replace(text, old, new) is.
func replaced(a []ref.Val) int {
	text, _ := a[0].(types.String)
	old, _ := a[1].(types.String)
	return len(text) + strings.Count(string(text), string(old))*textLen(a[2])
}

// cells counts the values inside a value, itself included, and gives up at most. A shared part counts as
// often as it is there.
func cells(v ref.Val, most int) int {
	n := 1 + textLen(v)/64
	switch x := v.(type) {
	case traits.Lister:
		for i := 0; i < length(x) && n < most; i++ {
			n += cells(x.Get(types.Int(i)), most-n)
		}
	case traits.Mapper:
		for it := x.Iterator(); it.HasNext() == types.True && n < most; {
			n += 1 + cells(x.Get(it.Next()), most-n)
		}
	case *object:
		for i := 0; i < len(x.typ.Fields) && n < most && x.absent == ""; i++ {
			n += cells(x.member(x.typ.Fields[i]), most-n)
		}
	}
	return min(n, most)
}

// costs charges a call for the text and the items it is given, which CEL often takes as free.
type costs struct{}

// CallCost implements cost.ActualCostEstimator.
func (costs) CallCost(function, _ string, args []ref.Val, _ ref.Val) *uint64 {
	const bytesAUnit = 32
	total := uint64(1)
	if function == "matches" && len(args) > 1 {
		const compiling = 20 // of a pattern, by its characters, and then going over the text with it
		total += uint64(compiling*(1+textLen(args[1])) + textLen(args[0])/4)
	}
	_, looks := guards[function]
	looks = looks && function != "_+_" // which copies nothing, and builds the lists of map and filter
	for _, a := range args {
		total += uint64(textLen(a) / bytesAUnit)
		if looks {
			total += uint64(length(a))
		}
	}
	return &total
}

// decorate changes how two kinds of node are evaluated: map literals iterate in order, and equality looks
// at sizes before it compares.
func decorate(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	switch node := i.(type) {
	case interpreter.InterpretableConstructor:
		if node.Type() == types.MapType {
			return sortedLiteral{node}, nil
		}
	case interpreter.InterpretableCall:
		if node.Function() == "_==_" || node.Function() == "_!=_" {
			return equality{node}, nil
		}
	}
	return i, nil
}

// sortedLiteral is a map literal.
type sortedLiteral struct {
	interpreter.InterpretableConstructor
}

// Exec implements interpreter.InterpretableV2.
func (l sortedLiteral) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	v := l.InterpretableConstructor.Exec(frame)
	if m, ok := v.(traits.Mapper); ok {
		return sortMap(m)
	}
	return v
}

// Eval implements interpreter.Interpretable.
func (l sortedLiteral) Eval(vars interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(vars, l.Exec)
}

// equality is == or !=.
type equality struct {
	interpreter.InterpretableCall
}

// Exec implements interpreter.InterpretableV2.
func (e equality) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	left, right := e.Args()[0].Exec(frame), e.Args()[1].Exec(frame)
	res := e.compare(left, right)
	if tracker := frame.CostTracker(); tracker != nil {
		tracker.EvalBinary(frame, e.ID(), e, left, right, res)
	}
	return res
}

func (e equality) compare(left, right ref.Val) ref.Val {
	switch {
	case types.IsUnknownOrError(left):
		return left
	case types.IsUnknownOrError(right):
		return right
	case cells(left, maxCells) >= maxCells && cells(right, maxCells) >= maxCells:
		return types.NewErr(tooLarge, operatorName(e.Function()))
	}
	res := types.Equal(left, right)
	if b, ok := res.(types.Bool); ok && e.Function() == "_!=_" {
		return !b
	}
	return res
}

// Eval implements interpreter.Interpretable.
func (e equality) Eval(vars interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(vars, e.Exec)
}

// planOptions are how expressions are evaluated.
var planOptions = sync.OnceValue(func() []cel.ProgramOption {
	return []cel.ProgramOption{
		cel.EvalOptions(cel.OptTrackCost), // not OptOptimize: it takes the guard off matches
		cel.CostTracking(costs{}),
		cel.CostLimit(maxCost),
		cel.Functions(guarded()...), //nolint:staticcheck // the only way to put a function around one that is there
		cel.CustomDecoratorV2(decorate),
	}
})
