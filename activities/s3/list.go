package s3

import (
	"cmp"
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/sops"
)

// maxKeys is what one list gives: Temporal takes 2 MB an output, and a key may have 1 KiB.
const maxKeys = 1000

// ListInput is the input of s3.list.
type ListInput struct {
	Target    string        `json:"target" target:"s3" doc:"The bucket."`
	Prefix    string        `json:"prefix,omitempty" doc:"What keys begin with that are listed." default:"the whole bucket"`
	After     string        `json:"after,omitempty" doc:"Begin behind this key: the next of a list that was not complete."`
	MaxKeys   int           `json:"max_keys,omitempty" doc:"How many objects are listed at most, up to 1000." default:"1000"`
	OlderThan sops.Duration `json:"older_than,omitempty" doc:"Only what was written so long ago or earlier." default:"any age"`
}

// List is the output of s3.list.
type List struct {
	Target   string   `json:"target" doc:"The target."`
	Objects  []Object `json:"objects" doc:"The objects, in the order of their keys."`
	Count    int      `json:"count" doc:"How many they are."`
	Bytes    int64    `json:"bytes" doc:"How large they are together."`
	Complete bool     `json:"complete" doc:"There are no more."`
	Next     string   `json:"next" doc:"Where the next list begins (after); empty when this one is complete."`
}

// objects is the action s3.list.
func (b *buckets) objects(ctx context.Context, in ListInput) (List, error) {
	limit := cmp.Or(in.MaxKeys, maxKeys)
	if limit < 0 || limit > maxKeys {
		return List{}, action.Permanent(action.ErrInput, "s3.list: max_keys is %d, want 1 to %d", in.MaxKeys, maxKeys)
	}
	bucket, err := b.Get(in.Target)
	if err != nil {
		return List{}, err
	}
	defer action.KeepAlive(ctx)()
	out, now := List{Target: in.Target, Objects: []Object{}, Complete: true}, time.Now()
	err = bucket.each(ctx, in.Prefix, in.After, func(o types.Object) bool {
		found := object(o, now)
		if found.Age < int64(in.OlderThan.D().Seconds()) {
			return true
		}
		if len(out.Objects) == limit {
			out.Complete, out.Next = false, out.Objects[limit-1].Key
			return false
		}
		out.Objects = append(out.Objects, found)
		out.Bytes += found.Size
		return true
	})
	out.Count = len(out.Objects)
	return out, err
}

// each calls visit with every object under a prefix, until it answers false.
func (b *bucket) each(ctx context.Context, prefix, after string, visit func(types.Object) bool) error {
	request := &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: aws.String(prefix)}
	if after != "" {
		request.StartAfter = &after
	}
	pages := s3.NewListObjectsV2Paginator(b.Client, request)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return b.failure(ctx, "list its objects", err)
		}
		for _, o := range page.Contents {
			if !visit(o) {
				return nil
			}
		}
	}
	return nil
}

// object is what a listing tells of one.
func object(o types.Object, now time.Time) Object {
	modified := aws.ToTime(o.LastModified).UTC()
	return Object{Key: aws.ToString(o.Key), Size: aws.ToInt64(o.Size), Modified: modified, Age: max(0, int64(now.Sub(modified).Seconds()))}
}
