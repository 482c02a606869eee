package facts

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
)

// errNoJSON says that a record was cut short or overwritten.
var errNoJSON = errors.New("it is not JSON")

// pick leaves the named members of an object, in their order, and drops the others unread. Decoding a record
// for a few of its members takes four times as long as checking it and passing over the rest.
func pick(data []byte, names ...string) ([]byte, error) {
	if !json.Valid(data) {
		return nil, errNoJSON
	}
	data = bytes.TrimSpace(data)
	if data[0] != '{' {
		return nil, errors.New("it is not a JSON object")
	}
	out := []byte{'{'}
	for at := next(data, 1); data[at] != '}'; {
		end := pass(data, at) // the member's name
		name := data[at:end]
		from := next(data, next(data, end)+1) // after the colon
		end = pass(data, from)
		if slices.Contains(names, unquoted(name)) {
			if len(out) > 1 {
				out = append(out, ',')
			}
			out = append(append(append(out, name...), ':'), data[from:end]...)
		}
		if at = next(data, end); data[at] == ',' {
			at = next(data, at+1)
		}
	}
	return append(out, '}'), nil
}

// unquoted is a member's name without its quotation marks.
func unquoted(name []byte) string {
	plain := string(name[1 : len(name)-1])
	if bytes.IndexByte(name, '\\') >= 0 {
		_ = json.Unmarshal(name, &plain) // it is valid
	}
	return plain
}

// next is where the next thing that is not space stands.
func next(data []byte, at int) int {
	for data[at] == ' ' || data[at] == '\n' || data[at] == '\t' || data[at] == '\r' {
		at++
	}
	return at
}

// pass is where the value that begins here ends. It relies on data being valid.
func pass(data []byte, at int) int {
	depth := 0
	for {
		switch data[at] {
		case '"':
			at = passText(data, at)
		case '{', '[':
			depth++
			at++
		case '}', ']':
			depth--
			at++
		case ',', ':', ' ', '\n', '\t', '\r':
			at++
		default: // a number or word
			for !bytes.ContainsRune([]byte(",]} \n\t\r"), rune(data[at])) {
				at++
			}
		}
		if depth == 0 {
			return at
		}
	}
}

// passText is where the text that begins here ends.
func passText(data []byte, at int) int {
	for at++; ; at++ {
		at += bytes.IndexByte(data[at:], '"')
		escaped := 0
		for data[at-1-escaped] == '\\' {
			escaped++
		}
		if escaped%2 == 0 {
			return at + 1
		}
	}
}
