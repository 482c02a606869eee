package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/orderly-ops/orderly/activities/action"
)

// failure words an error of the SDK without its chain of operations and request ids, and says whether
// trying again can help.
func (b *bucket) failure(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	text := fmt.Sprintf("s3 %q: bucket %s: %s: %s", b.target, b.name, doing, reason(err))
	switch status(err) {
	case http.StatusUnauthorized, http.StatusForbidden:
		return action.Permanent(action.ErrDenied, "%s", text)
	case http.StatusNotFound:
		return action.Permanent(action.ErrNotFound, "%s", text)
	case http.StatusMovedPermanently, http.StatusBadRequest:
		return action.Permanent(action.ErrDenied, "%s: check region, endpoint and path_style of targets.s3.%s", text, b.target)
	}
	return errors.New(text)
}

// reason is what the server said, or else the innermost error of the network.
func reason(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		if api.ErrorMessage() == "" || api.ErrorMessage() == api.ErrorCode() {
			return api.ErrorCode()
		}
		return api.ErrorCode() + ": " + api.ErrorMessage()
	}
	if noCredentials(err) {
		return "no credentials were found: give access_key and secret_key in orderly.yaml, or provide them as the AWS SDK expects them"
	}
	var network *url.Error
	if errors.As(err, &network) {
		return network.Err.Error()
	}
	if code := status(err); code != 0 {
		return fmt.Sprintf("status %d", code)
	}
	var operation *smithy.OperationError
	if errors.As(err, &operation) {
		return operation.Err.Error()
	}
	return err.Error()
}

// noCredentials says that the SDK looked everywhere for credentials: the last place is the metadata
// service of the machine, whose failure would only puzzle.
func noCredentials(err error) bool {
	var operation, inner *smithy.OperationError
	return errors.As(err, &operation) && errors.As(operation.Err, &inner) && inner.Service() == "ec2imds"
}

func status(err error) int {
	var answer *awshttp.ResponseError
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}

// locked says that an object can't be deleted because a lock keeps it, or because we may only add.
func locked(err error) bool { return status(err) == http.StatusForbidden }
