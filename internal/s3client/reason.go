package s3client

import (
	"errors"
	"fmt"
	"net/url"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// Reason is what the server said, or else the innermost error of the network: an error of the SDK without
// its chain of operations and request ids.
func Reason(err error) string {
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
	if code := Status(err); code != 0 {
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

// Code is S3's own word for an error (NoSuchKey); "" when the server gave none.
func Code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// Status is the HTTP status that the server answered with; 0 when it did not answer.
func Status(err error) int {
	var answer *awshttp.ResponseError
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}
