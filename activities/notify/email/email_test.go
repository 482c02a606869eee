package email

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/testenv/smtpserver"
)

// setup starts a server and a transport to it.
func setup(t *testing.T, options smtpserver.Options) (*smtpserver.Server, *Email) {
	t.Helper()
	server := smtpserver.Start(t, options)
	return server, transport(t, server.Config())
}

func transport(t *testing.T, c config.Email) *Email {
	t.Helper()
	e, err := New(c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e
}

func delivery(n int) notify.Delivery {
	return notify.Delivery{
		ID: fmt.Sprintf("message-%d/ann/email", n),
		To: notify.Recipient{ID: "ann", Name: "Ann", Email: "ann@example.org"},
		Message: notify.Message{
			ID: fmt.Sprint("message-", n), Kind: notify.KindPage, Headline: fmt.Sprint("API is down ", n), Severity: "P1",
			Lines: []string{"owner: nobody", "next: Bob at 02:19"}, Body: "first line\n  second line",
			Commands: []string{"orderly ack emergency-response/api"}, Link: "https://ui.example.org/run?a=1&b=2",
			Run: "emergency-response/api", Thread: "incident-7", Procedure: "emergency-response", Status: "open",
			Services: []string{"api", "docs"}, At: time.Date(2026, 11, 21, 2, 14, 0, 0, time.UTC),
		},
	}
}

// parts reads a mail back: its header, its plain part, its HTML part.
func parts(t *testing.T, data []byte) (header mail.Header, plain, html string) {
	t.Helper()
	message, err := mail.ReadMessage(bytes.NewReader(data))
	require.NoError(t, err)
	kind, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/alternative", kind)
	found := map[string]string{}
	for reader := multipart.NewReader(message.Body, params["boundary"]); ; {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		require.Equal(t, "quoted-printable", part.Header.Get("Content-Transfer-Encoding"))
		text, err := io.ReadAll(quotedprintable.NewReader(part))
		require.NoError(t, err)
		kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		require.NoError(t, err)
		found[kind] = strings.ReplaceAll(string(text), "\r\n", "\n")
	}
	require.Len(t, found, 2)
	return message.Header, found["text/plain"], found["text/html"]
}

func decoded(t *testing.T, s string) string {
	t.Helper()
	out, err := new(mime.WordDecoder).DecodeHeader(s)
	require.NoError(t, err)
	return out
}

func TestAMailArrivesOverEachKindOfConnection(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"starttls", "tls", "none"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			server, e := setup(t, smtpserver.Options{TLS: kind})
			receipt, err := e.Send(t.Context(), delivery(1))
			require.NoError(t, err)
			got := server.Await(t.Context(), 1)[0]
			require.Equal(t, "orderly@example.org", got.From)
			require.Equal(t, []string{"ann@example.org"}, got.To)
			header, plain, html := parts(t, got.Data)
			require.Equal(t, receipt.Ref, header.Get("Message-ID"))
			require.Equal(t, "[P1] API is down 1", header.Get("Subject"))
			require.Equal(t, `"Ann" <ann@example.org>`, header.Get("To"))
			require.Equal(t, "auto-generated", header.Get("Auto-Submitted"))
			require.Equal(t, "high", header.Get("Importance"))
			at, err := header.Date()
			require.NoError(t, err)
			require.True(t, at.Equal(delivery(1).Message.At))
			for _, want := range []string{"owner: nobody\nnext: Bob at 02:19\n", "first line\n  second line\n", "    orderly ack emergency-response/api\n", "https://ui.example.org/run?a=1&b=2", "Services: api, docs\n", "Time: 2026-11-21 02:14:00 UTC\n"} {
				require.Contains(t, plain, want)
			}
			for _, want := range []string{">owner: nobody</p>", ">orderly ack emergency-response/api</code>", `href="https://ui.example.org/run?a=1&amp;b=2"`, "first line\n  second line</div>"} {
				require.Contains(t, html, want)
			}
		})
	}
}

func TestAnIncidentIsOneConversation(t *testing.T) {
	t.Parallel()
	server, e := setup(t, smtpserver.Options{})
	again := delivery(2)
	again.Again = true
	other := delivery(3)
	other.Message.Thread = "incident-8"
	alone := delivery(4)
	alone.Message.Thread, alone.Message.Run, alone.Message.Kind = "", "", notify.KindNotice
	for _, d := range []notify.Delivery{delivery(1), delivery(2), again, other, alone} {
		_, err := e.Send(t.Context(), d)
		require.NoError(t, err)
	}
	var headers []mail.Header
	for _, m := range server.Await(t.Context(), 5) {
		header, _, _ := parts(t, m.Data)
		headers = append(headers, header)
		require.Regexp(t, `^<[0-9a-f]{40}@example\.org>$`, header.Get("Message-ID"))
		require.Equal(t, header.Get("In-Reply-To"), header.Get("References"))
	}
	id, root := func(i int) string { return headers[i].Get("Message-ID") }, func(i int) string { return headers[i].Get("References") }
	require.NotEqual(t, id(0), id(1))
	require.Equal(t, id(1), id(2), "the same delivery is the same mail")
	require.Regexp(t, `^<[0-9a-f]{40}@example\.org>$`, root(0))
	require.Equal(t, root(0), root(1))
	require.NotEqual(t, root(0), root(3))
	require.Empty(t, root(4))
	require.Empty(t, headers[4].Get("Importance"))
	require.Equal(t, string(server.Messages()[1].Data[:200]), string(server.Messages()[2].Data[:200]))
}

func TestNothingInAMessageBecomesAHeaderOrMarkup(t *testing.T) {
	t.Parallel()
	server, e := setup(t, smtpserver.Options{})
	const hostile = "x\r\nBcc: evil@example.org\r\n\r\n<script>alert(1)</script>\u202e\x1b[2J\x00"
	d := delivery(1)
	d.ID, d.To.Name = hostile, hostile
	d.Message.Headline, d.Message.Severity, d.Message.Body, d.Message.Thread = hostile, hostile, hostile, hostile
	d.Message.Lines, d.Message.Commands, d.Message.Services = []string{hostile}, []string{hostile}, []string{hostile}
	d.Message.Run, d.Message.Procedure, d.Message.Level, d.Message.Status = hostile, hostile, hostile, hostile
	d.Message.Link = "javascript:alert(1)"
	_, err := e.Send(t.Context(), d)
	require.NoError(t, err)
	got := server.Await(t.Context(), 1)[0]
	require.Equal(t, []string{"ann@example.org"}, got.To)
	header, plain, html := parts(t, got.Data)
	require.Empty(t, header.Get("Bcc"))
	require.Empty(t, header["Script"])
	require.NotContains(t, decoded(t, header.Get("Subject")), "\n")
	require.NotContains(t, html, "<script>")
	require.Contains(t, html, "&lt;script&gt;")
	require.NotContains(t, html, `href="javascript:`)
	for _, r := range plain + html {
		require.False(t, r == '\u202e' || r == '\x1b' || r == 0)
	}
}

func TestNamesAndSubjectsOfEveryScript(t *testing.T) {
	t.Parallel()
	server, e := setup(t, smtpserver.Options{})
	d := delivery(1)
	d.To.Name, d.Message.Headline, d.Message.Drill = "Zoë Ñandú 日本", "データベース «перегружен» 🔥 "+strings.Repeat("ü", 300), true
	_, err := e.Send(t.Context(), d)
	require.NoError(t, err)
	header, plain, _ := parts(t, server.Await(t.Context(), 1)[0].Data)
	to, err := header.AddressList("To")
	require.NoError(t, err)
	require.Equal(t, "Zoë Ñandú 日本", to[0].Name)
	subject := decoded(t, header.Get("Subject"))
	require.True(t, strings.HasPrefix(subject, "[DRILL] [P1] データベース «перегружен» 🔥 üü"), subject)
	require.Len(t, []rune(subject), longestSubject)
	require.Contains(t, plain, subject)
	require.False(t, server.Messages()[0].UTF8, "not every server on the way knows SMTPUTF8")
}

func TestAnAddressOfAnotherScript(t *testing.T) {
	t.Parallel()
	server, e := setup(t, smtpserver.Options{})
	d := delivery(1)
	d.To.Email = "zoë@bücher.example"
	_, err := e.Send(t.Context(), d)
	require.NoError(t, err)
	got := server.Await(t.Context(), 1)[0]
	require.Equal(t, []string{"zoë@bücher.example"}, got.To)
	require.True(t, got.UTF8)
}

func TestADigestIsReadable(t *testing.T) {
	t.Parallel()
	server, e := setup(t, smtpserver.Options{})
	d := delivery(1)
	d.Message = notify.Message{Kind: notify.KindDigest, Headline: "120 incidents", Lines: []string{"P1 api <down>", "P2 cache"}, Body: "and 118 more"}
	_, err := e.Send(t.Context(), d)
	require.NoError(t, err)
	_, plain, html := parts(t, server.Await(t.Context(), 1)[0].Data)
	require.Contains(t, plain, "120 incidents\n\nP1 api <down>\nP2 cache\n\nand 118 more\n")
	require.Contains(t, html, "P1 api &lt;down&gt;")
}

func TestABurstLeavesThroughFewConnections(t *testing.T) {
	t.Parallel()
	const messages = 1000
	server := smtpserver.Start(t, smtpserver.Options{TLS: "starttls", Users: users()})
	e := transport(t, as(server.Config(), "orderly", password))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	errs := make([]error, messages)
	var sent sync.WaitGroup
	for i := range messages {
		sent.Go(func() { _, errs[i] = e.Send(ctx, delivery(i)) })
	}
	sent.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	ids := map[string]bool{}
	for _, m := range server.Await(ctx, messages) {
		header, _, _ := parts(t, m.Data)
		ids[header.Get("Message-ID")] = true
		require.Equal(t, "orderly", m.User)
	}
	require.Len(t, ids, messages)
	total, most := server.Connections()
	require.LessOrEqual(t, most, maxConnections+1, "one may be ending while the next begins")
	require.Less(t, total, messages/10, "connections are used again")
}

func TestWhomItReaches(t *testing.T) {
	t.Parallel()
	_, e := setup(t, smtpserver.Options{})
	var asTransport notify.Transport = e
	require.Equal(t, "email", asTransport.Name())
	require.True(t, asTransport.Reaches(notify.Recipient{Email: "a@b.c"}))
	require.False(t, asTransport.Reaches(notify.Recipient{Slack: "U1"}))
	digester, ok := asTransport.(notify.Digester)
	require.True(t, ok && digester.Digests())
}
