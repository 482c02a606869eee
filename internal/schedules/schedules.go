// Package schedules keeps a cluster's Temporal schedules as the procedure files say. The files are the
// truth: a plan compares them with what the cluster has, field by field, and applying it makes the
// difference go away. Two things are left alone: schedules that somebody else made, and a pause that an
// operator ordered.
package schedules

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/orderly-ops/orderly/sops"
	"github.com/orderly-ops/orderly/workflows"
)

// DefaultCatchup is how late a start that was missed (the cluster was down) is still made up for. It is
// always sent, since Temporal's own default is a year: after an outage every missed check would run.
const DefaultCatchup = 10 * time.Minute

// DefaultOverlap is what happens when a run is due while the last one is still open.
const DefaultOverlap = "skip"

// Schedule is one schedule as a file wants it, with every default filled in.
type Schedule struct {
	ID           string         `json:"id"` // <procedure>/<schedule id>: Temporal's schedule id and the stem of its runs' workflow ids
	Procedure    string         `json:"procedure"`
	WorkflowType string         `json:"workflow_type"`
	TaskQueue    string         `json:"task_queue"`
	Cron         string         `json:"cron"`
	TimeZone     string         `json:"time_zone"`
	Overlap      string         `json:"overlap"`
	Catchup      time.Duration  `json:"catchup"`
	Jitter       time.Duration  `json:"jitter"`
	Paused       bool           `json:"paused"`
	Inputs       map[string]any `json:"inputs"`

	times times // of Cron
}

// Wanted lists the schedules of all procedures, sorted by id. The error names every schedule that can't
// be kept.
func Wanted(lib *sops.Library, taskQueue string) ([]Schedule, error) {
	var all []Schedule
	var problems sops.Problems
	for _, id := range lib.IDs() {
		p, _ := lib.Get(id)
		for _, s := range p.Schedules {
			w, err := want(p, s, taskQueue)
			if err != nil {
				problems.Add(sops.Pos{File: p.File}, "schedule %s: %s", s.ID, err)
				continue
			}
			all = append(all, w)
		}
	}
	slices.SortFunc(all, func(a, b Schedule) int { return cmp.Compare(a.ID, b.ID) })
	return all, problems.Err()
}

func want(p *sops.Procedure, s sops.Schedule, taskQueue string) (Schedule, error) {
	w := Schedule{
		ID: p.ID + "/" + s.ID, Procedure: p.ID, WorkflowType: workflows.WorkflowType(p.ID), TaskQueue: taskQueue,
		Cron: s.Cron, TimeZone: cmp.Or(s.TimeZone, "UTC"), Overlap: cmp.Or(s.Overlap, DefaultOverlap),
		Catchup: cmp.Or(time.Duration(s.Catchup), DefaultCatchup), Jitter: time.Duration(s.Jitter), Paused: s.Paused,
		Inputs: map[string]any{workflows.InputBy: "schedule " + p.ID + "/" + s.ID},
	}
	for k, v := range s.With {
		w.Inputs[k] = v
	}
	if _, ok := overlaps[w.Overlap]; !ok {
		return w, fmt.Errorf("unknown overlap policy %q", w.Overlap)
	}
	if _, err := time.LoadLocation(w.TimeZone); err != nil {
		return w, err
	}
	if _, err := p.CheckInputs(s.With); err != nil {
		return w, err
	}
	var err error
	w.times, err = parseCron(s.Cron)
	return w, err
}

// digest stands for everything that the file says. It tells a file that was edited from a schedule that
// was edited by hand.
func (s Schedule) digest() string {
	text, err := json.Marshal(s)
	if err != nil { // inputs come from YAML: they always fit JSON
		panic("schedule " + s.ID + ": " + err.Error())
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}
