package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// maxListed and maxDigest bound a digest, in lines and bytes: it is to be read, and Slack takes
	// 3,000 characters in a block.
	maxListed = 15
	maxDigest = 2800
	// maxDigestHeadline bounds a headline within a digest, in bytes.
	maxDigestHeadline = 160
)

// maxDigests bounds how many digests go out at once for one recipient. Only beyond these are incidents
// counted and not named.
const maxDigests = 5

// flush sends what was gathered for a recipient: a digest, or some when there is too much for one.
func (h *Hub) flush(flights []*flight) {
	for _, part := range portions(flights) {
		h.handOut(h.unsent(part))
	}
}

// portions divides what was gathered into digests that can name every thread, the gravest threads first.
func portions(flights []*flight) [][]*flight {
	messages := make([]Message, len(flights))
	for i, f := range flights {
		messages[i] = f.Message
	}
	place := map[string]int{} // of a thread
	for i, m := range latestOfThreads(messages) {
		place[m.Thread] = min(i/maxListed, maxDigests-1)
	}
	parts := make([][]*flight, min((len(place)+maxListed-1)/maxListed, maxDigests))
	for _, f := range flights {
		i := place[f.Message.Thread]
		parts[i] = append(parts[i], f)
	}
	return parts
}

// digestOf makes one delivery of many. The same ones make the same delivery.
func digestOf(flights []*flight) Delivery {
	messages, ids, again := make([]Message, len(flights)), make([]string, len(flights)), false
	for i, f := range flights {
		messages[i], ids[i] = f.Message, f.ID
		again = again || f.Again
	}
	slices.Sort(ids)
	sum := sha256.Sum256([]byte(strings.Join(ids, "\n")))
	m := Digest(messages)
	m.ID = "digest-" + hex.EncodeToString(sum[:12])
	to := flights[0].To
	m.Thread = "digest/" + to.ID
	return Delivery{ID: DeliveryID(m, to, flights[0].via.Name()), To: to, Message: m, Again: again}
}

// Digest is one message in place of many: a line for each thread, the gravest and oldest first, with how
// to acknowledge it. ID and Thread are left to the caller.
func Digest(messages []Message) Message {
	latest := latestOfThreads(messages)
	m := Message{
		Kind:     KindDigest,
		Headline: headline(len(messages), latest),
		Commands: []string{"orderly inbox"},
		Severity: latest[0].Severity,
		Drill:    !slices.ContainsFunc(latest, func(m Message) bool { return !m.Drill }),
		At:       latest[0].At,
	}
	size := 0
	for i, one := range latest {
		line := digestLine(one, m.Drill)
		if size += len(line); i == maxListed || size > maxDigest && i > 0 {
			m.Lines = append(m.Lines, fmt.Sprintf("and %d more: orderly inbox", len(latest)-i))
			break
		}
		m.Lines = append(m.Lines, line)
		m.At = later(m.At, one.At)
	}
	return m
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// latestOfThreads keeps the last message of each thread, the gravest first, then the oldest.
func latestOfThreads(messages []Message) []Message {
	place := map[string]int{}
	var latest []Message
	for _, m := range messages {
		if i, seen := place[m.Thread]; seen && m.Thread != "" {
			latest[i] = m
			continue
		}
		place[m.Thread] = len(latest)
		latest = append(latest, m)
	}
	slices.SortStableFunc(latest, func(a, b Message) int {
		if a.Severity == b.Severity {
			return a.At.Compare(b.At)
		}
		// Scales count upwards from the gravest. Without one: last.
		return strings.Compare(orLast(a.Severity), orLast(b.Severity))
	})
	return latest
}

func orLast(severity string) string {
	if severity == "" {
		return "\xff"
	}
	return severity
}

func headline(messages int, latest []Message) string {
	if messages == len(latest) {
		return fmt.Sprintf("%d matters need you%s", messages, grades(latest))
	}
	return fmt.Sprintf("%d messages about %d matters%s", messages, len(latest), grades(latest))
}

// grades counts severities: ": 2 P0, 5 P1".
func grades(latest []Message) string {
	var parts []string
	for i := 0; i < len(latest); {
		grade, n := latest[i].Severity, 0
		for ; i < len(latest) && latest[i].Severity == grade; i++ {
			n++
		}
		if grade != "" {
			parts = append(parts, fmt.Sprintf("%d %s", n, grade))
		}
	}
	if parts == nil {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}

// digestLine is one message in a line: "P1 API down — orderly ack emergency-response/api".
func digestLine(m Message, allDrills bool) string {
	line := cutText(strings.TrimSpace(m.Severity+" "+m.Headline), maxDigestHeadline)
	if m.Drill && !allDrills {
		line = "[drill] " + line
	}
	switch {
	case len(m.Commands) > 0:
		line += " — " + m.Commands[0]
	case m.Body != "": // a status update is nothing without it
		line += " — " + cutText(strings.Join(strings.Fields(m.Body), " "), maxDigestHeadline)
	}
	return line
}

// cutText cuts a text to so many bytes, between characters.
func cutText(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}
