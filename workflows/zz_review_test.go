package workflows_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/workflows"
)

func TestZZWeekend(t *testing.T) {
	b := setup(t, outage)
	b.env.SetTestTimeout(100*time.Second)
	var result workflows.PageResult
	for i := range 60 {
		p := workflows.PagedPerson{ID: fmt.Sprintf("person-%d", i), Name: fmt.Sprintf("Person %d", i), As: "everybody"}
		for _, via := range []string{"slack", "email", "webhook"} {
			p.Outcomes = append(p.Outcomes, notify.Outcome{Recipient: p.ID, Name: p.Name, Transport: via, State: notify.Failed, Error: strings.Repeat("x", 500)})
		}
		result.People = append(result.People, p)
	}
	b.env.OnActivity(workflows.ActivityPage, mock.Anything, mock.Anything).Return(result, nil)
	b.env.OnActivity(workflows.ActivityDeliver, mock.Anything, mock.Anything).After(time.Minute).Return(result, nil)
	b.after(52*time.Hour, func() {
		v, err := b.env.QueryWorkflow(workflows.QueryStatus)
		require.NoError(t, err)
		var raw []byte
		_ = v.Get(&raw)
		b.env.SetContinueAsNewSuggested(true)
	})
	b.signal(54*time.Hour, "resolve", in{"by": "ann", "resolution": "ok"})
	s := time.Now()
	b.env.ExecuteWorkflow("Outage", in{"level": "quiet"})
	fmt.Println(time.Since(s))
	require.ErrorContains(t, b.env.GetWorkflowError(), "continue as new")
}
