package slack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	api "github.com/slack-go/slack"

	"github.com/orderly-ops/orderly/activities/notify"
)

// boardBack is how far before a board's message an earlier one of it is looked for: one of a try whose
// answer was lost, and of which nothing else is known.
const boardBack = 24 * time.Hour

// mark is what a board's ref says: "channel/ts", and with events "channel/ts/n/ts of event n".
type mark struct {
	spot
	n    int    // the last event in the thread
	last string // its ts; "" when the thread has to be read from its beginning
}

func (m mark) String() string {
	if m.ts == "" {
		return ""
	}
	if m.n == 0 {
		return m.spot.String()
	}
	return fmt.Sprintf("%s/%d/%s", m.spot, m.n, m.last)
}

// parseMark reads a ref. What is none is as if there were no message yet: it is looked for.
func parseMark(ref string) mark {
	parts := strings.Split(ref, "/")
	switch {
	case len(parts) == 2 && parts[0] != "" && parts[1] != "":
		return mark{spot: spot{channel: parts[0], ts: parts[1]}}
	case len(parts) == 4 && parts[0] != "" && parts[1] != "":
		n, err := strconv.Atoi(parts[2])
		if err != nil || n < 0 {
			return mark{}
		}
		return mark{spot: spot{channel: parts[0], ts: parts[1]}, n: n, last: parts[3]}
	default:
		return mark{}
	}
}

// Show brings a board up to date: its message, then its thread.
func (s *Slack) Show(ctx context.Context, b notify.Board) (string, error) {
	at, fresh, err := s.showMessage(ctx, b)
	if err != nil {
		return b.Ref, err
	}
	at, err = s.addEvents(ctx, b, at, fresh)
	return at.String(), err
}

// showMessage edits the board's message, or posts it if there is none. fresh says that it was posted, so
// that nothing can be in its thread.
func (s *Slack) showMessage(ctx context.Context, b notify.Board) (at mark, fresh bool, err error) {
	at = parseMark(b.Ref)
	p := post{to: venue{name: b.Channel.Slack}, id: b.Message.ID + "@" + b.Channel.ID, content: render(b.Message)}
	if at.ts != "" {
		gone, err := s.edit(ctx, at.spot, p)
		if err != nil || !gone {
			return at, false, err
		}
		at = mark{n: at.n} // what is in the thread of a deleted message is not told again
	}
	found, err := s.earlier(ctx, b, &p)
	if err != nil {
		return at, false, err
	}
	if found.ts != "" {
		gone, err := s.edit(ctx, found, p)
		if err != nil || !gone {
			at.spot = found
			return at, false, err
		}
	}
	at.spot, err = s.post(ctx, p)
	return at, true, err
}

// earlier looks for the board's message, and finds out the channel's id for the post. Where Orderly may
// not read the channel it finds nothing: posting says what is wrong, if it matters.
func (s *Slack) earlier(ctx context.Context, b notify.Board, p *post) (spot, error) {
	where, err := s.conversation(ctx, b.Channel.Slack)
	var found spot
	if err == nil {
		p.to = where
		found, err = s.find(ctx, where, p.id, b.Message.At.Add(-boardBack))
	}
	if isPermanent(err) {
		return spot{}, nil
	}
	return found, err
}

// addEvents posts the events that are not in the thread yet, in order. The mark is right even beside an
// error.
func (s *Slack) addEvents(ctx context.Context, b notify.Board, at mark, fresh bool) (mark, error) {
	due := slices.DeleteFunc(slices.Clone(b.Events), func(e notify.Event) bool { return e.N <= at.n })
	slices.SortStableFunc(due, func(a, b notify.Event) int { return cmp.Compare(a.N, b.N) })
	if len(due) == 0 {
		return at, nil
	}
	there := map[string]string{}
	if !fresh {
		var err error
		if there, err = s.thread(ctx, b.Channel.Slack, at); err != nil {
			return at, err
		}
	}
	for _, e := range due {
		if e.N == at.n {
			continue // the same event twice in one board
		}
		id := fmt.Sprintf("%s:%d", b.Message.Run, e.N)
		ts, ok := there[id]
		if !ok {
			reply, err := s.post(ctx, post{to: venue{name: b.Channel.Slack, id: at.channel}, thread: at.ts, id: id, content: event(e)})
			if err != nil {
				return at, err
			}
			ts = reply.ts
		}
		at.n, at.last = e.N, ts
	}
	return at, nil
}

// thread reads what of ours is in a board's thread after its mark: time stamps by id. A thread that may
// not be read counts as empty.
func (s *Slack) thread(ctx context.Context, name string, at mark) (map[string]string, error) {
	ask := api.GetConversationRepliesParameters{
		ChannelID: at.channel, Timestamp: at.ts, Oldest: at.last, Limit: pageSize, IncludeAllMetadata: true,
	}
	there := map[string]string{}
	for {
		var page []api.Message
		call := op{method: "conversations.replies", place: name, expect: []string{"thread_not_found"}}
		err := s.do(ctx, call, func(ctx context.Context) (err error) {
			page, _, ask.Cursor, err = s.client.GetConversationRepliesContext(ctx, &ask)
			return err
		})
		if code := expected(""); errors.As(err, &code) {
			return nil, fmt.Errorf("slack %s: somebody deleted the message just now", call) // it is posted anew next time
		}
		if isPermanent(err) {
			return there, nil
		}
		if err != nil {
			return nil, err
		}
		for i := range page {
			if id := idOf(&page[i]); id != "" {
				there[id] = page[i].Timestamp
			}
		}
		if ask.Cursor == "" {
			return there, nil
		}
	}
}
