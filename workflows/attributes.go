package workflows

import (
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// The search attributes of a run. `orderly setup` registers them on a cluster.
var (
	AttrProcedure = temporal.NewSearchAttributeKeyKeyword("OrderlyProcedure")
	AttrState     = temporal.NewSearchAttributeKeyKeyword("OrderlyState")
	AttrPhase     = temporal.NewSearchAttributeKeyKeyword("OrderlyPhase")
	AttrSeverity  = temporal.NewSearchAttributeKeyKeyword("OrderlySeverity")
	AttrLevel     = temporal.NewSearchAttributeKeyKeyword("OrderlyLevel")
	AttrServices  = temporal.NewSearchAttributeKeyKeywordList("OrderlyServices")
	AttrOwner     = temporal.NewSearchAttributeKeyKeyword("OrderlyOwner")
	// AttrWaitingFor are the roles, teams and people whose answer a run waits for.
	AttrWaitingFor = temporal.NewSearchAttributeKeyKeywordList("OrderlyWaitingFor")
	// AttrMaintenance is until when a run is a maintenance window.
	AttrMaintenance = temporal.NewSearchAttributeKeyTime("OrderlyMaintenance")
	AttrDrill       = temporal.NewSearchAttributeKeyBool("OrderlyDrill")
)

// SearchAttributes lists every search attribute that a namespace needs, with its type.
func SearchAttributes() map[string]enumspb.IndexedValueType {
	return map[string]enumspb.IndexedValueType{
		AttrProcedure.GetName():   enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		AttrState.GetName():       enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		AttrPhase.GetName():       enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		AttrSeverity.GetName():    enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		AttrLevel.GetName():       enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		AttrServices.GetName():    enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST,
		AttrOwner.GetName():       enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		AttrWaitingFor.GetName():  enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST,
		AttrMaintenance.GetName(): enumspb.INDEXED_VALUE_TYPE_DATETIME,
		AttrDrill.GetName():       enumspb.INDEXED_VALUE_TYPE_BOOL,
	}
}

// attributes brings the run's search attributes up to date: at its start, at each phase, at its end.
func (r *run) attributes(ctx workflow.Context) error {
	return workflow.UpsertTypedSearchAttributes(ctx,
		AttrProcedure.ValueSet(r.record.Procedure),
		AttrState.ValueSet(string(r.record.State)),
		AttrPhase.ValueSet(r.phase),
		AttrDrill.ValueSet(r.record.Drill),
	)
}
