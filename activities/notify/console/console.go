// Package console prints messages where the worker runs. It is how Orderly is tried out before a mail
// server or Slack is set up: whoever looks at the terminal counts as told.
package console

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/activities/notify/text"
)

// widest is how many characters of one line are shown.
const widest = 400

// Console prints messages. It is safe for concurrent use.
type Console struct {
	mu sync.Mutex
	w  io.Writer
}

// New prints to w, with one Write for each message.
func New(w io.Writer) *Console { return &Console{w: w} }

// Name is "console".
func (*Console) Name() string { return "console" }

// Reaches is true for everybody.
func (*Console) Reaches(notify.Recipient) bool { return true }

// Digests is true: one pair of eyes reads it all.
func (*Console) Digests() bool { return true }

// Send prints the message. Printing the same delivery again shows it again: a terminal has no memory.
func (c *Console) Send(ctx context.Context, d notify.Delivery) (notify.Receipt, error) {
	if err := ctx.Err(); err != nil {
		return notify.Receipt{}, fmt.Errorf("console: %w", err)
	}
	block := []byte(render(d))
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.w.Write(block); err != nil {
		return notify.Receipt{}, fmt.Errorf("console: %w", err)
	}
	return notify.Receipt{Ref: d.ID}, nil
}

func render(d notify.Delivery) string {
	m := d.Message
	at := m.At
	if at.IsZero() {
		at = time.Now()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s to %s: %s%s\n", at.UTC().Format("2006-01-02 15:04:05Z"), strings.ToUpper(string(m.Kind)),
		recipient(d.To), marks(m), text.Line(m.Headline, widest))
	for _, line := range m.Lines {
		fmt.Fprintf(&b, "  %s\n", text.Line(line, widest))
	}
	if body := text.Lines(m.Body); body != "" {
		for line := range strings.SplitSeq(body, "\n") {
			fmt.Fprintf(&b, "  | %s\n", text.Line(line, widest))
		}
	}
	for _, command := range m.Commands {
		fmt.Fprintf(&b, "  $ %s\n", text.Line(command, widest))
	}
	if m.Link != "" {
		fmt.Fprintf(&b, "  %s\n", text.Line(m.Link, widest))
	}
	return b.String()
}

func recipient(to notify.Recipient) string {
	id, name := text.Line(to.ID, widest), text.Line(to.Name, widest)
	if name == "" || name == id {
		return id
	}
	return fmt.Sprintf("%s (%s)", name, id)
}

// marks come before the headline.
func marks(m notify.Message) string {
	out := ""
	if m.Drill {
		out = "[DRILL] "
	}
	if m.Severity != "" {
		out += "[" + text.Line(m.Severity, 20) + "] "
	}
	return out
}
