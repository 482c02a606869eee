package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.temporal.io/sdk/activity"
)

const (
	probeSize    = 1 << 10
	cleanTimeout = 10 * time.Second // to delete the probe after the action was cancelled
)

// write stores a small object, reads it back, compares and deletes it, in that order whatever happens
// between.
func (b *bucket) write(ctx context.Context, prefix string) (out *Write, err error) {
	content := make([]byte, probeSize)
	_, _ = rand.Read(content) // never fails
	sum := sha256.Sum256(content)
	out = &Write{Key: probeKey(ctx, prefix), SHA256: hex.EncodeToString(sum[:])}
	start := time.Now()
	put, err := b.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.name, Key: &out.Key, Body: bytes.NewReader(content), ContentType: aws.String("application/octet-stream"),
	})
	if err != nil {
		return nil, b.failure(ctx, "store "+out.Key, err)
	}
	out.Put = since(start)
	defer func() {
		start := time.Now()
		if gone := b.remove(ctx, out.Key, put.VersionId); gone != nil && err == nil && !locked(gone) {
			out, err = nil, b.failure(ctx, "delete "+out.Key, gone)
		} else if out != nil {
			out.Delete, out.Deleted = since(start), gone == nil
		}
	}()
	start = time.Now()
	read, err := b.read(ctx, out.Key)
	if err != nil {
		return nil, b.failure(ctx, "read back "+out.Key, err)
	}
	out.Get = since(start)
	if !bytes.Equal(read, content) {
		return nil, fmt.Errorf("s3 %q: what was read back from %s is not what was stored: %d bytes, want %d with SHA-256 %s", b.target, out.Key, len(read), len(content), out.SHA256)
	}
	return out, nil
}

// read reads a probe, and one byte more than it should have.
func (b *bucket) read(ctx context.Context, key string) ([]byte, error) {
	got, err := b.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key})
	if err != nil {
		return nil, err
	}
	defer got.Body.Close()
	return io.ReadAll(io.LimitReader(got.Body, probeSize+1))
}

// remove deletes the probe, in a versioned bucket the very version, even after a cancellation.
func (b *bucket) remove(ctx context.Context, key string, version *string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTimeout)
	defer cancel()
	_, err := b.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key, VersionId: version})
	return err
}

// probeKey names the object: the same for every attempt, so that one interrupted is cleaned up by the next.
func probeKey(ctx context.Context, prefix string) string {
	name := rand.Text()
	if activity.IsActivity(ctx) {
		info := activity.GetInfo(ctx)
		name = info.WorkflowExecution.RunID + "-" + info.ActivityID
	}
	return prefix + "orderly-probe-" + name
}
