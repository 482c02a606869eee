package workflows

import "github.com/orderly-ops/orderly/sops"

// DefaultTaskQueue is where workers listen when orderly.yaml says nothing.
const DefaultTaskQueue = "orderly"

// Keys of a start input that are not the procedure's own.
const (
	InputBy    = "_by"    // who starts the run
	InputDrill = "_drill" // bool
	InputKey   = "_key"   // overrides the procedure's key
)

// WorkflowID is the id of a run: `<procedure>/<key>`. Without a key, tail makes it unique.
func WorkflowID(procedure, key, tail string) string {
	if key != "" {
		return procedure + "/" + key
	}
	return procedure + "/" + tail
}

// WorkflowType is the Temporal workflow type of a procedure.
func WorkflowType(procedure string) string { return sops.WorkflowType(procedure) }
