package main

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/orderly-ops/orderly/internal/simulate"
	"github.com/orderly-ops/orderly/sops"
)

// The verdicts on a scenario.
const (
	verdictOK     = "ok"
	verdictFailed = "failed" // something is not as expected
	verdictBroken = "broken" // its file has problems, or it can't be simulated
)

// verdict is what a rehearsal came to, as --json shows it. Its fields are stable.
type verdict struct {
	Procedure string `json:"procedure"`
	Scenario  string `json:"scenario"`
	Title     string `json:"title,omitempty"`
	File      string `json:"file"`
	Verdict   string `json:"verdict"`
	// Simulated is how long the run was in its own time.
	Simulated  string              `json:"simulated,omitempty"`
	TookMS     int64               `json:"took_ms"`
	Problems   sops.Problems       `json:"problems,omitempty"` // with the file
	Mismatches []simulate.Mismatch `json:"mismatches,omitempty"`
	Error      string              `json:"error,omitempty"` // why it could not be simulated
	Assumed    int                 `json:"assumed"`         // answers that nobody gave

	span   time.Duration
	result *simulate.Result
}

// rehearsed is all of them, as --json shows it. Its fields are stable.
type rehearsed struct {
	Scenarios  []*verdict        `json:"scenarios"`
	OK         int               `json:"ok"`
	Failed     int               `json:"failed"`
	Broken     int               `json:"broken"`
	TookMS     int64             `json:"took_ms"`
	Procedures []procedureTested `json:"procedures"`
}

// procedureTested is how many scenarios a procedure has.
type procedureTested struct {
	Procedure string `json:"procedure"`
	Scenarios int    `json:"scenarios"`
}

// wantedScenarios is how many a procedure should have: all well, nobody answers, something fails.
const wantedScenarios = 3

// playAll rehearses side by side and shows the verdicts in order, each as soon as those before it are there.
func playAll(ctx context.Context, plays []*play, parallel int, verdicts []*verdict, show func(*verdict)) {
	done := make([]chan struct{}, len(plays))
	for i := range plays {
		done[i] = make(chan struct{})
	}
	var g errgroup.Group
	g.SetLimit(parallel)
	go func() {
		for i, p := range plays {
			g.Go(func() error {
				defer close(done[i])
				verdicts[i] = p.play(ctx)
				return nil
			})
		}
	}()
	for i := range plays {
		select {
		case <-done[i]:
			show(verdicts[i])
		case <-ctx.Done():
			return
		}
	}
}

// play rehearses one scenario.
func (p *play) play(ctx context.Context) *verdict {
	began := time.Now()
	v := &verdict{Procedure: p.file.Procedure, Scenario: p.file.Name, File: p.file.Shown(), Verdict: verdictBroken}
	defer func() { v.TookMS = time.Since(began).Milliseconds() }()
	if ctx.Err() != nil {
		v.Error = ctx.Err().Error()
		return v
	}
	if p.stray {
		v.Problems = p.file.NotRead()
		return v
	}
	s, problems := p.file.Parse(p.stage.env)
	if len(problems) > 0 {
		v.Problems = problems
		return v
	}
	v.Procedure, v.Title = s.Procedure, s.Title
	if expectsNothing(s) {
		v.Problems.Add(sops.Pos{File: v.File, Line: 1, Col: 1}, "it expects nothing, so nothing can fail; add expect: or never:")
		return v
	}
	result, err := p.simulate(ctx, s)
	if err != nil {
		v.Error = err.Error()
		return v
	}
	v.result, v.span = result, result.Ended.Sub(result.At)
	v.Simulated, v.Assumed = v.span.String(), len(result.Assumed)
	v.Mismatches = s.Check(result)
	v.Verdict = verdictOK
	if len(v.Mismatches) > 0 {
		v.Verdict = verdictFailed
	}
	return v
}

// mostReal is how long one simulation may take of real time; a month takes less than a second.
const mostReal = time.Minute

// simulate gives a simulation up that does not come to its end: one must not hold the others up.
func (p *play) simulate(ctx context.Context, s *simulate.Scenario) (*simulate.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, mostReal)
	defer cancel()
	type outcome struct {
		result *simulate.Result
		err    error
	}
	ended := make(chan outcome, 1)
	go func() {
		result, err := simulate.Run(ctx, simulate.Options{Sources: p.stage.sources, Cache: &p.stage.cache}, s)
		ended <- outcome{result, err}
	}()
	select {
	case o := <-ended:
		return o.result, o.err
	case <-ctx.Done():
		return nil, fmt.Errorf("the simulation did not come to its end within %s of real time", mostReal)
	}
}

// expectsNothing says that whatever happens would be right.
func expectsNothing(s *simulate.Scenario) bool {
	return len(s.Never) == 0 && (s.Expect == nil || reflect.ValueOf(*s.Expect).IsZero())
}

// sum counts the verdicts, and the scenarios of every procedure.
func (r *rehearsed) sum(stages []*stage, took time.Duration) {
	r.TookMS = took.Milliseconds()
	for _, v := range r.Scenarios {
		switch v.Verdict {
		case verdictOK:
			r.OK++
		case verdictFailed:
			r.Failed++
		default:
			r.Broken++
		}
	}
	counts, ids := map[string]int{}, []string{}
	for _, s := range stages {
		ids = append(ids, s.env.IDs...)
		for _, f := range s.files {
			counts[f.Procedure]++
			ids = append(ids, f.Procedure)
		}
	}
	slices.Sort(ids)
	r.Procedures = []procedureTested{}
	for _, id := range slices.Compact(ids) {
		r.Procedures = append(r.Procedures, procedureTested{Procedure: id, Scenarios: counts[id]})
	}
}

// thin are the procedures with fewer scenarios than wanted.
func (r *rehearsed) thin() []procedureTested {
	return slices.DeleteFunc(slices.Clone(r.Procedures), func(p procedureTested) bool { return p.Scenarios >= wantedScenarios })
}
