package workflows_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// markup is Markdown or HTML that nobody has escaped.
var markup = regexp.MustCompile("(^|[^\\\\])(\\]\\(|<img|`)")

func TestTextFromOutsideIsNoMarkupInTheChecklist(t *testing.T) {
	t.Parallel()
	const evil = "x](http://evil.example) <img src=http://evil.example> `rm -rf`\n# P9 **resolved**"
	b := setup(t, outage)
	b.rules = rules()
	one := b.rules.Policies["level-1"]
	one.Title = evil
	one.Tiers = []sops.Tier{{Page: []string{"coordinator"}, Wait: minutes(5)}}
	b.rules.Policies["level-1"] = one
	b.signal(time.Minute, "alert", in{"key": evil, "status": "firing", "summary": evil, "labels": in{evil: evil}})
	b.signal(2*time.Minute, "escalate", in{"by": "ann", "reason": evil})
	b.signal(3*time.Minute, "acknowledge", in{"by": "ann", "note": "x](http://evil.example)"})
	var seen []string
	for m := range 6 {
		b.after(time.Duration(m)*time.Minute+time.Second, func() { seen = append(seen, b.record().Checklist()) })
	}
	b.signal(5*time.Minute+2*time.Second, "resolve", in{"by": "ann", "resolution": "x](http://evil.example) <img src=x>"})
	rec := b.start("Outage", in{"reason": evil})
	require.Equal(t, workflows.IncidentResolved, rec.Incident.State)
	for _, text := range append(seen, rec.Checklist()) {
		require.NotRegexp(t, markup, text)
	}
	for _, p := range b.people.pages {
		require.NotContains(t, p.Text, "\n", "a headline is one line")
	}
}
