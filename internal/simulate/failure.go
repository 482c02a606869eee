package simulate

import (
	"errors"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/temporal"
)

// failure is an activity's failure as a workflow gets it from a server: around what its last attempt came to.
func (a *execution) failure(err error, state enumspb.RetryState) error {
	convert := temporal.GetDefaultFailureConverter()
	cause := convert.ErrorToFailure(err)
	if _, cancelled := errors.AsType[*temporal.CanceledError](err); cancelled {
		return err
	}
	return convert.FailureToError(&failurepb.Failure{
		Message: "activity error", Cause: cause,
		FailureInfo: &failurepb.Failure_ActivityFailureInfo{ActivityFailureInfo: &failurepb.ActivityFailureInfo{
			ActivityType: &commonpb.ActivityType{Name: a.name}, ActivityId: a.options.ActivityID, RetryState: state,
		}},
	})
}
