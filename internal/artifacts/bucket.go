package artifacts

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/s3client"
)

// bucket keeps artifacts as objects. They are spooled to a file first: the checksum has to be known when
// the upload begins, and an upload that fails must be able to begin again.
type bucket struct {
	client               *s3.Client
	target, name, prefix string
}

func openBucket(ctx context.Context, target string, c config.S3, prefix string) (*bucket, error) {
	client, err := s3client.New(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("s3 %q: %w", target, err)
	}
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		prefix += "/"
	}
	return &bucket{client: client, target: target, name: c.Bucket, prefix: prefix}, nil
}

func (b *bucket) spool(string) (*os.File, error) { return os.CreateTemp("", "orderly-artifact-*") }

func (b *bucket) drop(f *os.File) {
	_ = f.Close()
	_ = os.Remove(f.Name())
}

// put uploads the file. The server compares it with the checksum and refuses what was changed on the way.
func (b *bucket) put(ctx context.Context, key string, f *os.File, sum []byte) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.name, Key: aws.String(b.prefix + key), Body: f,
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
		ChecksumSHA256:    aws.String(base64.StdEncoding.EncodeToString(sum)),
	})
	return b.failure(err)
}

func (b *bucket) get(ctx context.Context, key string) (io.ReadCloser, error) {
	answer, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: aws.String(b.prefix + key)})
	if err != nil {
		return nil, b.failure(err)
	}
	return answer.Body, nil
}

func (b *bucket) list(ctx context.Context, prefix string, each func(Artifact) error) error {
	pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: aws.String(b.prefix + prefix)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return b.failure(err)
		}
		for _, o := range page.Contents {
			a := Artifact{
				Key:   strings.TrimPrefix(aws.ToString(o.Key), b.prefix),
				Bytes: aws.ToInt64(o.Size), Modified: aws.ToTime(o.LastModified).UTC(),
			}
			if err := each(a); err != nil {
				return err
			}
		}
	}
	return nil
}

// failure names the target, and what is missing by a word of ours.
func (b *bucket) failure(err error) error {
	var api smithy.APIError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &api) && (api.ErrorCode() == "NoSuchKey" || api.ErrorCode() == "NotFound"):
		return ErrNotFound
	}
	return fmt.Errorf("s3 %q: bucket %s: %w", b.target, b.name, err)
}
