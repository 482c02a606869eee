package simulate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// byDefault is the key of the answer to all questions that have none of their own.
const byDefault = "default"

// plan has a question answered that people are told of.
func (w *world) plan(q workflows.TellRequest, told []workflows.PagedPerson) {
	if q.Step == "" || q.Message.Kind != notify.KindAsk {
		return
	}
	first := ""
	for _, p := range told {
		if first == "" && slices.ContainsFunc(p.Outcomes, func(o notify.Outcome) bool { return o.State == notify.Sent }) {
			first = p.ID
		}
	}
	if answer, ok := w.replyTo(q.Step); ok && first == "" && answer.By == "" {
		return // nobody knows of it yet
	}
	w.planAnswer(q.Message.Run, q.Step, q.Message.ID, first)
}

// lookForQuestions has questions answered that nobody is told of but by a page: what is to become of a step that
// failed.
func (w *world) lookForQuestions(m notify.Message) {
	if len(w.scenario.Answers) == 0 || len(m.Lines) == 0 || !strings.HasPrefix(m.Lines[0], "Waiting for: ") {
		return
	}
	w.after(w.now(), func() {
		run := w.openRun(m.Run)
		if run == nil {
			return
		}
		if rec := run.ask(); rec != nil {
			for _, s := range rec.Waiting() {
				if strings.HasPrefix(s.Path, "hold:") {
					w.planAnswer(m.Run, s.Path, m.Run+" "+s.Path, "")
				}
			}
		}
	})
}

func (w *world) planAnswer(run, path, question, asked string) {
	answer, ok := w.replyTo(path)
	if !ok || w.asked[question] {
		return
	}
	w.asked[question] = true
	due := w.now().Add(answer.After)
	w.after(due, func() { w.giveAnswer(run, path, answer, asked, due) })
}

// replyTo finds the scenario's answer to a question: by path, by id, by the step that failed, or for all.
func (w *world) replyTo(path string) (Reply, bool) {
	plain, _, _ := strings.Cut(path, "#")
	open := strings.TrimPrefix(plain, "hold:")
	bare, undo := strings.CutPrefix(open, "undo:")
	id := bare[strings.LastIndex(bare, ".")+1:]
	keys := []string{path, plain, open}
	if undo {
		keys = append(keys, "undo:"+id)
	}
	for _, key := range append(keys, bare, id, byDefault) {
		if r, ok := w.scenario.Answers[key]; ok {
			return r, true
		}
	}
	return Reply{}, false
}

// giveAnswer answers a question that still waits.
func (w *world) giveAnswer(runID, path string, r Reply, asked string, due time.Time) {
	run := w.openRun(runID)
	if run == nil {
		return
	}
	rec := run.ask()
	if rec == nil {
		return
	}
	s := stepIn(rec, path)
	if s == nil || s.Path != path || s.State != workflows.Running || s.Ask == nil || s.Ask.Done != nil || s.Ask.Closed != "" {
		return
	}
	by := w.answerer(r, s, asked, rec)
	if by == "" {
		w.note(fmt.Sprintf("nobody is left who could answer %s: none is on call behind %s who has not answered already", s.Path, strings.Join(s.Ask.Of, ", ")))
		return
	}
	done := DeedDone{By: by, Payload: map[string]any{"by": by, "step": s.Path}}
	switch {
	case s.Ask.Quorum > 0:
		approve := r.Approve == nil || *r.Approve
		done.Message, done.Payload["approve"] = workflows.MessageDecide, approve
		done.Payload["reason"] = reason(r, !approve)
	case strings.HasPrefix(s.Path, "hold:"):
		done.Message = workflows.MessageComplete
		decide(done.Payload, r, s)
	case r.Skip || r.Choice == "skip":
		done.Message, done.Payload["skip"], done.Payload["reason"] = workflows.MessageComplete, true, reason(r, true)
	default:
		done.Message = workflows.MessageComplete
		done.Payload["form"], done.Assumed = fill(s.Ask.Fields, r.Form, w.now())
	}
	w.update(run, done, due)
	if len(s.Ask.Decisions)+1 < s.Ask.Quorum && done.Payload["approve"] == true { // and the others
		w.after(due, func() { w.giveAnswer(runID, path, r, "", due) })
	}
}

func reason(r Reply, needed bool) string {
	if r.Reason == "" && needed {
		return "as the scenario says"
	}
	return r.Reason
}

// decide answers what is to become of a step that failed, or of an undo. Without a choice the run, or its rollback,
// ends there.
func decide(payload map[string]any, r Reply, s *workflows.Step) {
	end := "stop"
	if strings.HasPrefix(s.Path, "hold:undo:") {
		end = "abort"
	}
	switch r.Choice {
	case "skip":
		payload["skip"], payload["reason"] = true, reason(r, true)
	case "", "fail":
		payload["form"] = map[string]any{"decision": end, "reason": r.Reason}
	default:
		payload["form"] = map[string]any{"decision": r.Choice, "reason": r.Reason}
	}
}

// answerer is who answers: whom the scenario names, the one on call behind a role, or the first who was asked;
// nobody when there is none.
func (w *world) answerer(r Reply, s *workflows.Step, asked string, rec *workflows.Record) string {
	org, err := w.people.Org()
	var services []string
	if rec.Incident != nil {
		services = rec.Incident.Services
	}
	entries := s.Ask.Of
	switch {
	case err != nil:
		return r.By
	case r.By != "":
		if _, person := org.People[r.By]; person {
			return r.By
		}
		entries = []string{r.By}
	case len(s.Ask.Also) > 0:
		return s.Ask.Also[0].ID
	case asked != "" && !decided(s, asked):
		return asked
	}
	contacts, _ := org.OnCall(entries, services, w.now())
	for _, c := range contacts {
		if !decided(s, c.ID) {
			return c.ID
		}
	}
	return r.By
}

// decided says whether somebody has decided already: the next of a quorum is somebody else.
func decided(s *workflows.Step, person string) bool {
	return slices.ContainsFunc(s.Ask.Decisions, func(d workflows.Decision) bool { return d.By.ID == person })
}

// fill fills in a form, and says whether anything of it is made up.
func fill(fields map[string]sops.FormField, given map[string]any, now time.Time) (form map[string]any, assumed bool) {
	form = map[string]any{}
	for name, v := range given {
		form[name] = v
	}
	for name, f := range fields {
		if _, ok := form[name]; ok || f.Default != nil || !f.Required {
			continue
		}
		assumed = true
		form[name] = made(name, f, now)
	}
	return form, assumed
}

func made(name string, f sops.FormField, now time.Time) any {
	switch f.Type {
	case "choice":
		if len(f.Options) > 0 {
			return f.Options[0]
		}
		return ""
	case "bool":
		return true
	case "int":
		return 1
	case "number":
		return 1.0
	case "time":
		return now.UTC().Format(time.RFC3339)
	default:
		return fmt.Sprintf("(simulated: %s)", strings.ReplaceAll(name, "_", " "))
	}
}
