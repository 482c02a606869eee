package s3

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/orderly-ops/orderly/activities/action"
)

// maxLock is a guard against a slip of the pen: nobody, the account's owner included, gets rid of an
// object under a compliance lock before its time.
const maxLock = 10 * 365 * 24 * time.Hour

// lock is how an object is kept from being deleted. The zero value keeps it from nothing.
type lock struct {
	mode  string // governance, compliance or empty
	until time.Time
	hold  bool // a legal hold: until somebody takes it off
}

// wanted reads a lock from an input. now is the same for every attempt of a step, so that a retry asks for
// the same lock.
func wanted(in PutInput, now time.Time) (lock, error) {
	refuse := func(format string, args ...any) (lock, error) {
		return lock{}, action.Permanent(action.ErrInput, "s3.put: "+format, args...)
	}
	switch {
	case in.Lock == "" && in.LockFor != 0:
		return refuse("lock_for goes with lock")
	case in.Lock != "" && in.LockFor <= 0:
		return refuse("lock %s goes with lock_for: how long", in.Lock)
	case in.LockFor.D() > maxLock:
		return refuse("lock_for %s is more than ten years", in.LockFor)
	case in.Lock == "":
		return lock{hold: in.LegalHold}, nil
	}
	return lock{mode: in.Lock, until: now.Add(in.LockFor.D()).UTC().Truncate(time.Second), hold: in.LegalHold}, nil
}

// none says that nothing is locked.
func (l lock) none() bool { return l.mode == "" && !l.hold }

// String is the lock in words for a person.
func (l lock) String() string {
	var words []string
	if l.mode != "" {
		words = append(words, fmt.Sprintf("locked (%s) until %s", l.mode, l.until.Format(time.RFC3339)))
	}
	if l.hold {
		words = append(words, "under a legal hold")
	}
	return strings.Join(words, ", ")
}

// onto sets the lock of an object that is being stored.
func (l lock) onto(in *s3.PutObjectInput) {
	if l.mode != "" {
		in.ObjectLockMode = types.ObjectLockMode(strings.ToUpper(l.mode))
		in.ObjectLockRetainUntilDate = &l.until
	}
	if l.hold {
		in.ObjectLockLegalHoldStatus = types.ObjectLockLegalHoldStatusOn
	}
}

// lockOf is the lock that an object has. A key that may not see locks sees none.
func lockOf(o *s3.HeadObjectOutput) lock {
	l := lock{hold: o.ObjectLockLegalHoldStatus == types.ObjectLockLegalHoldStatusOn}
	if until := aws.ToTime(o.ObjectLockRetainUntilDate); o.ObjectLockMode != "" && until.After(time.Now()) {
		l.mode, l.until = strings.ToLower(string(o.ObjectLockMode)), until.UTC()
	}
	return l
}

// askLock asks for the lock of one version by itself: not every server tells it of those that are not the current
// one. Where nothing is locked, the answer is an error.
func (b *bucket) askLock(ctx context.Context, key, version string) (l lock) {
	held, err := b.GetObjectLegalHold(ctx, &s3.GetObjectLegalHoldInput{Bucket: &b.name, Key: &key, VersionId: &version})
	if err == nil && held.LegalHold != nil {
		l.hold = held.LegalHold.Status == types.ObjectLockLegalHoldStatusOn
	}
	kept, err := b.GetObjectRetention(ctx, &s3.GetObjectRetentionInput{Bucket: &b.name, Key: &key, VersionId: &version})
	if err == nil && kept.Retention != nil {
		if until := aws.ToTime(kept.Retention.RetainUntilDate); until.After(time.Now()) {
			l.mode, l.until = strings.ToLower(string(kept.Retention.Mode)), until.UTC()
		}
	}
	return l
}

// lockable makes sure that a lock can be had, before anything is stored.
func (b *bucket) lockable(ctx context.Context) error {
	if state, _ := b.lock(ctx); state == "off" {
		return action.Permanent(action.ErrInput, "s3 %q: bucket %s has no object lock: it is switched on when a bucket is made (aws s3api create-bucket --object-lock-enabled-for-bucket)", b.target, b.name)
	}
	return nil
}

// tighten gives an object that is there already the lock that is wanted, where its own is less. It never
// loosens one.
func (b *bucket) tighten(ctx context.Context, key string, version *string, has, want lock) error {
	if want.mode != "" && (has.mode == "" || has.until.Before(want.until)) {
		_, err := b.PutObjectRetention(ctx, &s3.PutObjectRetentionInput{
			Bucket: &b.name, Key: &key, VersionId: version,
			Retention: &types.ObjectLockRetention{
				Mode: types.ObjectLockRetentionMode(strings.ToUpper(want.mode)), RetainUntilDate: &want.until,
			},
		})
		if err != nil {
			return b.failure(ctx, "lock "+key, err)
		}
	}
	if want.hold && !has.hold {
		_, err := b.PutObjectLegalHold(ctx, &s3.PutObjectLegalHoldInput{
			Bucket: &b.name, Key: &key, VersionId: version,
			LegalHold: &types.ObjectLockLegalHold{Status: types.ObjectLockLegalHoldStatusOn},
		})
		if err != nil {
			return b.failure(ctx, "put a legal hold on "+key, err)
		}
	}
	return nil
}
