package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/notify"
)

// writes counts calls of Write; Console is what makes it safe.
type writes struct {
	bytes.Buffer
	calls int
}

func (w *writes) Write(p []byte) (int, error) {
	w.calls++
	return w.Buffer.Write(p)
}

func page() notify.Delivery {
	return notify.Delivery{
		ID: "d1", To: notify.Recipient{ID: "ann", Name: "Ann"},
		Message: notify.Message{
			Kind: notify.KindPage, Headline: "API down", Severity: "P1", Drill: true,
			Lines: []string{"owner: nobody"}, Body: "first\nsecond",
			Commands: []string{"orderly ack emergency-response/api"}, Link: "https://ui/run",
			At: time.Date(2026, 11, 21, 2, 14, 0, 0, time.UTC),
		},
	}
}

func TestAMessageIsAFewPlainLines(t *testing.T) {
	t.Parallel()
	var out writes
	receipt, err := New(&out).Send(t.Context(), page())
	require.NoError(t, err)
	require.Equal(t, "d1", receipt.Ref)
	require.Equal(t, 1, out.calls)
	require.Equal(t, `2026-11-21 02:14:00Z PAGE to Ann (ann): [DRILL] [P1] API down
  owner: nobody
  | first
  | second
  $ orderly ack emergency-response/api
  https://ui/run
`, out.String())
}

func TestNothingInAMessageCanMoveTheCursor(t *testing.T) {
	t.Parallel()
	const hostile = "x\x1b[2J\r\n\x07\u202ey\x00\u009b31m"
	d := page()
	d.To.Name, d.To.ID = hostile, hostile
	d.Message.Headline, d.Message.Body, d.Message.Link, d.Message.Severity = hostile, hostile, hostile, hostile
	d.Message.Lines, d.Message.Commands = []string{hostile}, []string{hostile}
	var out writes
	_, err := New(&out).Send(t.Context(), d)
	require.NoError(t, err)
	require.NotContains(t, strings.ReplaceAll(out.String(), "\n", ""), "\x1b")
	for _, r := range out.String() {
		require.False(t, r != '\n' && r < ' ' || r == '\u202e' || r == '\u009b', "%q", out.String())
	}
	require.Equal(t, 6, strings.Count(out.String(), "\n"), "%q", out.String())
}

func TestManyMessagesAtOnceDoNotMix(t *testing.T) {
	t.Parallel()
	var out writes
	c := New(&out)
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			d := page()
			d.Message.Headline = fmt.Sprint("incident ", i)
			_, err := c.Send(t.Context(), d)
			require.NoError(t, err)
		})
	}
	all.Wait()
	require.Equal(t, 100, out.calls)
	require.Equal(t, 600, strings.Count(out.String(), "\n"))
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestAWriteThatFailsIsAFailure(t *testing.T) {
	t.Parallel()
	_, err := New(full{}).Send(t.Context(), page())
	require.EqualError(t, err, "console: no space left")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = New(full{}).Send(cancelled, page())
	require.ErrorIs(t, err, context.Canceled)
}

func TestItReachesEverybody(t *testing.T) {
	t.Parallel()
	var transport notify.Transport = New(&writes{})
	require.Equal(t, "console", transport.Name())
	require.True(t, transport.Reaches(notify.Recipient{}))
	digester, ok := transport.(notify.Digester)
	require.True(t, ok && digester.Digests())
}
