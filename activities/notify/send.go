package notify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/orderly-ops/orderly/activities/action"
)

// Teller tells people, as orderly.yaml and org.yaml say they are reached.
type Teller interface {
	// Tell sends a message to everybody it is for, and answers how that went. With dry it only looks up
	// who they are.
	Tell(ctx context.Context, order Order, dry bool) (Report, error)
}

// Order is a message and whom it is for.
type Order struct {
	To      []string // channels, stakeholder groups, roles, teams, people
	Via     []string // transports; none means every one that reaches the recipient
	Message Message
}

// Report is how an order went.
type Report struct {
	Told   []Told
	Nobody []string // entries with nobody behind them, each with the reason
}

// Told is somebody, or a channel, that an order was for.
type Told struct {
	ID, Name string
	Outcomes []Outcome
	Reached  bool
}

// Actions declares the actions of this package. A nil teller is enough to describe them.
func Actions(teller Teller) []action.Definition {
	a := actions{teller: teller}
	return []action.Definition{
		action.Define("notify.send",
			"Sends a message to channels, stakeholder groups, roles, teams and people, over every transport that reaches them. "+
				"It fails when nobody at all was reached. It asks for no answer: for that there is `ask`.",
			a.send, action.Timeout(2*time.Minute), action.Heartbeat(30*time.Second), action.Destructive()),
	}
}

type actions struct{ teller Teller }

// SendInput is the input of notify.send.
type SendInput struct {
	To      []string `json:"to" doc:"Channels, stakeholder groups, roles, teams or people of org.yaml."`
	Subject string   `json:"subject" doc:"One line: what it is about."`
	Text    string   `json:"text,omitempty" doc:"More, as long as it needs to be."`
	Via     []string `json:"via,omitempty" doc:"Transports: slack, email, webhook, console. Default: every one that reaches the recipient."`
	DryRun  bool     `json:"dry_run,omitempty" doc:"Only say who would be told. A drill sets it."`
}

// SendOutput is the output of notify.send.
type SendOutput struct {
	Reached    int        `json:"reached" doc:"How many recipients the message got to; in a dry run, how many it would be sent to."`
	Recipients []SentTo   `json:"recipients" doc:"Everybody it was for."`
	Nobody     []string   `json:"nobody" doc:"Entries of to with nobody behind them, each with the reason."`
	SentAt     *time.Time `json:"sent_at,omitempty" doc:"When the last of it went out."`
}

// SentTo is a recipient and how that went.
type SentTo struct {
	ID      string   `json:"id" doc:"Of org.yaml."`
	Name    string   `json:"name" doc:"What people call them."`
	Over    []string `json:"over" doc:"The transports it went out over."`
	Problem string   `json:"problem" doc:"What went wrong on others; may be empty."`
}

func (a actions) send(ctx context.Context, in SendInput) (SendOutput, error) {
	if a.teller == nil {
		return SendOutput{}, action.Permanent(action.ErrNotConfigured, "notify.send: this worker has no way to reach people")
	}
	if strings.TrimSpace(in.Subject) == "" {
		return SendOutput{}, action.Permanent(action.ErrInput, "notify.send: subject is empty: say in a line what it is about")
	}
	if len(in.To) == 0 {
		return SendOutput{}, action.Permanent(action.ErrInput, "notify.send: to is empty: name channels, groups, roles, teams or people")
	}
	if !activity.IsActivity(ctx) {
		return SendOutput{}, errors.New("notify.send: it has to be called as an activity, whose run and step tell one message from another")
	}
	stop := action.KeepAlive(ctx)
	defer stop()
	report, err := a.teller.Tell(ctx, Order{To: in.To, Via: in.Via, Message: message(ctx, in)}, in.DryRun)
	if err != nil {
		return SendOutput{}, fmt.Errorf("notify.send: %w", err)
	}
	out := output(report)
	if in.DryRun {
		out.Reached = len(out.Recipients)
		return out, nil
	}
	return out, unreached(out, report)
}

// message is what is sent. It is the same in each attempt of the step, so that nobody gets it twice.
func message(ctx context.Context, in SendInput) Message {
	at := activity.GetInfo(ctx)
	run := at.WorkflowExecution
	return Message{
		ID: run.RunID + ":" + at.ActivityID, Kind: KindNotice,
		Headline: strings.Join(strings.Fields(in.Subject), " "), Body: in.Text,
		Run: run.ID, Thread: run.ID + "@" + run.RunID, At: at.ScheduledTime.UTC(),
	}
}

func output(r Report) SendOutput {
	out := SendOutput{Recipients: []SentTo{}, Nobody: append([]string{}, r.Nobody...)}
	for _, who := range r.Told {
		to := SentTo{ID: who.ID, Name: who.Name, Over: []string{}}
		var problems []string
		for _, o := range who.Outcomes {
			if o.State != Sent {
				problems = append(problems, o.Transport+": "+o.Error)
				continue
			}
			to.Over = append(to.Over, o.Transport)
			if at := o.At; out.SentAt == nil || at.After(*out.SentAt) {
				out.SentAt = &at
			}
		}
		to.Problem = strings.Join(problems, "; ")
		if who.Reached {
			out.Reached++
		}
		out.Recipients = append(out.Recipients, to)
	}
	return out
}

// unreached is the error when nobody was reached: for good where no transport may still get through.
func unreached(out SendOutput, r Report) error {
	if out.Reached > 0 {
		return nil
	}
	why, again := append([]string{}, out.Nobody...), false
	for i, who := range out.Recipients {
		outcomes := r.Told[i].Outcomes
		if len(outcomes) == 0 {
			why = append(why, who.Name+": no transport of orderly.yaml reaches them")
		}
		for _, o := range outcomes {
			why = append(why, fmt.Sprintf("%s over %s: %s", who.Name, o.Transport, o.Error))
			again = again || !o.Permanent
		}
	}
	text := "notify.send: nobody was reached: " + strings.Join(why, "; ")
	if again {
		return errors.New(text)
	}
	return action.Permanent(action.ErrNotFound, "%s", text)
}
