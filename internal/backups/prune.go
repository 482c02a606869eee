package backups

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/orderly-ops/orderly/internal/s3client"
)

// Lock is what keeps a backup from being deleted.
type Lock struct {
	Until time.Time // zero: not locked by time
	Hold  bool      // a legal hold
}

// Held says that it is locked now.
func (l Lock) Held(now time.Time) bool { return l.Hold || l.Until.After(now) }

// Lock reads the object lock of a backup off its manifest, which is stored last. In a bucket with versions a
// deletion is never refused, it only hides: so this has to be asked first. A key that may not see locks sees
// none.
func (s *Store) Lock(ctx context.Context, key string) (Lock, error) {
	return s.lockOf(ctx, object(key, ManifestName))
}

// locksAtOnce is how many objects are asked for their locks at the same time.
const locksAtOnce = 8

// LockOfAny is the lock that keeps any object of a backup longest. Somebody may have locked the dump and not the
// manifest; without either, the other is worth nothing. It asks for every object, so it takes its time.
func (s *Store) LockOfAny(ctx context.Context, key string) (most Lock, _ error) {
	var mu sync.Mutex
	group, bound := errgroup.WithContext(ctx)
	group.SetLimit(locksAtOnce)
	err := s.each(ctx, key+"/", func(o types.Object) {
		group.Go(func() error {
			l, err := s.lockOf(bound, aws.ToString(o.Key))
			mu.Lock()
			defer mu.Unlock()
			if most.Hold = most.Hold || l.Hold; l.Until.After(most.Until) {
				most.Until = l.Until
			}
			return err
		})
	})
	err = errors.Join(group.Wait(), err) // before most is read: they write it
	return most, err
}

func (s *Store) lockOf(ctx context.Context, name string) (Lock, error) {
	head, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.settings.Bucket, Key: &name})
	if s3client.Status(err) == http.StatusNotFound {
		return Lock{}, nil
	}
	if err != nil {
		return Lock{}, s.failure(ctx, "look at "+name, err)
	}
	return Lock{
		Until: aws.ToTime(head.ObjectLockRetainUntilDate).UTC(),
		Hold:  head.ObjectLockLegalHoldStatus == types.ObjectLockLegalHoldStatusOn,
	}, nil
}

// AbortUploads ends the uploads below a prefix that were begun before a time and never completed, and says
// how many there were. With dryRun it only counts them.
func (s *Store) AbortUploads(ctx context.Context, prefix string, before time.Time, dryRun bool) (int, error) {
	open, err := s.openUploads(ctx, prefix)
	if err != nil {
		return 0, err
	}
	count := 0
	var errs []error
	for _, u := range open {
		if !aws.ToTime(u.Initiated).Before(before) {
			continue
		}
		count++
		if !dryRun {
			errs = append(errs, s.abort(ctx, aws.ToString(u.Key), u.UploadId))
		}
	}
	return count, errors.Join(errs...)
}
