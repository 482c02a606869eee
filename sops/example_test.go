package sops_test

import (
	"fmt"
	"time"

	"github.com/orderly-ops/orderly/sops"
)

// Every problem of a file is reported at once, at the character it is about.
func ExampleParse() {
	_, problems := sops.Parse("restart.yaml", []byte(`sop: restart
title: Restart the API
phases:
  - id: restart
    steps:
      - {id: ask, uses: http.chek, with: {url: "http://127.0.0.1:5001"}}
      - {id: probe, uses: http.check, with: {url: "http://127.0.0.1:5001"}, expect: outputs.helth == ""}
      - {id: wait, wiat: 5m}
`), sops.Env{Catalogue: catalogue()})
	fmt.Println(problems)
	// Output:
	// restart.yaml:6:25: no action "http.chek"; did you mean "http.check"?
	// restart.yaml:7:93: no field "helth"; did you mean "health"?
	// restart.yaml:8:20: unknown key "wiat"; did you mean "wait"?
}

// An expression sees the steps that ran before it.
func ExampleExpr_Bool() {
	p, problems := sops.Parse("restart.yaml", []byte(`sop: restart
title: Restart the API
phases:
  - id: restart
    steps:
      - {id: probe-api, uses: http.check, with: {url: "http://127.0.0.1:5001"}}
      - {id: settle, if: steps.probe-api.outputs.status >= 500, wait: 5m}
`), sops.Env{Catalogue: catalogue()})
	if err := problems.Err(); err != nil {
		fmt.Println(err)
		return
	}
	ran := sops.StepView{Status: "succeeded", Outputs: []byte(`{"status": 503}`)}
	settle, err := p.Phases[0].Steps[1].If.Bool(&sops.Scope{
		Step: func(string) (sops.StepView, bool) { return ran, true },
	})
	fmt.Println(settle, err)
	// Output: true <nil>
}

// The inputs of a run are checked before it starts.
func ExampleProcedure_CheckInputs() {
	p, _ := sops.Parse("restart.yaml", []byte(`sop: restart
title: Restart the API
inputs:
  attempts: {type: int, default: 3}
phases: [{id: one, steps: [{id: settle, wait: 5m}]}]
`), sops.Env{Catalogue: catalogue()})
	fmt.Println(p.CheckInputs(map[string]any{}))
	_, err := p.CheckInputs(map[string]any{"atempts": 5})
	fmt.Println(err)
	// Output:
	// map[attempts:3] <nil>
	// input "atempts": restart has no such input; did you mean "attempts"?
}

func ExampleWorkflowType() {
	fmt.Println(sops.WorkflowType("daily-check"))
	// Output: DailyCheck
}

// Who is paged is looked up when it is needed: a rotation keeps its hand-off when clocks change.
func ExampleOrg_OnCall() {
	o, problems := sops.ParseOrg("org.yaml", []byte(`
people: {ann: {email: ann@example.org}, bob: {email: bob@example.org}}
rotations: {turns: {members: [ann, bob], every: 1w, hand_off: "Mon 09:00", time_zone: Europe/Berlin, from: 2026-03-23}}
roles: {coordinator: {rotation: turns}}
`))
	if err := problems.Err(); err != nil {
		fmt.Println(err)
		return
	}
	for _, at := range []string{"2026-03-30T06:59:59Z", "2026-03-30T07:00:00Z"} {
		when, err := time.Parse(time.RFC3339, at)
		if err != nil {
			fmt.Println(err)
			return
		}
		people, _ := o.OnCall([]string{"coordinator"}, nil, when)
		fmt.Println(at, people[0].ID)
	}
	// Output:
	// 2026-03-30T06:59:59Z ann
	// 2026-03-30T07:00:00Z bob
}
