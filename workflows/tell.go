package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/sops"
)

// newMessage is a message about this run as it stands. What tells it from all others of the run is what.
func (r *run) newMessage(ctx workflow.Context, kind notify.Kind, what, headline string) notify.Message {
	rec := r.record
	m := notify.Message{
		ID: rec.RunID + ":" + what, Kind: kind, Headline: shorten(oneLine(headline), 2*maxSummary),
		Run: rec.WorkflowID, Thread: rec.WorkflowID + "@" + rec.RunID, Procedure: rec.Procedure,
		Drill: rec.Drill, At: workflow.Now(ctx).UTC(),
	}
	if inc := rec.Incident; inc != nil {
		m.Status, m.Severity, m.Level, m.Services = string(inc.State), inc.Severity, inc.Level, inc.Services
	}
	return m
}

// pageMessage is what people are paged with: what has happened, who has it, who is paged next and when.
func (r *run) pageMessage(ctx workflow.Context, l *Ladder, page *Page, next sops.Tier) notify.Message {
	m := r.newMessage(ctx, notify.KindPage, "", l.Cause)
	m.ID = page.ID
	m.Lines = append(m.Lines, r.ownerLine(), r.nextLine(ctx, l, next))
	if due := r.stillDue(); due != "" {
		m.Lines = append(m.Lines, due)
	}
	m.Commands = append(m.Commands, r.command("ack"))
	if path, ok := strings.CutPrefix(l.ID, "step:"); ok {
		if s := r.record.stepAt(path); s != nil {
			m.Lines = append([]string{"Waiting for: " + s.Title}, m.Lines...)
			m.Commands = append(m.Commands, r.record.AnswerCommands(s)...)
		}
	}
	return m
}

func (r *run) ownerLine() string {
	if owner := r.owner(); owner != nil {
		return "Owner: " + owner.Name
	}
	return "Nobody has acknowledged yet"
}

// nextLine says whom the ladder pages after this, and when.
func (r *run) nextLine(_ workflow.Context, l *Ladder, now sops.Tier) string {
	at := r.record.dueTime(l.Due.Add(time.Duration(now.Wait)))
	policy := r.rules().Policies[l.Policy]
	switch {
	case l.Page != nil || l.Tier+1 >= len(policy.Tiers) && policy.Next == "":
		return "Paged again at " + at + " if nobody acknowledges"
	case l.Tier+1 < len(policy.Tiers):
		return fmt.Sprintf("Next, at %s: %s", at, strings.Join(policy.Tiers[l.Tier+1].Page, ", "))
	default:
		following := r.rules().Policies[policy.Next]
		who := ""
		if len(following.Tiers) > 0 {
			who = ": " + strings.Join(following.Tiers[0].Page, ", ")
		}
		return fmt.Sprintf("Next, at %s: %s%s", at, r.policyTitle(policy.Next), who)
	}
}

// notice tells people something, each once.
func (r *run) notice(ctx workflow.Context, to []string, kind notify.Kind, headline, body string, commands ...string) {
	r.record.Messages++
	m := r.newMessage(ctx, kind, fmt.Sprintf("message:%d", r.record.Messages), headline)
	m.Body, m.Commands = body, commands
	m.Lines = []string{r.record.about()}
	r.tell(ctx, to, m)
}

// about names the run or its incident.
func (rec *Record) about() string {
	if rec.Incident != nil {
		return rec.Incident.Summary
	}
	return rec.Title
}

// alarm tells whoever has the incident of something that can't wait for them to look. While the ladder
// climbs, its pages are enough.
func (r *run) alarm(ctx workflow.Context, what string) {
	if owner := r.owner(); owner != nil && r.incidentOpen() {
		r.notice(ctx, []string{owner.ID}, notify.KindNotice, what, "")
	}
}

// tell sends a message to many without waiting for it. What is not done when the run continues as new is
// done by the next execution: sending a message again reaches nobody twice.
func (r *run) tell(ctx workflow.Context, to []string, message notify.Message) {
	r.send(ctx, &TellRequest{To: to, Message: message})
}

func (r *run) send(ctx workflow.Context, request *TellRequest) {
	if len(request.To) == 0 {
		return
	}
	request.Services, request.At = r.services(), workflow.Now(ctx).UTC()
	r.record.Telling = append(r.record.Telling, request)
	r.deliverTold(ctx, request)
}

// retell goes on with what an earlier execution had begun to tell.
func (r *run) retell(ctx workflow.Context) {
	for _, request := range r.record.Telling {
		r.deliverTold(ctx, request)
	}
}

func (r *run) deliverTold(ctx workflow.Context, request *TellRequest) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	workflow.GoNamed(ctx, "tell", func(ctx workflow.Context) {
		result, err := r.tellAll(ctx, request)
		r.record.Telling = slices.DeleteFunc(r.record.Telling, func(other *TellRequest) bool { return other == request })
		if text := untold(result, err); text != "" {
			r.event(ctx, Event{Kind: "message", Text: request.Message.Headline + ": not everybody could be told: " + text})
		}
	})
}

// tellFor is how long those are tried again whom a message did not reach.
const tellFor = 15 * time.Minute

// tellAll tells everybody, and those whom it has not reached again and again for a while.
func (r *run) tellAll(ctx workflow.Context, request *TellRequest) (PageResult, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    time.Minute,
		ScheduleToCloseTimeout: tellFor,
		HeartbeatTimeout:       20 * time.Second,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: 2 * time.Second, MaximumInterval: time.Minute},
		Summary:                summaryOf(request.Message.Headline),
	})
	var all PageResult
	until := workflow.Now(ctx).Add(tellFor)
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		var result PageResult
		if err := workflow.ExecuteActivity(ctx, ActivityTell, request).Get(ctx, &result); err != nil {
			return all, err
		}
		r.told(ctx, request.Step, result)
		all.merge(result)
		missed := all.missed()
		if len(missed) == 0 || !workflow.Now(ctx).Before(until) {
			return all, nil
		}
		request.To = missed
		_, err := r.awaitUntil(ctx, workflow.Now(ctx).Add(pause), "tell those who could not be told", func() bool { return false })
		if err != nil {
			return all, err
		}
	}
}

// merge takes over what a later attempt says of the same people.
func (p *PageResult) merge(later PageResult) {
	for _, person := range later.People {
		i := slices.IndexFunc(p.People, func(other PagedPerson) bool { return other.ID == person.ID })
		if i < 0 {
			p.People = append(p.People, person)
			continue
		}
		p.People[i] = person
	}
	for _, entry := range later.Nobody {
		if !slices.Contains(p.Nobody, entry) {
			p.Nobody = append(p.Nobody, entry)
		}
	}
}

// missed are the ids of those whom nothing has reached and something still may.
func (p *PageResult) missed() []string {
	var ids []string
	for _, person := range p.People {
		sent := slices.ContainsFunc(person.Outcomes, func(o notify.Outcome) bool { return o.State == notify.Sent && !person.Silent })
		again := slices.ContainsFunc(person.Outcomes, func(o notify.Outcome) bool { return o.State != notify.Sent && !o.Permanent })
		if again && !sent {
			ids = append(ids, person.ID)
		}
	}
	return ids
}

// untold says who could not be told, "" when everybody was.
func untold(result PageResult, err error) string {
	if err != nil {
		return cause(err)
	}
	lines := slices.Clone(result.Nobody)
	for _, p := range result.People {
		if !p.reached() {
			lines = append(lines, p.text())
		}
	}
	return strings.Join(lines, "; ")
}
