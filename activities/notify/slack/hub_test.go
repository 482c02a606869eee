package slack

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/internal/testenv/slackapi"
)

// TestEverybodyOfATierIsPagedOnce pages many people at once while Slack has a bad minute.
func TestEverybodyOfATierIsPagedOnce(t *testing.T) {
	t.Parallel()
	s, workspace := setup(t)
	s.every = postEvery
	var tier []notify.Recipient
	for i := range 40 {
		id := fmt.Sprintf("U1%02d", i)
		workspace.AddUser(id, id)
		tier = append(tier, notify.Recipient{ID: id, Name: id, Slack: id})
	}
	for _, fault := range []slackapi.Fault{
		{Status: http.StatusInternalServerError}, {Drop: true, Stored: true}, {Status: http.StatusBadGateway, Stored: true},
		{Status: http.StatusTooManyRequests, RetryAfter: time.Second}, {Code: "internal_error", Stored: true},
	} {
		workspace.Fail("chat.postMessage", 5, fault)
	}

	hub := notify.NewHub([]notify.Transport{s}, notify.Options{})
	t.Cleanup(func() { _ = hub.Close(context.Background()) })
	outcomes := hub.Tell(t.Context(), tier, nil, page(ann).Message)

	for i, person := range tier {
		require.Len(t, outcomes[i], 1)
		require.Equal(t, notify.Sent, outcomes[i][0].State, outcomes[i][0].Error)
		there := workspace.Messages(person.Slack)
		require.Len(t, there, 1, "for %s", person.ID)
		require.Equal(t, there[0].Channel+"/"+there[0].TS, outcomes[i][0].Ref)
	}
}
