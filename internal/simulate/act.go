package simulate

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/activities/report"
)

// script hands out the answers of the scenario's actions, one after the other.
type script struct {
	answers map[string]Script
	used    map[string]int // attempts so far, by key
}

func newScript(answers map[string]Script) *script {
	return &script{answers: answers, used: map[string]int{}}
}

// next is the answer to the next attempt of a step's action; nil when the scenario says nothing of it.
func (s *script) next(step, name string) *Answer {
	for _, key := range keysOf(step, name) {
		if list := s.answers[key].Answers; len(list) > 0 {
			n := s.used[key]
			s.used[key]++
			for i := range list {
				if n -= max(list[i].Times, 1); n < 0 {
					return &list[i]
				}
			}
			return &list[len(list)-1]
		}
	}
	return nil
}

// keysOf are what a scenario may call an attempt, what counts first in front: the step's path, its id, the
// action.
func keysOf(step, name string) []string {
	path, _, _ := strings.Cut(step, "#")
	id := path[strings.LastIndex(path, ".")+1:]
	return []string{path, id, name}
}

// act finds out what an attempt at an action comes to.
func (w *world) act(c *call) (outcome, error) {
	if c.action.Name == "" {
		return outcome{}, action.Permanent(action.ErrInput, "this worker knows no such action")
	}
	if err := c.action.Input.Check(c.with); err != nil {
		return outcome{}, action.Permanent(action.ErrInput, "with: %v", err)
	}
	a := w.script.next(c.step, c.action.Name)
	took := DefaultTook
	if a != nil && a.After != nil {
		took = *a.After
	}
	switch {
	case a == nil:
	case a.Hangs:
		return outcome{hangs: true}, nil
	case a.Fails != nil:
		kind := a.Fails.Type
		if kind == "" {
			kind = "Failed"
		}
		return outcome{took: took}, temporal.NewApplicationErrorWithOptions(a.Fails.Message, kind, temporal.ApplicationErrorOptions{NonRetryable: a.Permanent})
	}
	answer, assumed, err := w.answer(c)
	if err != nil {
		return outcome{took: took}, err
	}
	if a != nil && a.Outputs != nil {
		answer, assumed = merge(c, c.action.Output, answer, a.Outputs), false
	}
	if assumed {
		step, _, _ := strings.Cut(c.step, "#")
		w.result.Assumed = append(w.result.Assumed, step+": "+c.action.Name)
	}
	raw, err := json.Marshal(answer)
	return outcome{value: json.RawMessage(raw), took: took}, err
}

// answer is what an action answers when the scenario says nothing: the truth, for what only looks at the
// scenario's own world, else something plausible, which is assumed.
func (w *world) answer(c *call) (answer map[string]any, assumed bool, err error) {
	var value any
	switch def, inside := w.inside[c.action.Name]; {
	case inside:
		raw, err := def.Invoke(w.ctx, c.raw)
		if err != nil {
			return nil, false, err
		}
		value = raw
	case c.action.Name == "report.findings":
		value, err = findings(c.raw)
	case c.action.Name == "notify.send":
		value, err = w.sendNotice(c)
	default:
		out, _ := plausible(c, c.action.Output, "").(map[string]any)
		return out, true, nil
	}
	if err != nil {
		return nil, false, err
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, false, err
	}
	err = json.Unmarshal(raw, &answer)
	return answer, false, err
}

// findings are those that report.findings makes, without the journal.
func findings(raw json.RawMessage) (report.Findings, error) {
	var in report.FindingsInput
	if err := json.Unmarshal(raw, &in); err != nil {
		return report.Findings{}, action.Permanent(action.ErrInput, "report.findings: %v", err)
	}
	return report.Made(in)
}

// send carries out notify.send over the simulated transports.
func (w *world) sendNotice(c *call) (notify.SendOutput, error) {
	var in notify.SendInput
	if err := json.Unmarshal(c.raw, &in); err != nil {
		return notify.SendOutput{}, action.Permanent(action.ErrInput, "notify.send: %v", err)
	}
	order := notify.Order{To: in.To, Via: in.Via, Message: notify.Message{
		ID: c.run.RunID + ":" + c.step, Kind: notify.KindNotice, Headline: strings.Join(strings.Fields(in.Subject), " "), Body: in.Text,
		Run: c.run.ID, Thread: c.run.ID + "@" + c.run.RunID, At: c.at.UTC(),
	}}
	w.hub.asked = true
	report, err := w.people.Tell(w.ctx, order, in.DryRun)
	if err != nil {
		return notify.SendOutput{}, err
	}
	out := notify.SendOutput{Recipients: []notify.SentTo{}, Nobody: append([]string{}, report.Nobody...)}
	told := Told{At: w.now(), Run: c.run.ID, Kind: string(notify.KindNotice), To: in.To, Step: c.step, Text: order.Message.Headline, ID: order.Message.ID, Reached: []string{}, Transports: []string{}, partly: len(report.Nobody) > 0}
	for _, who := range report.Told {
		to := notify.SentTo{ID: who.ID, Name: who.Name, Over: []string{}}
		for _, o := range who.Outcomes {
			if o.State == notify.Sent {
				to.Over = append(to.Over, o.Transport)
			}
		}
		if who.Reached || in.DryRun {
			out.Reached++
			told.Reached = append(told.Reached, who.ID)
		} else {
			told.partly = true
		}
		told.Transports = union(told.Transports, to.Over)
		out.Recipients = append(out.Recipients, to)
	}
	if in.DryRun {
		return out, nil
	}
	w.result.Told = append(w.result.Told, told)
	if out.Reached == 0 {
		return out, fmt.Errorf("notify.send: nobody was reached: %s", strings.Join(out.Nobody, "; "))
	}
	return out, nil
}

func union(a, b []string) []string {
	for _, s := range b {
		seen := false
		for _, have := range a {
			seen = seen || have == s
		}
		if !seen {
			a = append(a, s)
		}
	}
	return a
}
