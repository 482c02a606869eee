package sops

import (
	"fmt"
	"slices"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"
)

// Bounds on what one evaluation may cost. A unit of cost is about a step of the evaluation; the limit is
// far above any sane expression over a thousand items and stays well under a second.
const (
	maxCost           = 500_000
	maxLoopNesting    = 3
	maxExpressionTree = 60 // depth
	maxExpressionSize = 2_000
	maxRange          = 10_000
	maxRegexProgram   = 2_000
)

// language is CEL as procedures use it: without variables, which every procedure adds. It is made once and
// never changed.
var language = sync.OnceValue(func() *cel.Env {
	env, err := cel.NewCustomEnv(
		cel.StdLib(),
		cel.CustomTypeAdapter(adapter{}),
		cel.CrossTypeNumericComparisons(true),
		cel.EagerlyValidateDeclarations(true),
		cel.DefaultUTCTimeZone(true),
		ext.Strings(ext.StringsVersion(4)),
		ext.Lists(ext.ListsMaxRangeSize(maxRange)),
		ext.Math(),
		ext.Sets(),
		ext.TwoVarComprehensions(),
		withoutMapBuilders,
		ownFunctions(),
		cel.ParserRecursionLimit(maxExpressionTree),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ExpressionNodeLimit(maxExpressionSize),
		cel.RegexProgramSizeLimit(maxRegexProgram),
		cel.ASTValidators(
			cel.ValidateComprehensionNestingLimit(maxLoopNesting),
			cel.ValidateDurationLiterals(),
			cel.ValidateTimestampLiterals(),
			cel.ValidateRegexLiterals(),
		),
	)
	if err != nil {
		panic(fmt.Sprintf("expression language: %v", err)) // a programming error, seen by every test
	}
	return env
})

// withoutMapBuilders takes away the macros that build maps: their result iterates in random order.
func withoutMapBuilders(env *cel.Env) (*cel.Env, error) {
	kept := slices.DeleteFunc(env.Macros(), func(m cel.Macro) bool {
		return m.Function() == "transformMap" || m.Function() == "transformMapEntry"
	})
	env, err := cel.ClearMacros()(env)
	if err != nil {
		return nil, err
	}
	return cel.Macros(kept...)(env)
}
