package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/starter/screen"
	"github.com/orderly-ops/orderly/workflows"
)

// runResult is how `--json` tells of a run's end. Its fields are stable.
type runResult struct {
	WorkflowID string              `json:"workflow_id"`
	RunID      string              `json:"run_id"`
	Outcome    string              `json:"outcome"` // succeeded, failed, cancelled, terminated, timed out
	Message    string              `json:"message,omitempty"`
	Ended      time.Time           `json:"ended"`
	URL        string              `json:"url,omitempty"`
	Findings   []workflows.Finding `json:"findings"`
	Record     *workflows.Record   `json:"record"` // null when the run ended before it had one
}

// result prints how a run ended and gives the exit code of its outcome. The record is nil when the run
// never had one.
func (a *app) result(c *cluster, workflowID string, r *workflows.Record, o outcome) error {
	if r != nil {
		settle(r, o)
	}
	link := c.link(workflowID, o.runID)
	if a.json {
		res := runResult{
			WorkflowID: workflowID, RunID: o.runID, Outcome: o.word, Message: o.message, Ended: o.ended,
			URL: link, Findings: findingsOf(r, o), Record: r,
		}
		if err := a.printJSONLine(map[string]runResult{"result": res}); err != nil {
			return err
		}
		return quietly(exitOf(o))
	}
	width, paint := a.width(), a.paint()
	if r != nil && a.live() {
		tree := &screen.Tree{Width: width, Paint: paint, Now: now()}
		a.print(screen.Head(r, paint, width, now())...)
		a.section("", screen.Rollback{Width: width, Paint: paint, Now: now()}.Lines(r))
		a.section("", screen.Incident(r, paint, width))
		a.print("")
		a.print(tree.Lines(r)...)
		a.section("", screen.Clocks(r.Clocks, paint, width, now()))
	}
	a.print("")
	a.print(closingLines(r, o, paint, a.room())...)
	if found := findingsOf(r, o); len(found) > 0 {
		a.print("")
		a.print(screen.Findings(found, paint, a.room())...)
	}
	a.sayLink(link)
	return quietly(exitOf(o))
}

// closingLines say how it ended: in one line, and why when it did not go well.
func closingLines(r *workflows.Record, o outcome, p screen.Painter, width int) []string {
	how := screen.Glyph(o.state) + " " + o.word
	parts := []string{how}
	if r != nil {
		parts[0] += " in " + screen.Took(o.ended.Sub(r.Started))
		parts = append(parts, stepCount(r))
		if broken := breaches(r); broken > 0 {
			parts = append(parts, fmt.Sprintf("%d not in time", broken))
		}
		parts = append(parts, putBack(r)...)
	}
	parts = append(parts, screen.CountFindings(findingsOf(r, o)))
	lines := screen.Wrap(strings.Join(parts, "; "), width)
	lines[0] = strings.Replace(lines[0], how, p.Tone(screen.StateTone(o.state), how), 1)
	if o.message != "" {
		lines = append(lines, screen.Wrap(screen.Clean(o.message), width)...)
	}
	if r != nil && len(screen.Owed(r)) > 0 {
		lines = append(lines, "what is left is undone with: "+screen.Command("orderly", "undo", r.WorkflowID))
	}
	return lines
}

// putBack says how much of what the run changed was undone.
func putBack(r *workflows.Record) []string {
	sum, owed := r.Summary(), len(screen.Owed(r))
	switch {
	case r.Rollback == nil && owed == 0:
		return nil
	case r.Rollback == nil:
		return []string{fmt.Sprintf("nothing put back, %d to undo", owed)}
	case len(sum.Left) > 0:
		return []string{fmt.Sprintf("rolled back: %d undone, %d left", sum.Undone, len(sum.Left))}
	}
	return []string{fmt.Sprintf("rolled back: %d undone", sum.Undone)}
}

func breaches(r *workflows.Record) int {
	n := 0
	for _, c := range r.Clocks {
		if c.Breached != nil {
			n++
		}
	}
	return n
}

// stepCount says how the steps ended: "steps: 6 succeeded, 1 skipped".
func stepCount(r *workflows.Record) string {
	tally := r.Summary().Steps
	var parts []string
	add := func(n int, word string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, word))
		}
	}
	add(tally.Succeeded, "succeeded")
	add(tally.Failed, "failed")
	add(tally.Skipped, "skipped")
	if len(parts) == 0 {
		return "no step was done"
	}
	return "steps: " + strings.Join(parts, ", ")
}

// findingsOf are the record's, or the summary's where there is no record.
func findingsOf(r *workflows.Record, o outcome) []workflows.Finding {
	switch {
	case r != nil && r.Findings != nil:
		return r.Findings
	case r == nil && o.summary != nil:
		return o.summary.Findings
	default:
		return []workflows.Finding{}
	}
}
