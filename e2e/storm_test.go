package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/orderly-ops/orderly/workflows"
)

// TestAStormReachesItsPersonAsDigestsAndNothingIsLost begins sixty incidents at once, all of them Ann's.
func TestAStormReachesItsPersonAsDigestsAndNothingIsLost(t *testing.T) {
	t.Parallel()
	const storm = 60
	o := people(t, "targets: {}\n", fireSOP)
	ids := make([]string, storm)
	var starts errgroup.Group
	starts.SetLimit(16)
	began := time.Now()
	for i := range ids {
		place := fmt.Sprintf("room-%02d", i+1)
		ids[i] = "fire/" + place
		starts.Go(func() error {
			input := json.RawMessage(fmt.Sprintf(`{"place": %q, "level": "ann"}`, place))
			_, err := o.c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "fire/" + place, TaskQueue: workflows.DefaultTaskQueue}, "Fire", input)
			return err
		})
	}
	require.NoError(t, starts.Wait())

	for _, id := range ids {
		o.await("the webhook of "+id, time.Minute, func() bool { return len(o.hooked(id, "ann")) > 0 })
	}
	for _, id := range ids {
		for page, times := range o.hooked(id, "ann") {
			require.Equal(t, 1, times, page)
		}
	}
	for name, texts := range map[string]func() []string{"Slack": o.slackTexts, "mail": o.mailTexts} {
		o.await("every incident to be named over "+name, time.Minute, func() bool { return named(ids, texts()) == storm })
		require.Less(t, len(texts()), 15, "%s: first pages, then digests", name)
		require.NotContains(t, texts()[0], "matters", "the first one over %s is a page", name)
	}
	require.Less(t, time.Since(began), 40*time.Second)
	for _, id := range ids {
		rec := o.watch(id, "its end", func(r *workflows.Record) bool {
			return len(r.Pages) == 1 && len(r.Ladders[0].Owed) == 0
		})
		require.Len(t, rec.Pages[0].People[0].Outcomes, 3, timeline(rec))
	}
}

// named is how many incidents the texts name.
func named(ids, texts []string) (n int) {
	all := strings.Join(texts, "\n")
	for _, id := range ids {
		if strings.Contains(all, id) {
			n++
		}
	}
	return n
}

// slackTexts are what Ann reads in Slack.
func (o *office) slackTexts() (texts []string) {
	for _, m := range o.slack.Messages("U01") {
		texts = append(texts, m.Shows())
	}
	return texts
}

// mailTexts are what Ann reads in her mail: subject and plain part.
func (o *office) mailTexts() (texts []string) {
	for _, m := range o.mail.Messages() {
		if m.To[0] == "ann@example.org" {
			texts = append(texts, o.mailText(m.Data))
		}
	}
	return texts
}

// mailText is a mail's subject and its plain part.
func (o *office) mailText(data []byte) string {
	o.t.Helper()
	parsed, err := mail.ReadMessage(bytes.NewReader(data))
	require.NoError(o.t, err)
	_, params, err := mime.ParseMediaType(parsed.Header.Get("Content-Type"))
	require.NoError(o.t, err)
	part, err := multipart.NewReader(parsed.Body, params["boundary"]).NextRawPart()
	require.NoError(o.t, err)
	var body io.Reader = part
	if strings.EqualFold(part.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
		body = quotedprintable.NewReader(part)
	}
	text, err := io.ReadAll(body)
	require.NoError(o.t, err)
	subject, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
	require.NoError(o.t, err)
	return subject + "\n" + string(text)
}
