package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/orderly-ops/orderly/workflows"
)

// TestTwoThousandNotesLoseNothing floods an open incident while its ladder climbs, so that the run continues
// as new in the middle of it.
func TestTwoThousandNotesLoseNothing(t *testing.T) {
	t.Parallel()
	const notes, senders = 2000, 8
	o := people(t, "targets: {}\n", fireSOP)
	id := o.begin("fire")
	started := o.paged(id, 1).Started
	var senderGroup errgroup.Group
	for s := range senders {
		senderGroup.Go(func() error {
			for n := range notes / senders {
				note := workflows.Note{By: "hal", Text: fmt.Sprintf("note %d of sender %d", n, s)}
				if err := o.c.SignalWorkflow(t.Context(), id, "", workflows.MessageNote, note); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, senderGroup.Wait())
	rec := o.watch(id, "every note", func(r *workflows.Record) bool {
		return strings.Count(timeline(r), "note [Hal]")+r.LeftOut.Events >= notes && len(r.Pages) >= len(oneByOne)
	})
	require.Positive(t, rec.Continued, "it continued as new")
	requireInOrder(t, rec, started)
	require.NotContains(t, timeline(rec), "refused")
	require.Equal(t, started.Add(10*time.Minute), clockOf(t, rec, "respond").Due)
	o.arrived(id)
	o.pagedOnce(id)
	o.says("acknowledged by Fay", "ack", id, "--by", "fay")
	o.says("resolved by Fay", "resolve", id, "it is out", "--by", "fay")
	rec = o.ended(id)
	require.Equal(t, workflows.IncidentResolved, rec.Incident.State)
	require.Equal(t, started, rec.Started, "it is one run still")
}

// TestOneCauseIsOneIncident lets ten monitors report the same cause at the same moment, some of them twice.
func TestOneCauseIsOneIncident(t *testing.T) {
	t.Parallel()
	o := people(t, "targets: {}\n", strings.Replace(fireSOP, "one-by-one", "dora", 1))
	answers := o.atOnce(10, func(n int) []string {
		return []string{"alert", "fire", "--key", fmt.Sprintf("detector-%d", n/2), "--summary", "smoke", "--label", "floor=1", "--json"}
	})
	for _, said := range answers {
		require.Zero(t, said.exit, said.stderr)
		var where started
		require.NoError(t, json.Unmarshal([]byte(said.stdout), &where), said.stdout)
		require.Equal(t, "fire/hall", where.WorkflowID)
	}
	const id = "fire/hall"
	rec := o.watch(id, "all alerts", func(r *workflows.Record) bool { return len(r.Incident.Alerts) == 5 })
	require.Len(t, rec.Pages, 1)
	for _, a := range rec.Incident.Alerts {
		require.Equal(t, 2, a.Count, a.Key)
		require.Equal(t, workflows.AlertFiring, a.Status)
	}
	o.says("smoke (detector-0) is resolved", "alert", "fire", "--key", "detector-0", "--status", "resolved")
	rec = o.record(o.c, id)
	i := slices.IndexFunc(rec.Incident.Alerts, func(a *workflows.AlertSeen) bool { return a.Key == "detector-0" })
	require.NotNil(t, rec.Incident.Alerts[i].Resolved)

	// Three people acknowledge and resolve in the same second: it has one owner and one resolution.
	changed := 0
	for _, said := range o.atOnce(3, func(n int) []string {
		return []string{"ack", id, "--json", "--by", []string{"dora", "bob", "dora"}[n]}
	}) {
		require.Zero(t, said.exit, said.stderr)
		var answer workflows.Answer
		require.NoError(t, json.Unmarshal([]byte(said.stdout), &answer))
		if answer.Changed {
			changed++
		}
	}
	require.Equal(t, 1, changed)
	o.atOnce(2, func(n int) []string { return []string{"resolve", id, "put out", "--by", []string{"dora", "bob"}[n]} })
	rec = o.ended(id)
	require.Equal(t, 1, strings.Count(timeline(rec), "resolved by "), timeline(rec))
	require.Equal(t, 1, strings.Count(timeline(rec), "acknowledged by "), timeline(rec))

	// Whatever comes now is a new incident.
	o.says("", "alert", "fire", "--key", "detector-7", "--summary", "smoke again")
	next := o.paged(id, 1)
	require.NotEqual(t, rec.RunID, next.RunID)
	o.says("being ended", "abort", id, "false alarm", "--by", "bob")
	ended := o.watch(id, "the end", func(r *workflows.Record) bool { return r.State.Done() })
	require.Equal(t, workflows.Cancelled, ended.State)
	require.Equal(t, workflows.IncidentAborted, ended.Incident.State)
	require.Len(t, ended.Pages, 1)
}

// atOnce runs several commands at the same moment.
func (o *office) atOnce(n int, args func(int) []string) []answer {
	o.t.Helper()
	answers := make([]answer, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			var out, problem strings.Builder
			cmd := exec.CommandContext(o.t.Context(), filepath.Join(bin, "orderly"), args(i)...)
			cmd.Dir, cmd.Stdout, cmd.Stderr = o.dir, &out, &problem
			cmd.Env = append(os.Environ(), o.env...)
			_ = cmd.Run() // how it ended is in its exit code
			answers[i] = answer{out.String(), problem.String(), cmd.ProcessState.ExitCode()}
		})
	}
	all.Wait()
	return answers
}
