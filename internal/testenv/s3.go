package testenv

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Bucket is a bucket on the test server and all it takes to use it. The server wants path-style addresses.
type Bucket struct {
	Name, Region, Endpoint, AccessKey, SecretKey string
}

// S3 gives a new, empty bucket.
func S3(t testing.TB) Bucket {
	t.Helper()
	b := Bucket{
		Name:      unique("orderly-test-"),
		Endpoint:  need(t, "ORDERLY_TEST_S3_ENDPOINT", "s3"),
		Region:    need(t, "ORDERLY_TEST_S3_REGION", "s3"),
		AccessKey: need(t, "ORDERLY_TEST_S3_ACCESS_KEY", "s3"),
		SecretKey: need(t, "ORDERLY_TEST_S3_SECRET_KEY", "s3"),
	}
	ctx, cancel := bounded()
	defer cancel()
	if _, err := b.Client().CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &b.Name}); err != nil {
		t.Fatalf("create bucket %s: %v", b.Name, err)
	}
	t.Cleanup(func() { b.remove(t) })
	return b
}

// Client is an S3 client with the bucket's credentials.
func (b Bucket) Client() *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(b.Endpoint),
		Region:       b.Region,
		UsePathStyle: true,
		Credentials:  credentials.NewStaticCredentialsProvider(b.AccessKey, b.SecretKey, ""),
	})
}

// remove deletes the bucket with all versions of its objects. What is locked stays: that is what a lock
// is for, and the server's folder goes with the test run.
func (b Bucket) remove(t testing.TB) {
	t.Helper()
	ctx, cancel := bounded()
	defer cancel()
	client := b.Client()
	pages := s3.NewListObjectVersionsPaginator(client, &s3.ListObjectVersionsInput{Bucket: &b.Name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Logf("list what is in bucket %s: %v", b.Name, err)
			return
		}
		for _, v := range page.Versions {
			b.removeVersion(ctx, t, client, v.Key, v.VersionId)
		}
		for _, m := range page.DeleteMarkers {
			b.removeVersion(ctx, t, client, m.Key, m.VersionId)
		}
	}
	if _, err := client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &b.Name}); err != nil {
		t.Logf("delete bucket %s: %v", b.Name, err)
	}
}

func (b Bucket) removeVersion(ctx context.Context, t testing.TB, client *s3.Client, key, version *string) {
	t.Helper()
	_, err := client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &b.Name, Delete: &types.Delete{
		Objects: []types.ObjectIdentifier{{Key: key, VersionId: version}},
	}})
	if err != nil {
		t.Logf("delete %s of bucket %s: %v", aws.ToString(key), b.Name, err)
	}
}
