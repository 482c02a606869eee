package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/s3client"
)

// failure words an error of the SDK without its chain of operations and request ids, and says whether
// trying again can help.
func (b *bucket) failure(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	text := fmt.Sprintf("s3 %q: bucket %s: %s: %s", b.target, b.name, doing, s3client.Reason(err))
	switch s3client.Status(err) {
	case http.StatusUnauthorized, http.StatusForbidden:
		return action.Permanent(action.ErrDenied, "%s", text)
	case http.StatusNotFound:
		return action.Permanent(action.ErrNotFound, "%s", text)
	case http.StatusMovedPermanently:
		return b.misplaced(text)
	case http.StatusBadRequest:
		return b.refused(s3client.Code(err), text)
	}
	return errors.New(text)
}

// refused says what a bad request is: S3 also calls one so whose bytes came too slowly, or not as they were sent.
func (b *bucket) refused(code, text string) error {
	switch code {
	case "RequestTimeout", "IncompleteBody", "BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch":
		return errors.New(text)
	case "", "BadRequest", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		return b.misplaced(text)
	}
	return action.Permanent(action.ErrInput, "%s", text)
}

func (b *bucket) misplaced(text string) error {
	return action.Permanent(action.ErrDenied, "%s: check region, endpoint and path_style of targets.s3.%s", text, b.target)
}

// locked says that an object can't be deleted because a lock keeps it, or because we may only add.
func locked(err error) bool { return s3client.Status(err) == http.StatusForbidden }
