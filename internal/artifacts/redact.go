package artifacts

import (
	"bytes"
	"io"
)

// longestLine bounds what Redacting holds back while it waits for a line's end.
const longestLine = 1 << 20

// Redacting writes what it is given line by line to another writer, each line having gone through redact
// (nil: unchanged). Call the function it returns when all is written: the last line may have no end. A line
// of more than 1 MiB is taken as several, so a secret that stands where it is cut would get through.
func Redacting(to io.Writer, redact func(string) string) (w io.Writer, flush func() error) {
	if redact == nil {
		return to, func() error { return nil }
	}
	l := &lines{to: to, redact: redact}
	return l, l.flush
}

type lines struct {
	to     io.Writer
	redact func(string) string
	held   []byte
}

func (l *lines) Write(p []byte) (int, error) {
	l.held = append(l.held, p...)
	end := bytes.LastIndexByte(l.held, '\n') + 1
	if end == 0 && len(l.held) < longestLine {
		return len(p), nil
	}
	if end == 0 {
		end = len(l.held)
	}
	if err := l.pass(l.held[:end]); err != nil {
		return 0, err
	}
	l.held = append(l.held[:0], l.held[end:]...)
	return len(p), nil
}

func (l *lines) flush() error {
	defer func() { l.held = nil }()
	return l.pass(l.held)
}

func (l *lines) pass(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	_, err := io.WriteString(l.to, l.redact(string(text)))
	return err
}
