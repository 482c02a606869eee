package workflows_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// taken is closed when an Update was answered.
type taken chan struct{}

func (c taken) Accept()             {}
func (c taken) Reject(error)        { close(c) }
func (c taken) Complete(any, error) { close(c) }

func TestWhileATierIsBeingPaged(t *testing.T) {
	t.Parallel()
	// during does something, and sees it done, while the lead's tier is being paged for the first time.
	during := func(b *bench, name string, payload in) {
		once := false
		b.people.onPage = func(q workflows.PageRequest) {
			if q.Page[0] == "lead" && !once {
				once = true
				done := make(taken)
				b.env.UpdateWorkflow(name, name, done, payload)
				<-done
			}
		}
	}
	t.Run("EscalatingPagesTheNextTierAndNotTheSameAgain", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		during(b, "escalate", in{"by": "ann"})
		b.signal(6*time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
		b.start("Outage")
		require.Equal(t, []string{"0s ann", "5m0s bob", "5m0s bob", "5m0s carol"}, b.people.sequence())
	})
	t.Run("AnAcknowledgementDoesNotMakeALaterEscalationPageTheSameTierAgain", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		during(b, "acknowledge", in{"by": "ann"})
		b.signal(6*time.Minute, "escalate", in{"by": "ann"})
		b.signal(7*time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
		b.start("Outage")
		require.Equal(t, []string{"0s ann", "5m0s bob", "6m0s bob", "6m0s carol"}, b.people.sequence())
	})
	t.Run("LoweringTheSeverityLeavesNobodyOfTheMilderLevelOut", func(t *testing.T) {
		t.Parallel()
		b := setup(t, outage)
		b.rules = rules()
		two := b.rules.Policies["level-2"]
		two.Tiers = []sops.Tier{{Page: []string{"lead"}, Wait: minutes(5)}}
		b.rules.Policies["level-2"] = two
		during(b, "severity", in{"by": "bob", "severity": "P2", "reason": "one page only"})
		b.signal(20*time.Minute, "resolve", in{"by": "bob", "resolution": "ok"})
		b.start("Outage", in{"severity": "P1"})
		require.Contains(t, b.people.sequence(), "5m0s ann", "the coordinator is the first tier of level-1")
	})
}

func TestAMilderSeverityTakesNoTimeAwayAndCallsNobody(t *testing.T) {
	t.Parallel()
	b := setup(t, outage)
	b.signal(time.Minute, "acknowledge", in{"by": "bob"})
	b.signal(2*time.Minute, "extend", in{"by": "bob", "clock": "respond", "for": "3h", "reason": "the vendor comes at five"})
	for m := 20; m < 160; m += 20 {
		b.signal(time.Duration(m)*time.Minute, "note", in{"by": "bob", "text": fmt.Sprint("still at it, ", m)})
	}
	b.signal(150*time.Minute, "severity", in{"by": "bob", "severity": "P2", "reason": "most users are fine"})
	b.signal(152*time.Minute, "resolve", in{"by": "bob", "resolution": "ok"})
	rec := b.start("Outage", in{"severity": "P1"})
	require.Nil(t, clockOf(t, rec, "respond").Breached)
	require.Equal(t, []string{"0s bob", "0s carol"}, b.people.sequence())
}

// TestALastTierThatFailsLate is one whose pages seem to be under way and then fail, each time.
func TestALastTierThatFailsLateIsPagedAgainAfterItsWaitAndNotAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, outage)
	b.rules = rules()
	pages := 0
	outcome := func(state notify.State) workflows.PageResult {
		return workflows.PageResult{People: []workflows.PagedPerson{{ID: "ann", Name: "Ann", Outcomes: []notify.Outcome{{Recipient: "ann", Transport: "slack", State: state, Error: "503"}}}}}
	}
	b.env.OnActivity(workflows.ActivityPage, mock.Anything, mock.Anything).Return(func(context.Context, workflows.PageRequest) (workflows.PageResult, error) {
		pages++
		return outcome(notify.Sending), nil
	})
	b.env.OnActivity(workflows.ActivityDeliver, mock.Anything, mock.Anything).After(4 * time.Second).Return(func(context.Context, workflows.DeliverRequest) (workflows.PageResult, error) {
		return outcome(notify.Failed), nil
	})
	b.signal(14*time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
	b.start("Outage", in{"level": "quiet"})
	require.LessOrEqual(t, pages, 4, "its wait is 5 minutes")
}

func TestARunWhosePagesCannotBeTriedContinuesAsNewInTime(t *testing.T) {
	t.Parallel()
	b := setup(t, outage)
	b.env.OnActivity(workflows.ActivityPage, mock.Anything, mock.Anything).Return(workflows.PageResult{}, errAway)
	b.after(time.Hour, func() { b.env.SetContinueAsNewSuggested(true) })
	b.signal(10*time.Hour, "resolve", in{"by": "ann", "resolution": "ok"})
	b.env.ExecuteWorkflow("Outage", in{"level": "quiet"})
	require.ErrorContains(t, b.env.GetWorkflowError(), "continue as new", "it goes on until Temporal ends it at 51,200 events")
}

// TestManyPeople pages sixty people all night while Slack and mail are down.
func TestManyPeopleInATierDoNotMakeTheRecordTooLargeToBeShown(t *testing.T) {
	t.Parallel()
	b := setup(t, outage)
	var result workflows.PageResult
	for i := range 60 {
		p := workflows.PagedPerson{ID: fmt.Sprintf("person-%d", i), Name: fmt.Sprintf("Person %d", i), As: "everybody"}
		for _, via := range []string{"slack", "email", "webhook"} {
			p.Outcomes = append(p.Outcomes, notify.Outcome{Recipient: p.ID, Name: p.Name, Transport: via, State: notify.Failed, Permanent: true, Error: strings.Repeat("x", 500)})
		}
		result.People = append(result.People, p)
	}
	b.env.OnActivity(workflows.ActivityPage, mock.Anything, mock.Anything).Return(result, nil)
	b.env.OnActivity(workflows.ActivityDeliver, mock.Anything, mock.Anything).Return(result, nil)
	b.after(12*time.Hour, func() {
		_, err := b.env.QueryWorkflow(workflows.QueryStatus)
		require.NoError(t, err)
	})
	b.signal(12*time.Hour+time.Minute, "resolve", in{"by": "ann", "resolution": "ok"})
	b.start("Outage", in{"level": "quiet"})
}
