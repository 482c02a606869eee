package sops_test

import (
	"fmt"

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
