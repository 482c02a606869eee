package s3

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/s3client"
	"github.com/orderly-ops/orderly/sops"
)

const (
	defaultDeleted = 1000
	maxDeleted     = 100_000
	deletedAtOnce  = 8
	maxNamed       = 500 // keys in an output
)

// DeleteInput is the input of s3.delete.
type DeleteInput struct {
	Target    string        `json:"target" target:"s3" doc:"The bucket."`
	Keys      []string      `json:"keys,omitempty" doc:"The objects to delete. One that is not there is none to delete, and no failure."`
	Prefix    string        `json:"prefix,omitempty" doc:"Or all objects whose keys begin so."`
	OlderThan sops.Duration `json:"older_than,omitempty" doc:"Only what was written so long ago or earlier." default:"any age"`
	Versions  bool          `json:"versions,omitempty" doc:"In a versioned bucket: delete all versions too, for good." default:"false: older versions stay, and the deleted one with them"`
	Max       int           `json:"max,omitempty" doc:"Delete nothing if it would be more than so many, up to 100000." default:"1000"`
	DryRun    bool          `json:"dry_run,omitempty" doc:"Look, and delete nothing."`
}

// Deleted is the output of s3.delete.
type Deleted struct {
	Target  string   `json:"target" doc:"The target."`
	Deleted int      `json:"deleted" doc:"How many objects, or versions of them, were deleted; in a dry run, would be."`
	Bytes   int64    `json:"bytes" doc:"How large they were together."`
	Keys    []string `json:"keys" doc:"Their keys, at most 500."`
	Kept    []Kept   `json:"kept" doc:"What stays because it is locked, at most 500."`
	DryRun  bool     `json:"dry_run" doc:"Nothing was changed."`
}

// Kept is an object that a lock keeps.
type Kept struct {
	Key     string `json:"key" doc:"Its key."`
	Version string `json:"version" doc:"The version of it."`
	Why     string `json:"why" doc:"The lock in words."`
}

// victim is an object or a version of one that is to be deleted. Without a version, the bucket decides
// whether it goes or is hidden.
type victim struct {
	key, version string
	size         int64
	marker       bool // it only says that the object was deleted
}

// delete is the action s3.delete.
func (b *buckets) delete(ctx context.Context, in DeleteInput) (Deleted, error) {
	if err := in.check(); err != nil {
		return Deleted{}, err
	}
	bucket, err := b.Get(in.Target)
	if err != nil {
		return Deleted{}, err
	}
	defer action.KeepAlive(ctx)()
	victims, err := bucket.victims(ctx, in)
	if err != nil {
		return Deleted{}, err
	}
	if most := cmp.Or(in.Max, defaultDeleted); len(victims) > most {
		return Deleted{}, action.Permanent(action.ErrInput, "s3.delete: more than %d objects of bucket %s would go, so none does: narrow it down, or raise max", most, bucket.name)
	}
	out := &tally{out: Deleted{Target: in.Target, Keys: []string{}, Kept: []Kept{}, DryRun: in.DryRun}}
	group, bound := errgroup.WithContext(ctx)
	group.SetLimit(deletedAtOnce)
	for _, versions := range byKey(victims) {
		group.Go(func() error { return bucket.eraseAll(bound, versions, in.DryRun, out) })
	}
	if err := group.Wait(); err != nil {
		return Deleted{}, cmp.Or(ctx.Err(), err)
	}
	return out.sorted(), nil
}

func (in DeleteInput) check() error {
	refuse := func(why string, args ...any) error {
		return action.Permanent(action.ErrInput, "s3.delete: "+why, args...)
	}
	switch {
	case len(in.Keys) == 0 && in.Prefix == "":
		return refuse("give keys or prefix: a whole bucket is not deleted")
	case len(in.Keys) > 0 && in.Prefix != "":
		return refuse("give either keys or prefix")
	case in.Max < 0 || in.Max > maxDeleted:
		return refuse("max is %d, want 1 to %d", in.Max, maxDeleted)
	}
	for _, key := range in.Keys {
		if err := checkKey("s3.delete", key); err != nil {
			return err
		}
	}
	return nil
}

// byKey puts the versions of each object together, in the order in which they were found. They go one after
// the other: not every server bears it otherwise.
func byKey(victims []victim) map[string][]victim {
	found := map[string][]victim{}
	for _, v := range victims {
		found[v.key] = append(found[v.key], v)
	}
	return found
}

// eraseAll deletes versions of one object, the newest of which comes first. An object that was deleted before must
// not come back, not even for a moment: the oldest goes first, the marks of deletions go last, and they stay where
// a lock keeps what they hide.
func (b *bucket) eraseAll(ctx context.Context, versions []victim, dryRun bool, out *tally) error {
	slices.Reverse(versions)
	slices.SortStableFunc(versions, func(a, b victim) int {
		switch {
		case a.marker == b.marker:
			return 0
		case b.marker:
			return -1
		}
		return 1
	})
	locked := false
	for _, v := range versions {
		if v.marker && locked {
			out.kept(v, "it hides what a lock keeps")
			continue
		}
		stays, err := b.erase(ctx, v, dryRun, out)
		if err != nil {
			return err
		}
		locked = locked || stays
	}
	return nil
}

// victims finds what is to be deleted, and stops looking when it is more than may be.
func (b *bucket) victims(ctx context.Context, in DeleteInput) ([]victim, error) {
	before := time.Now().Add(-in.OlderThan.D())
	in.Keys = slices.Compact(slices.Sorted(slices.Values(in.Keys)))
	most := cmp.Or(in.Max, defaultDeleted)
	var found []victim
	add := func(v victim, modified *time.Time) bool {
		if in.OlderThan == 0 || !aws.ToTime(modified).After(before) {
			found = append(found, v)
		}
		return len(found) <= most
	}
	if in.Prefix != "" && !in.Versions {
		err := b.each(ctx, in.Prefix, "", func(o types.Object) bool {
			return add(victim{key: aws.ToString(o.Key), size: aws.ToInt64(o.Size)}, o.LastModified)
		})
		return found, err
	}
	if in.Versions {
		prefixes := in.Keys
		if in.Prefix != "" {
			prefixes = []string{in.Prefix}
		}
		for _, prefix := range prefixes {
			err := b.eachVersion(ctx, prefix, func(v victim, modified *time.Time) bool {
				return in.Prefix == "" && v.key != prefix || add(v, modified)
			})
			if err != nil {
				return nil, err
			}
		}
		return found, nil
	}
	for _, key := range in.Keys {
		// One that is gone already must not be deleted again: in a versioned bucket that would leave a mark.
		there, err := b.head(ctx, key, "")
		if err != nil {
			return nil, err
		}
		if there != nil && !add(victim{key: key, size: aws.ToInt64(there.ContentLength)}, there.LastModified) {
			break
		}
	}
	if len(found) == 0 { // the answer is the same for an object and a bucket that are not there
		return nil, b.reach(ctx)
	}
	return found, nil
}

// eachVersion calls visit with every version, and every mark of a deletion, until it answers false.
func (b *bucket) eachVersion(ctx context.Context, prefix string, visit func(victim, *time.Time) bool) error {
	pages := s3.NewListObjectVersionsPaginator(b.Client, &s3.ListObjectVersionsInput{Bucket: &b.name, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return b.failure(ctx, "list its versions", err)
		}
		for _, v := range page.Versions {
			if !visit(victim{key: aws.ToString(v.Key), version: aws.ToString(v.VersionId), size: aws.ToInt64(v.Size)}, v.LastModified) {
				return nil
			}
		}
		for _, m := range page.DeleteMarkers {
			if !visit(victim{key: aws.ToString(m.Key), version: aws.ToString(m.VersionId), marker: true}, m.LastModified) {
				return nil
			}
		}
	}
	return nil
}

// erase deletes one, unless a lock keeps it; then it stays.
func (b *bucket) erase(ctx context.Context, v victim, dryRun bool, out *tally) (stays bool, err error) {
	if dryRun {
		// What hides an object harms no lock; only the deletion of a version is refused.
		if held := b.held(ctx, v); v.version != "" && held != "" {
			out.kept(v, held)
			return true, nil
		}
		out.gone(v)
		return false, nil
	}
	request := &s3.DeleteObjectInput{Bucket: &b.name, Key: &v.key}
	if v.version != "" {
		request.VersionId = &v.version
	}
	_, err = b.DeleteObject(ctx, request)
	switch {
	case err == nil:
		out.gone(v)
	case s3client.Status(err) == http.StatusNotFound: // an earlier attempt was here
	case locked(err):
		held := b.held(ctx, v)
		if held == "" {
			return false, b.failure(ctx, "delete "+v.key, err)
		}
		out.kept(v, held)
		return true, nil
	default:
		return false, b.failure(ctx, "delete "+v.key, err)
	}
	return false, nil
}

// held is the lock on an object in words; empty when there is none that we can see.
func (b *bucket) held(ctx context.Context, v victim) string {
	now, err := b.head(ctx, v.key, v.version)
	if err != nil || now == nil {
		return ""
	}
	if l := lockOf(now); v.version == "" || !l.none() {
		return l.String()
	}
	return b.askLock(ctx, v.key, v.version).String()
}

// tally collects what came of each. Safe for concurrent use.
type tally struct {
	mu  sync.Mutex
	out Deleted
}

func (t *tally) gone(v victim) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.out.Deleted++
	t.out.Bytes += v.size
	t.out.Keys = append(t.out.Keys, v.key)
}

func (t *tally) kept(v victim, why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.out.Kept = append(t.out.Kept, Kept{Key: v.key, Version: v.version, Why: why})
}

func (t *tally) sorted() Deleted {
	slices.Sort(t.out.Keys)
	slices.SortFunc(t.out.Kept, func(a, b Kept) int { return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Version, b.Version)) })
	t.out.Keys = t.out.Keys[:min(len(t.out.Keys), maxNamed)]
	t.out.Kept = t.out.Kept[:min(len(t.out.Kept), maxNamed)]
	return t.out
}
