package sops

import "strings"

// dashed rewrites ids with dashes into the names CEL knows, keeping the length so that places stay true:
// `steps.restart-api.outputs` → `steps.restart_api.outputs`. Only ids that exist are touched, the longest
// first, so that `inputs.a-inputs.b` stays a difference. Texts and comments are left alone.
type dashed struct {
	steps, inputs, vars []string // only those with a dash, longest first
}

func (d dashed) none() bool { return len(d.steps)+len(d.inputs)+len(d.vars) == 0 }

func (d dashed) rewrite(src string) string {
	if d.none() || !strings.Contains(src, "-") {
		return src
	}
	out := []byte(src)
	for i := 0; i < len(src); {
		switch c := src[i]; {
		case c == '\'' || c == '"':
			i = skipString(src, i)
		case strings.HasPrefix(src[i:], "//"):
			return string(out[:i]) + untilLineEnd(src[i:]) + d.rewrite(src[i+len(untilLineEnd(src[i:])):])
		case isWordByte(c):
			i = d.word(src, i, out)
		default:
			i++
		}
	}
	return string(out)
}

func untilLineEnd(s string) string {
	if n := strings.IndexByte(s, '\n'); n >= 0 {
		return s[:n]
	}
	return s
}

// word looks at the name that begins at i and gives its end.
func (d dashed) word(src string, i int, out []byte) int {
	afterDot := i > 0 && src[i-1] == '.'
	end := i
	for end < len(src) && isWordByte(src[end]) {
		end++
	}
	if !afterDot {
		if n := replace(src, i, out, d.vars); n > 0 {
			return i + n
		}
	}
	if end >= len(src) || src[end] != '.' {
		return end
	}
	var ids []string
	switch src[i:end] {
	case "steps":
		ids = d.steps
	case "inputs":
		if !afterDot {
			ids = d.inputs
		}
	}
	return end + 1 + replace(src, end+1, out, ids)
}

// replace puts underscores into the id at i, when one stands there, and gives its length.
func replace(src string, i int, out []byte, ids []string) int {
	for _, id := range ids {
		rest, ok := strings.CutPrefix(src[i:], id)
		if !ok || rest != "" && isWordByte(rest[0]) {
			continue
		}
		copy(out[i:], identifier(id))
		return len(id)
	}
	return 0
}

func isWordByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
