// Package s3 looks at buckets through the AWS SDK, those of S3 and of servers that speak its protocol, and
// stores, reads, lists and deletes objects in them.
package s3

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/artifact"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/s3client"
)

const (
	defaultListed = 10_000
	maxListed     = 100_000 // a hundred requests
	// reachWithin bounds the first question, so that a server which hangs is named before the step's time
	// is over.
	reachWithin = 10 * time.Second
)

// Actions declares the actions of this package for the S3 targets of orderly.yaml. keep is where artifacts
// are; nil is enough to describe the actions.
func Actions(targets map[string]config.S3, keep *artifact.Keeper) []action.Definition {
	b := newBuckets(targets, keep)
	closed := action.ClosedBy(b.Close)
	return []action.Definition{
		action.Define("s3.check",
			"Looks whether a bucket can be used: reachable, how fast, versioned, locked, what is under a prefix and how old the newest of it is. With `write` it also stores, reads back and deletes a small object.",
			b.check, action.Timeout(5*time.Minute), action.Heartbeat(30*time.Second), action.Destructive(), closed),
		action.Define("s3.put",
			"Stores a text or an artifact as an object, locked against deletion where that is wanted (for evidence). The server checks what arrives. An object that is there already as it should be is left alone.",
			b.put, action.Timeout(30*time.Minute), action.Heartbeat(30*time.Second), action.Destructive(), closed),
		action.Define("s3.get",
			"Reads an object: its beginning as text, and all of it into an artifact where that is wanted.",
			b.get, action.Timeout(30*time.Minute), action.Heartbeat(30*time.Second), closed),
		action.Define("s3.list",
			"Lists the objects under a prefix, at most a thousand at a time.",
			b.objects, action.Timeout(5*time.Minute), action.Heartbeat(30*time.Second), closed),
		action.Define("s3.delete",
			"Deletes objects, by their keys or under a prefix. What a lock keeps stays and is said; locks are never lifted.",
			b.delete, action.Timeout(30*time.Minute), action.Heartbeat(30*time.Second), action.Destructive(), closed),
	}
}

// bucket is one target: a client and the bucket it is for.
type bucket struct {
	*s3.Client
	target, name string
	patience     time.Duration // for the first answer
	oldChecksums bool          // the server knows none newer than MD5
}

// buckets asks through one client a target.
type buckets struct {
	*action.Clients[config.S3, *bucket]
	keep *artifact.Keeper
}

func newBuckets(targets map[string]config.S3, keep *artifact.Keeper) *buckets {
	return &buckets{action.NewClients("s3", targets, open, nil), keep}
}

func open(name string, c config.S3) (*bucket, error) {
	if c.Bucket == "" {
		return nil, errors.New("no bucket is named")
	}
	client, err := s3client.New(context.Background(), c)
	if err != nil {
		return nil, err
	}
	return &bucket{Client: client, target: name, name: c.Bucket, patience: reachWithin, oldChecksums: c.Checksums == "when_required"}, nil
}

// CheckInput is the input of s3.check.
type CheckInput struct {
	Target  string `json:"target" target:"s3" doc:"The bucket."`
	Prefix  string `json:"prefix,omitempty" doc:"What keys begin with that are listed, and written with write." default:"the whole bucket"`
	MaxKeys int    `json:"max_keys,omitempty" doc:"How many keys are listed at most, up to 100000." default:"10000"`
	Write   bool   `json:"write,omitempty" doc:"Store, read back and delete a small object below the prefix."`
	DryRun  bool   `json:"dry_run,omitempty" doc:"Look only, whatever write says."`
}

// CheckOutput is the output of s3.check.
type CheckOutput struct {
	Target     string  `json:"target" doc:"The target."`
	Bucket     string  `json:"bucket" doc:"The bucket's name."`
	Latency    float64 `json:"latency" doc:"Milliseconds until the bucket answered that it is there."`
	Versioning string  `json:"versioning" enum:"enabled,suspended,off,unknown" doc:"Whether overwritten and deleted objects are kept; unknown when the server does not say or we may not ask."`
	ObjectLock string  `json:"object_lock" enum:"enabled,off,unknown" doc:"Whether objects can be locked against deletion."`
	Retention  string  `json:"retention" doc:"How long new objects are locked when nothing else is said (\"COMPLIANCE 30d\"); empty when they are not."`
	Listing    Listing `json:"listing" doc:"What is under the prefix."`
	Write      *Write  `json:"write,omitempty" doc:"What came of writing; absent when nothing was written."`
}

// Listing is what is under a prefix.
type Listing struct {
	Objects  int64   `json:"objects" doc:"How many objects."`
	Bytes    int64   `json:"bytes" doc:"How large they are together."`
	Complete bool    `json:"complete" doc:"Everything was seen; otherwise max_keys came first, and all of this is about the first keys in order."`
	Newest   *Object `json:"newest,omitempty" doc:"The object written last; absent when there is none."`
}

// Object is one object.
type Object struct {
	Key      string    `json:"key" doc:"Its key."`
	Size     int64     `json:"size" doc:"Bytes."`
	Modified time.Time `json:"modified" doc:"When it was written."`
	Age      int64     `json:"age" doc:"Seconds since then, by the worker's clock."`
}

// Write is what came of writing.
type Write struct {
	Key     string  `json:"key" doc:"The object written."`
	SHA256  string  `json:"sha256" doc:"Checksum of what was written, in hex; what was read back had the same."`
	Put     float64 `json:"put" doc:"Milliseconds to store it."`
	Get     float64 `json:"get" doc:"Milliseconds to read it back."`
	Delete  float64 `json:"delete" doc:"Milliseconds to delete it."`
	Deleted bool    `json:"deleted" doc:"It is gone again; false when a lock keeps it."`
}

// check is the action s3.check.
func (b *buckets) check(ctx context.Context, in CheckInput) (CheckOutput, error) {
	bucket, err := b.Get(in.Target)
	if err != nil {
		return CheckOutput{}, err
	}
	if in.MaxKeys == 0 {
		in.MaxKeys = defaultListed
	}
	if in.MaxKeys < 0 || in.MaxKeys > maxListed {
		return CheckOutput{}, action.Permanent(action.ErrInput, "s3.check: max_keys is %d, want 1 to %d", in.MaxKeys, maxListed)
	}
	defer action.KeepAlive(ctx)()
	out := CheckOutput{Target: in.Target, Bucket: bucket.name}
	start := time.Now()
	if err := bucket.reach(ctx); err != nil {
		return CheckOutput{}, err
	}
	out.Latency = since(start)
	out.Versioning = bucket.versioning(ctx)
	out.ObjectLock, out.Retention = bucket.lock(ctx)
	if out.Listing, err = bucket.list(ctx, in.Prefix, in.MaxKeys); err != nil {
		return CheckOutput{}, err
	}
	if in.Write && !in.DryRun {
		out.Write, err = bucket.write(ctx, in.Prefix)
	}
	return out, err
}

// reach asks whether the bucket is there.
func (b *bucket) reach(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, b.patience)
	defer cancel()
	_, err := b.HeadBucket(within, &s3.HeadBucketInput{Bucket: &b.name})
	switch {
	case err == nil:
		return nil
	case ctx.Err() == nil && within.Err() != nil:
		return fmt.Errorf("s3 %q: bucket %s: reach it: no answer within %s", b.target, b.name, b.patience)
	default:
		return b.failure(ctx, "reach it", err)
	}
}

// versioning reads the bucket's versioning. Many keys may not ask, and some servers don't know.
func (b *bucket) versioning(ctx context.Context) string {
	answer, err := b.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &b.name})
	switch {
	case err != nil:
		return "unknown"
	case answer.Status == types.BucketVersioningStatusEnabled:
		return "enabled"
	case answer.Status == types.BucketVersioningStatusSuspended:
		return "suspended"
	}
	return "off"
}

// lock reads whether objects can be locked, and how new ones are by default.
func (b *bucket) lock(ctx context.Context) (state, retention string) {
	answer, err := b.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: &b.name})
	var api smithy.APIError
	switch {
	case errors.As(err, &api) && api.ErrorCode() == "ObjectLockConfigurationNotFoundError":
		return "off", ""
	case err != nil:
		return "unknown", ""
	case answer.ObjectLockConfiguration == nil || answer.ObjectLockConfiguration.ObjectLockEnabled != types.ObjectLockEnabledEnabled:
		return "off", ""
	}
	rule := answer.ObjectLockConfiguration.Rule
	if rule == nil || rule.DefaultRetention == nil {
		return "enabled", ""
	}
	if years := aws.ToInt32(rule.DefaultRetention.Years); years > 0 {
		return "enabled", fmt.Sprintf("%s %dy", rule.DefaultRetention.Mode, years)
	}
	return "enabled", fmt.Sprintf("%s %dd", rule.DefaultRetention.Mode, aws.ToInt32(rule.DefaultRetention.Days))
}

// list sums up what is under a prefix, at most so many keys.
func (b *bucket) list(ctx context.Context, prefix string, limit int) (Listing, error) {
	var out Listing
	const page = 1000 // the most that S3 gives at once
	pages := s3.NewListObjectsV2Paginator(b.Client, &s3.ListObjectsV2Input{
		Bucket: &b.name, Prefix: aws.String(prefix), MaxKeys: aws.Int32(int32(min(limit, page))),
	})
	for pages.HasMorePages() {
		if out.Objects >= int64(limit) {
			return out, nil
		}
		answer, err := pages.NextPage(ctx)
		if err != nil {
			return Listing{}, b.failure(ctx, "list its objects", err)
		}
		for _, o := range answer.Contents {
			if out.Objects >= int64(limit) {
				return out, nil
			}
			out.add(o)
		}
	}
	out.Complete = true
	return out, nil
}

// add counts one object.
func (l *Listing) add(o types.Object) {
	l.Objects++
	l.Bytes += aws.ToInt64(o.Size)
	modified := aws.ToTime(o.LastModified).UTC()
	if l.Newest == nil || modified.After(l.Newest.Modified) {
		age := max(0, int64(time.Since(modified).Seconds()))
		l.Newest = &Object{Key: aws.ToString(o.Key), Size: aws.ToInt64(o.Size), Modified: modified, Age: age}
	}
}

// since is how long something took, in milliseconds.
func since(start time.Time) float64 {
	return math.Round(float64(time.Since(start))/float64(time.Microsecond)) / 1000
}
