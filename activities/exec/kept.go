package exec

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// kept is a writer that keeps the first and the last part of what is written, however much that is.
type kept struct {
	head  []byte
	tail  []byte // a ring once it is full
	next  int    // where the ring goes on
	half  int
	total int64
}

// newKept keeps up to limit bytes.
func newKept(limit int) *kept { return &kept{half: max(1, limit/2)} }

// Write never fails: a command must not be stopped by how much it says.
func (k *kept) Write(p []byte) (int, error) {
	n := len(p)
	k.total += int64(n)
	room := min(k.half-len(k.head), len(p))
	k.head = append(k.head, p[:room]...)
	p = p[room:]
	if len(p) > k.half {
		p = p[len(p)-k.half:]
	}
	room = min(k.half-len(k.tail), len(p))
	k.tail = append(k.tail, p[:room]...)
	for p = p[room:]; len(p) > 0; {
		written := copy(k.tail[k.next:], p)
		k.next = (k.next + written) % k.half
		p = p[written:]
	}
	return n, nil
}

// leftOut is how many bytes are not kept.
func (k *kept) leftOut() int64 { return k.total - int64(len(k.head)) - int64(len(k.tail)) }

// String is what is kept, as valid UTF-8; in place of what is not, a line says how much that was.
func (k *kept) String() string {
	tail := string(k.tail[k.next:]) + string(k.tail[:k.next])
	if k.leftOut() == 0 {
		return strings.ToValidUTF8(string(k.head)+tail, "\uFFFD")
	}
	head := withoutCutEnd(string(k.head))
	tail = withoutCutStart(tail)
	missing := k.total - int64(len(head)) - int64(len(tail))
	return strings.ToValidUTF8(fmt.Sprintf("%s\n[… %d bytes left out …]\n%s", head, missing, tail), "\uFFFD")
}

// withoutCutEnd drops the beginning of a character whose rest was left out.
func withoutCutEnd(s string) string {
	for i := 1; i < utf8.UTFMax && i <= len(s); i++ {
		if c := s[len(s)-i]; utf8.RuneStart(c) {
			if !utf8.FullRuneInString(s[len(s)-i:]) {
				return s[:len(s)-i]
			}
			break
		}
	}
	return s
}

// withoutCutStart drops the rest of a character whose beginning was left out.
func withoutCutStart(s string) string {
	for i := 0; i < utf8.UTFMax-1 && len(s) > 0 && !utf8.RuneStart(s[0]); i++ {
		s = s[1:]
	}
	return s
}
