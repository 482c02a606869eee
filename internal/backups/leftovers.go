package backups

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Clear removes what an attempt that was killed left under a key: uploads that were never completed, which
// cost money and show in no listing, and files of which nobody knows whether they are whole. A finished
// backup is left alone.
func (s *Store) Clear(ctx context.Context, key string) error {
	if _, _, err := ParseKey(key); err != nil {
		return err
	}
	finished := false
	var keys []string
	err := s.each(ctx, key+"/", func(o types.Object) {
		name := aws.ToString(o.Key)
		finished = finished || name == object(key, ManifestName)
		keys = append(keys, name)
	})
	if err != nil || finished {
		return err
	}
	for _, name := range keys {
		_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.settings.Bucket, Key: &name})
		if err := s.deleted(ctx, name, err); err != nil {
			return err
		}
	}
	return s.abortUploads(ctx, key+"/")
}

// Discard is Clear for an attempt that has just failed, perhaps because it was cancelled: it has a time of
// its own.
func (s *Store) Discard(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanWithin)
	defer cancel()
	return s.Clear(ctx, key)
}

// cleanWithin bounds cleaning up after a failure.
const cleanWithin = 30 * time.Second

// Uploads counts the uploads below a prefix that were begun and neither completed nor aborted.
func (s *Store) Uploads(ctx context.Context, prefix string) (int, error) {
	found, err := s.openUploads(ctx, prefix)
	return len(found), err
}

func (s *Store) abortUploads(ctx context.Context, prefix string) error {
	open, err := s.openUploads(ctx, prefix)
	if err != nil {
		return err
	}
	var errs []error
	for _, u := range open {
		errs = append(errs, s.abort(ctx, aws.ToString(u.Key), u.UploadId))
	}
	return errors.Join(errs...)
}

func (s *Store) openUploads(ctx context.Context, prefix string) ([]types.MultipartUpload, error) {
	var open []types.MultipartUpload
	pages := s3.NewListMultipartUploadsPaginator(s.client, &s3.ListMultipartUploadsInput{Bucket: &s.settings.Bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, s.failure(ctx, "list uploads below "+prefix, err)
		}
		open = append(open, page.Uploads...)
	}
	return open, nil
}

func (s *Store) abort(ctx context.Context, key string, id *string) error {
	_, err := s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &s.settings.Bucket, Key: &key, UploadId: id})
	if err == nil {
		return nil
	}
	if err := s.failure(ctx, "abort the upload of "+key, err); !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}
