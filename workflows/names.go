package workflows

import "github.com/orderly-ops/orderly/sops"

// DefaultTaskQueue is where workers listen when orderly.yaml says nothing.
const DefaultTaskQueue = "orderly"

// Keys of a start input that are not the procedure's own.
const (
	InputBy    = "_by"    // who starts the run
	InputDrill = "_drill" // bool
	InputKey   = "_key"   // overrides the procedure's key
	// InputRequester is who started the run that started this one: they may not approve their own request.
	InputRequester = "_requester"
)

// WorkflowID is the id of a run: `<procedure>/<name>`.
func WorkflowID(procedure, name string) string { return procedure + "/" + name }

// RunName is what a run is called beside its procedure: its key, or, without a key, a tail that makes it
// unique. A drill is called otherwise than the real thing, which must never join a drill under the same key.
func RunName(key, tail string, drill bool) string {
	name := key
	if name == "" {
		name = tail
	}
	if drill {
		return "drill-" + name
	}
	return name
}

// WorkflowType is the Temporal workflow type of a procedure.
func WorkflowType(procedure string) string { return sops.WorkflowType(procedure) }
