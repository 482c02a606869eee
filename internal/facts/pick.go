package facts

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
)

// errNoJSON says that a record was cut short or overwritten.
var errNoJSON = errors.New("it is not JSON")

// pick leaves the named members of an object, in their order, and drops the others once they are known to be
// JSON. Decoding a record for a few of its members takes ten times as long, and encoding/json three times as long
// only to check it: ten thousand records are read when a new version looks for something else in them.
func pick(data []byte, names ...string) ([]byte, error) {
	out := []byte{'{'}
	s := scan{data: data}
	s.space()
	object := s.peek() == '{'
	whole := s.value(0, func(name, value []byte) {
		if slices.Contains(names, unquoted(name)) {
			if len(out) > 1 {
				out = append(out, ',')
			}
			out = append(append(append(out, name...), ':'), value...)
		}
	})
	switch s.space(); {
	case !whole || s.at < len(data):
		return nil, errNoJSON
	case !object:
		return nil, errors.New("it is not a JSON object")
	default:
		return append(out, '}'), nil
	}
}

// unquoted is a member's name without its quotation marks.
func unquoted(name []byte) string {
	plain := string(name[1 : len(name)-1])
	if bytes.IndexByte(name, '\\') >= 0 {
		_ = json.Unmarshal(name, &plain) // it is valid
	}
	return plain
}

// deepest is how deep values may be nested; encoding/json goes no deeper either.
const deepest = 10_000

// scan goes through JSON text. Each method takes one thing off it and says whether that is there and right.
type scan struct {
	data []byte
	at   int
}

// peek is the next byte; 0, which begins nothing, at the end.
func (s *scan) peek() byte {
	if s.at < len(s.data) {
		return s.data[s.at]
	}
	return 0
}

func (s *scan) space() {
	for s.at < len(s.data) && (s.data[s.at] == ' ' || s.data[s.at] == '\n' || s.data[s.at] == '\t' || s.data[s.at] == '\r') {
		s.at++
	}
}

// sign takes a byte and the space around it.
func (s *scan) sign(c byte) bool {
	s.space()
	if s.peek() != c {
		return false
	}
	s.at++
	s.space()
	return true
}

// value takes any value; member, unless it is nil, is given the members of an object.
func (s *scan) value(depth int, member func(name, value []byte)) bool {
	switch c := s.peek(); {
	case c == '"':
		return s.text()
	case c == '{' && depth < deepest:
		return s.object(depth, member)
	case c == '[' && depth < deepest:
		return s.array(depth)
	case c == '-' || '0' <= c && c <= '9':
		return s.number()
	default:
		return s.word("null") || s.word("true") || s.word("false")
	}
}

func (s *scan) object(depth int, member func(name, value []byte)) bool {
	for open := s.sign('{'); !s.end('}'); open = false {
		if !open && !s.sign(',') {
			return false
		}
		name := s.at
		if s.peek() != '"' || !s.text() {
			return false
		}
		named := s.at
		if !s.sign(':') {
			return false
		}
		value := s.at
		if !s.value(depth+1, nil) {
			return false
		}
		if member != nil {
			member(s.data[name:named], s.data[value:s.at])
		}
	}
	return true
}

func (s *scan) array(depth int) bool {
	for open := s.sign('['); !s.end(']'); open = false {
		if !open && !s.sign(',') || !s.value(depth+1, nil) {
			return false
		}
	}
	return true
}

// end takes the byte that closes an object or an array, but no space after it.
func (s *scan) end(c byte) bool {
	s.space()
	if s.peek() != c {
		return false
	}
	s.at++
	return true
}

// text takes a string.
func (s *scan) text() bool {
	for s.at++; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; {
		case c == '"':
			s.at++
			return true
		case c < ' ':
			return false
		case c == '\\':
			if !s.escape() {
				return false
			}
		}
	}
	return false
}

// escape goes to the last byte of an escape.
func (s *scan) escape() bool {
	s.at++
	if s.peek() != 'u' {
		return s.at < len(s.data) && bytes.IndexByte([]byte(`"\/bfnrt`), s.data[s.at]) >= 0
	}
	for range 4 {
		s.at++
		c := s.peek() | 0x20 // in lower case
		if s.at >= len(s.data) || (s.data[s.at] < '0' || s.data[s.at] > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func (s *scan) number() bool {
	if s.peek() == '-' {
		s.at++
	}
	if s.peek() == '0' {
		s.at++
	} else if !s.digits() {
		return false
	}
	if s.peek() == '.' {
		s.at++
		if !s.digits() {
			return false
		}
	}
	if s.peek()|0x20 != 'e' {
		return true
	}
	s.at++
	if c := s.peek(); c == '+' || c == '-' {
		s.at++
	}
	return s.digits()
}

// digits takes at least one.
func (s *scan) digits() bool {
	from := s.at
	for c := s.peek(); '0' <= c && c <= '9'; c = s.peek() {
		s.at++
	}
	return s.at > from
}

func (s *scan) word(w string) bool {
	if !bytes.HasPrefix(s.data[s.at:], []byte(w)) {
		return false
	}
	s.at += len(w)
	return true
}
