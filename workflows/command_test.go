package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/orderly-ops/orderly/workflows"
)

func TestCommand(t *testing.T) {
	t.Parallel()
	for want, words := range map[string][]string{
		"orderly ack emergency-response/api":  {"orderly", "ack", "emergency-response/api"},
		"orderly ack 'a; touch /tmp/b $(id)'": {"orderly", "ack", "a; touch /tmp/b $(id)"},
		`orderly ack 'it'\''s'`:               {"orderly", "ack", "it's"},
		"orderly ack 'a b'":                   {"orderly", "ack", "a\nb"},
		"orderly ack ab":                      {"orderly", "ack", "a\u202eb"},
		"orderly ack ''":                      {"orderly", "ack", ""},
	} {
		require.Equal(t, want, workflows.Command(words...))
	}
}

// TestAPageCanBePasted: keys of runs come from outside, and whoever is woken copies what the page says.
func TestAPageCanBePasted(t *testing.T) {
	t.Parallel()
	b := setup(t, outage)
	b.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: "outage/x; touch /tmp/b", TaskQueue: "q"})
	var commands []string
	b.people.onPage = func(q workflows.PageRequest) { commands = q.Message.Commands }
	b.signal(time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
	b.start("Outage")
	require.Equal(t, []string{"orderly ack 'outage/x; touch /tmp/b'"}, commands)
}
