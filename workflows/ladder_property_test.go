package workflows_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// night is a random night on call: who is paged when, who can be reached, when the house is down, and when
// somebody acknowledges at last.
type night struct {
	policies []sops.Policy // each goes on with the next
	people   map[string][]string
	unwell   []string
	down     [][2]time.Duration // in order, apart
	ack      time.Duration
}

func (n night) String() string {
	var b strings.Builder
	for i, p := range n.policies {
		for _, tier := range p.Tiers {
			fmt.Fprintf(&b, "p%d: %v wait %s\n", i, n.people[tier.Page[0]], time.Duration(tier.Wait))
		}
	}
	fmt.Fprintf(&b, "unwell %v, down %v, ack %s", n.unwell, n.down, n.ack)
	return b.String()
}

func randomNight(rnd *rand.Rand) night {
	n := night{people: map[string][]string{}}
	everybody := []string{"ann", "bob", "carol", "dora"}
	for i := range 1 + rnd.IntN(3) {
		var p sops.Policy
		for j := range 1 + rnd.IntN(3) {
			entry := fmt.Sprintf("p%dt%d", i, j)
			rnd.Shuffle(len(everybody), func(a, b int) { everybody[a], everybody[b] = everybody[b], everybody[a] })
			n.people[entry] = slices.Clone(everybody[:rnd.IntN(3)])
			p.Tiers = append(p.Tiers, sops.Tier{Page: []string{entry}, Wait: minutes(1 + rnd.IntN(12))})
		}
		n.policies = append(n.policies, p)
	}
	if rnd.IntN(2) == 0 {
		n.unwell = []string{everybody[0]}
	}
	at := time.Duration(0)
	for range rnd.IntN(3) {
		from := at + time.Duration(1+rnd.IntN(1200))*time.Second
		at = from + time.Duration(1+rnd.IntN(2400))*time.Second
		n.down = append(n.down, [2]time.Duration{from, at})
	}
	n.ack = at + time.Duration(60+rnd.IntN(3600))*time.Second + 500*time.Millisecond // never the same moment as a page
	return n
}

// predicted is what a plain model of the rules says: who is paged when.
func (n night) predicted() []string {
	var out []string
	var due time.Duration
	reached := map[string]time.Duration{} // last
	policy, tier, repeating := 0, 0, false
	for {
		at := n.up(due)
		if at > n.ack {
			return out
		}
		t := n.policies[policy].Tiers[tier]
		var paged, spared bool
		for _, person := range n.people[t.Page[0]] {
			if last, ok := reached[person]; ok && last > due {
				spared = true
				continue
			}
			if slices.Contains(n.unwell, person) {
				continue
			}
			paged = true
			reached[person] = at
			out = append(out, fmt.Sprintf("%s %s", at, person))
		}
		ill := slices.ContainsFunc(n.people[t.Page[0]], func(p string) bool { return slices.Contains(n.unwell, p) })
		served := paged || spared && !ill && len(n.people[t.Page[0]]) > 0
		wait := time.Duration(t.Wait)
		last := policy == len(n.policies)-1 && tier == len(n.policies[policy].Tiers)-1
		switch {
		case last:
			repeating = true
			due += wait
			for due <= at {
				due += wait
			}
		case served:
			due += wait
		}
		if repeating {
			continue
		}
		if tier++; tier == len(n.policies[policy].Tiers) {
			policy, tier = policy+1, 0
		}
	}
}

// up is when something that is due at a time really happens.
func (n night) up(due time.Duration) time.Duration {
	for _, d := range n.down {
		if due >= d[0] && due < d[1] {
			return d[1]
		}
	}
	return due
}

// played is what really happens: the engine under skipped time, carried over every outage.
func (n night) played(t *testing.T) []string {
	t.Helper()
	var out []string
	var args []any
	start := time.Duration(0)
	for i := 0; ; i++ {
		b := setup(t, outage)
		b.env.SetStartTime(began.Add(start))
		b.rules = n.rules()
		b.people.roles = n.people
		for _, p := range n.unwell {
			b.people.unwell[p] = true
		}
		if i < len(n.down) {
			halt := n.down[i][0] - start - time.Millisecond
			b.after(halt, func() {
				b.env.SetContinueAsNewSuggested(true)
				b.env.SignalWorkflow("note", in{"by": "eve", "text": "lights out"})
			})
		} else {
			b.signal(n.ack-start, "acknowledge", in{"by": "frank"})
			b.signal(n.ack-start+time.Hour, "resolve", in{"by": "frank", "resolution": "ok"})
		}
		b.people.roles["boss"] = []string{"frank"} // owns the procedure, so may acknowledge
		b.env.ExecuteWorkflow("Outage", args...)
		out = append(out, b.people.sequence()...)
		again, ok := errors.AsType[*workflow.ContinueAsNewError](b.env.GetWorkflowError())
		if !ok {
			require.NoError(t, b.env.GetWorkflowError())
			return out
		}
		require.Less(t, i, len(n.down))
		args, start = decoded(t, again), n.down[i][1]
	}
}

func (n night) rules() *sops.Rules {
	all := rules()
	all.Policies = map[string]sops.Policy{}
	for i, p := range n.policies {
		if i+1 < len(n.policies) {
			p.Next = fmt.Sprintf("p%d", i+1)
		}
		all.Policies[fmt.Sprintf("p%d", i)] = p
	}
	all.Defaults.Policy = "p0"
	return all
}

// TestLadderEqualsAPlainModel plays random nights: the pages that the engine sends, through outages and
// with people whom nothing reaches, are those of a model that fits on one screen.
func TestLadderEqualsAPlainModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(80) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			n := randomNight(rand.New(rand.NewPCG(seed, 1)))
			require.Equal(t, n.predicted(), n.played(t), "seed %d:\n%s", seed, n)
		})
	}
}

// TestALongIncident keeps one open for 30 days, with an update every half hour and 2,000 notes, through as
// many executions as that takes.
func TestALongIncident(t *testing.T) {
	t.Parallel()
	const days, notes, executions = 30, 2000, 12
	type due struct {
		at      time.Duration
		name    string
		payload in
	}
	script := []due{{time.Minute, "acknowledge", in{"by": "ann"}}}
	for i := range days * 48 {
		script = append(script, due{time.Duration(i+1)*29*time.Minute + time.Second, "update", in{"by": "ann", "text": fmt.Sprintf("update %d", i)}})
	}
	whole := script[len(script)-1].at
	for i := range notes {
		script = append(script, due{whole * time.Duration(i+1) / (notes + 1), "note", in{"by": "ann", "text": fmt.Sprintf("note %d", i)}})
	}
	slices.SortStableFunc(script, func(a, b due) int { return int(a.at - b.at) })
	script = append(script, due{whole + time.Minute, "resolve", in{"by": "ann", "resolution": "at last"}})

	var args []any
	var pages []string
	var rec *workflows.Record
	start := time.Duration(0)
	for i, part := range slices.Collect(slices.Chunk(script, len(script)/executions+1)) {
		b := setup(t, outage)
		b.env.SetTestTimeout(time.Minute)
		b.env.SetStartTime(began.Add(start))
		for j, d := range part {
			b.after(d.at-start, func() {
				if j == len(part)-1 && d.name != "resolve" {
					b.env.SetContinueAsNewSuggested(true) // in the same moment as a message
				}
				b.env.SignalWorkflow(d.name, d.payload)
			})
		}
		b.env.ExecuteWorkflow("Outage", args...)
		pages = append(pages, b.people.sequence()...)
		rec = b.record()
		if again, ok := errors.AsType[*workflow.ContinueAsNewError](b.env.GetWorkflowError()); ok {
			args, start = decoded(t, again), part[len(part)-1].at
			continue
		}
		require.NoError(t, b.env.GetWorkflowError(), "execution %d", i)
	}
	require.Equal(t, workflows.Succeeded, rec.State)
	require.Equal(t, executions-1, rec.Continued)
	require.Equal(t, []string{"0s ann"}, pages)
	require.Equal(t, "Ann", rec.Incident.Owner.Name)
	require.Len(t, rec.Incident.Updates, days*48)
	for i, u := range rec.Incident.Updates {
		require.Equal(t, fmt.Sprintf("update %d", i), u.Text)
	}
	require.Len(t, texts(rec, "note"), notes)
	require.Zero(t, rec.LeftOut.Events)
}
