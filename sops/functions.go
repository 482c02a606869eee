package sops

import (
	"math"
	"strconv"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Function is a function expressions can call, for the reference.
type Function struct {
	Name, Use, Doc string
}

// Functions lists what expressions can call beyond the operators: CEL's standard functions and its string,
// list, math and set extensions by their most useful members, and Orderly's own. All of them give the same
// answer whenever they are called.
func Functions() []Function {
	return []Function{
		{"size", `size(list)`, "How many items a list or map has, or characters a text."},
		{"has", `has(steps.dump.outputs.key)`, "Whether a member is there: false when the step has no outputs."},
		{"exists", `list.exists(x, x.ok)`, "Whether it holds for any item; with two variables (i, x) or (key, value) for maps."},
		{"all", `list.all(x, x.ok)`, "Whether it holds for every item."},
		{"filter", `list.filter(x, !x.ok)`, "The items it holds for."},
		{"map", `list.map(x, x.name)`, "What it gives for every item."},
		{"join", `list.join(", ")`, "One text of a list of texts."},
		{"contains", `text.contains("x")`, "Whether a text has another in it; also startsWith, endsWith, matches (RE2)."},
		{"split", `text.split(",")`, "The parts of a text; also trim, lowerAscii, upperAscii, replace, substring."},
		{"format", `"%s: %d".format([name, n])`, "A text with values put in."},
		{"sort", `list.sort()`, "A list in order; also distinct, flatten, slice, reverse, sortBy."},
		{"math.greatest", `math.greatest(a, b)`, "The largest; also math.least, math.abs, math.ceil, math.floor, math.round."},
		{"sets.contains", `sets.contains(a, b)`, "Whether one list has every item of another; also sets.intersects, sets.equivalent."},
		{"int", `int(1.7)`, "A whole number; also double, string, bool, duration(\"90s\"), timestamp(\"2026-11-21T00:00:00Z\")."},
		{"fixed", `fixed(3.14159, 1)`, "A number as text with so many digits after the point: \"3.1\"."},
		{"percent", `percent(0.873)`, "A share of one as text in percent: \"87%\"."},
		{"bytes_text", `bytes_text(1610612736)`, "A number of bytes as text: \"1.5 GiB\"."},
		{"duration_text", `duration_text(now - run.started)`, "A duration as text, to the second: \"1h30m\"."},
	}
}

// ownFunctions declares what Functions documents as Orderly's own.
func ownFunctions() cel.EnvOption {
	number := []*cel.Type{cel.DoubleType, cel.IntType}
	var opts []cel.EnvOption
	for _, t := range number {
		opts = append(opts,
			cel.Function("fixed", cel.Overload("fixed_"+t.String(), []*cel.Type{t, cel.IntType}, cel.StringType, cel.BinaryBinding(fixed))),
			cel.Function("percent", cel.Overload("percent_"+t.String(), []*cel.Type{t}, cel.StringType, cel.UnaryBinding(percent))),
			cel.Function("bytes_text", cel.Overload("bytes_text_"+t.String(), []*cel.Type{t}, cel.StringType, cel.UnaryBinding(bytesText))),
		)
	}
	opts = append(opts, cel.Function("duration_text",
		cel.Overload("duration_text_duration", []*cel.Type{cel.DurationType}, cel.StringType, cel.UnaryBinding(durationText))))
	return func(env *cel.Env) (*cel.Env, error) {
		for _, o := range opts {
			var err error
			if env, err = o(env); err != nil {
				return nil, err
			}
		}
		return env, nil
	}
}

func toFloat(v ref.Val) float64 {
	switch n := v.(type) {
	case types.Int:
		return float64(n)
	case types.Double:
		return float64(n)
	}
	return math.NaN()
}

func fixed(v, digits ref.Val) ref.Val {
	const most = 12
	n, ok := digits.(types.Int)
	if !ok || n < 0 || n > most {
		return types.NewErr("fixed: digits have to be 0 to %d", most)
	}
	return types.String(strconv.FormatFloat(toFloat(v), 'f', int(n), 64))
}

func percent(v ref.Val) ref.Val {
	return types.String(strconv.FormatFloat(toFloat(v)*100, 'f', 0, 64) + "%")
}

func bytesText(v ref.Val) ref.Val {
	const unit = 1024
	n, units := toFloat(v), []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	i := 0
	for math.Abs(n) >= unit && i < len(units)-1 {
		n, i = n/unit, i+1
	}
	digits := 1
	if i == 0 || n == math.Trunc(n) {
		digits = 0
	}
	return types.String(strconv.FormatFloat(n, 'f', digits, 64) + " " + units[i])
}

func durationText(v ref.Val) ref.Val {
	d, ok := v.(types.Duration)
	if !ok {
		return types.MaybeNoSuchOverloadErr(v)
	}
	return types.String(Duration(d.Round(time.Second)).String())
}
