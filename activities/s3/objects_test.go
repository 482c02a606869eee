package s3

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/artifact"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/sops"
)

// keeping gives actions on a bucket beside a folder of artifacts.
func keeping(t *testing.T, c config.S3) (b *buckets, folder string) {
	t.Helper()
	folder = t.TempDir()
	b = newBuckets(map[string]config.S3{"backups": c}, artifact.NewKeeper(&config.Config{Artifacts: config.Artifacts{Dir: folder}}))
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b, folder
}

// lockable gives a bucket whose objects can be locked. What is locked for a moment only is gone when the
// bucket goes.
func lockable(t *testing.T) testenv.Bucket {
	t.Helper()
	b := testenv.S3(t)
	client := b.Client()
	_, err := client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: &b.Name, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	require.NoError(t, err)
	_, err = client.PutObjectLockConfiguration(t.Context(), &s3.PutObjectLockConfigurationInput{
		Bucket:                  &b.Name,
		ObjectLockConfiguration: &types.ObjectLockConfiguration{ObjectLockEnabled: types.ObjectLockEnabledEnabled},
	})
	require.NoError(t, err)
	return b
}

// release takes the locks off again, which a governance lock allows those who may.
func release(t *testing.T, b testenv.Bucket, key string) {
	t.Helper()
	client := b.Client()
	versions, err := client.ListObjectVersions(context.Background(), &s3.ListObjectVersionsInput{Bucket: &b.Name, Prefix: &key})
	require.NoError(t, err)
	for _, v := range versions.Versions {
		_, _ = client.PutObjectLegalHold(context.Background(), &s3.PutObjectLegalHoldInput{
			Bucket: &b.Name, Key: v.Key, VersionId: v.VersionId, LegalHold: &types.ObjectLockLegalHold{Status: types.ObjectLockLegalHoldStatusOff},
		})
		_, err := client.DeleteObject(context.Background(), &s3.DeleteObjectInput{
			Bucket: &b.Name, Key: v.Key, VersionId: v.VersionId, BypassGovernanceRetention: aws.Bool(true),
		})
		require.NoError(t, err)
	}
}

func content(t *testing.T, b testenv.Bucket, key string) string {
	t.Helper()
	out, err := setup(t, target(b)).get(t.Context(), GetInput{Target: "backups", Key: key})
	require.NoError(t, err)
	return out.Text
}

func TestPut(t *testing.T) {
	t.Parallel()

	for _, checksums := range []string{"when_supported", "when_required"} {
		t.Run("StoresAText/"+checksums, func(t *testing.T) {
			t.Parallel()
			b := testenv.S3(t)
			c := target(b)
			c.Checksums = checksums
			out, err := setup(t, c).put(t.Context(), PutInput{Target: "backups", Key: "evidence/a b+ü.txt", Content: "seen at 02:14\n"})
			require.NoError(t, err)
			require.True(t, out.Stored)
			require.EqualValues(t, 14, out.Bytes)
			require.Empty(t, out.Lock)
			require.Equal(t, "seen at 02:14\n", content(t, b, "evidence/a b+ü.txt"))
			testenv.AssertNoSecret(t, b.SecretKey, out)
		})
	}

	t.Run("StoresOnceHoweverOftenItIsTried", func(t *testing.T) {
		t.Parallel()
		b := lockable(t)
		buckets := setup(t, target(b))
		first, err := buckets.put(t.Context(), PutInput{Target: "backups", Key: "a", Content: "x"})
		require.NoError(t, err)
		again, err := buckets.put(t.Context(), PutInput{Target: "backups", Key: "a", Content: "x"})
		require.NoError(t, err)
		require.True(t, first.Stored)
		require.False(t, again.Stored)
		require.Equal(t, first.Version, again.Version)
		require.Len(t, keys(t, b), 1)
		other, err := buckets.put(t.Context(), PutInput{Target: "backups", Key: "a", Content: "y"})
		require.NoError(t, err)
		require.True(t, other.Stored)
		require.Len(t, keys(t, b), 2)
	})

	t.Run("StoresAnArtifactAndKeepsAnObjectAsOne", func(t *testing.T) {
		t.Parallel()
		b := testenv.S3(t)
		buckets, folder := keeping(t, target(b))
		raw := strings.Repeat("\x00\xff binary\n", 200_000)
		require.NoError(t, os.MkdirAll(filepath.Join(folder, "er"), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(folder, "er", "export.tar"), []byte(raw), 0o600))
		put, err := buckets.put(t.Context(), PutInput{Target: "backups", Key: "evidence/export.tar", Artifact: "er/export.tar"})
		require.NoError(t, err)
		require.EqualValues(t, len(raw), put.Bytes)
		got, err := buckets.get(t.Context(), GetInput{Target: "backups", Key: "evidence/export.tar", Artifact: "export.tar", MaxBytes: 9})
		require.NoError(t, err)
		require.Equal(t, put.SHA256, got.SHA256)
		require.Equal(t, put.SHA256, got.Artifact.SHA256)
		require.True(t, got.Truncated)
		require.Equal(t, " binary", got.Text)
		kept, err := os.ReadFile(filepath.Join(folder, got.Artifact.Key))
		require.NoError(t, err)
		require.Equal(t, raw, string(kept))
	})

	t.Run("StoresNothingInADryRun", func(t *testing.T) {
		t.Parallel()
		b := testenv.S3(t)
		out, err := setup(t, target(b)).put(t.Context(), PutInput{Target: "backups", Key: "a", Content: "x", DryRun: true})
		require.NoError(t, err)
		require.False(t, out.Stored)
		require.Empty(t, keys(t, b))
	})

	t.Run("RefusesWhatCannotBe", func(t *testing.T) {
		t.Parallel()
		b := setup(t, config.S3{Bucket: "bucket"})
		for name, in := range map[string]PutInput{
			"is empty":                    {},
			"give either":                 {Key: "a", Content: "x", Artifact: "y"},
			"lock_for goes with lock":     {Key: "a", LockFor: sops.Duration(time.Hour)},
			"goes with lock_for":          {Key: "a", Lock: "governance"},
			"more than ten years":         {Key: "a", Lock: "compliance", LockFor: sops.Duration(11 * 365 * 24 * time.Hour)},
			"begins with a slash":         {Key: "/etc/passwd"},
			"has . or .. as a part":       {Key: "a/../../b"},
			"nothing between two slashes": {Key: "a//b"}, // which is a/b where objects are files
			"at most 524288 are taken":    {Key: "a", Content: strings.Repeat("x", maxContent+1)},
			"characters that no key":      {Key: "a\nb"},
			"has more than 1024 bytes":    {Key: strings.Repeat("k", 1025)},
			"this worker keeps no artifa": {Key: "a", Artifact: "y"},
		} {
			in.Target = "backups"
			_, err := b.put(t.Context(), in)
			require.ErrorContains(t, err, name)
		}
	})

	t.Run("SaysOfAnArtifactThatIsNotThere", func(t *testing.T) {
		t.Parallel()
		b, _ := keeping(t, target(testenv.S3(t)))
		_, err := b.put(t.Context(), PutInput{Target: "backups", Key: "a", Artifact: "er/gone.txt"})
		testenv.RequirePermanent(t, err, action.ErrNotFound)
		_, err = b.put(t.Context(), PutInput{Target: "backups", Key: "a", Artifact: "../gone.txt"})
		testenv.RequirePermanent(t, err, action.ErrInput)
	})
}

func TestPutLocks(t *testing.T) {
	t.Parallel()

	t.Run("KeepsEvidenceFromBeingDeleted", func(t *testing.T) {
		t.Parallel()
		b := lockable(t)
		t.Cleanup(func() { release(t, b, "evidence/log") })
		buckets := setup(t, target(b))
		out, err := buckets.put(t.Context(), PutInput{Target: "backups", Key: "evidence/log", Content: "x", Lock: "governance", LockFor: sops.Duration(time.Hour)})
		require.NoError(t, err)
		require.Equal(t, "governance", out.Lock)
		require.WithinDuration(t, time.Now().Add(time.Hour), *out.LockedUntil, time.Minute)
		for _, dry := range []bool{true, false} {
			gone, err := buckets.delete(t.Context(), DeleteInput{Target: "backups", Prefix: "evidence/", Versions: true, DryRun: dry})
			require.NoError(t, err)
			require.Zero(t, gone.Deleted)
			require.Len(t, gone.Kept, 1)
			require.Contains(t, gone.Kept[0].Why, "locked (governance) until")
		}
		require.Equal(t, []string{"evidence/log"}, keys(t, b))
	})

	t.Run("LocksWhatIsThereAlreadyAndNeverLoosens", func(t *testing.T) {
		t.Parallel()
		b := lockable(t)
		t.Cleanup(func() { release(t, b, "a") })
		buckets := setup(t, target(b))
		in := PutInput{Target: "backups", Key: "a", Content: "x"}
		_, err := buckets.put(t.Context(), in)
		require.NoError(t, err)
		in.Lock, in.LockFor, in.LegalHold = "governance", sops.Duration(2*time.Hour), true
		out, err := buckets.put(t.Context(), in)
		require.NoError(t, err)
		require.False(t, out.Stored)
		require.True(t, out.LegalHold)
		in.LockFor, in.LegalHold = sops.Duration(time.Hour), false
		out, err = buckets.put(t.Context(), in)
		require.NoError(t, err)
		require.True(t, out.LegalHold)
		require.WithinDuration(t, time.Now().Add(2*time.Hour), *out.LockedUntil, time.Minute)
		gone, err := buckets.delete(t.Context(), DeleteInput{Target: "backups", Keys: []string{"a"}, Versions: true})
		require.NoError(t, err)
		require.Contains(t, gone.Kept[0].Why, "under a legal hold")
	})

	t.Run("SaysOfABucketWithoutLocksWhatToDo", func(t *testing.T) {
		t.Parallel()
		b := testenv.S3(t)
		_, err := setup(t, target(b)).put(t.Context(), PutInput{Target: "backups", Key: "a", Content: "x", LegalHold: true})
		testenv.RequirePermanent(t, err, action.ErrInput)
		require.ErrorContains(t, err, "has no object lock: it is switched on when a bucket is made")
		require.Empty(t, keys(t, b))
	})
}

func TestGet(t *testing.T) {
	t.Parallel()

	t.Run("ReadsTheBeginningOfALongText", func(t *testing.T) {
		t.Parallel()
		b := testenv.S3(t)
		put(t, b, "log", "äöü"+strings.Repeat("x", 1000))
		out, err := setup(t, target(b)).get(t.Context(), GetInput{Target: "backups", Key: "log", MaxBytes: 5})
		require.NoError(t, err)
		require.Equal(t, "äö", out.Text)
		require.True(t, out.Truncated)
		require.Empty(t, out.SHA256)
		require.EqualValues(t, 1006, out.Bytes)
	})

	t.Run("ReadsAnOlderVersion", func(t *testing.T) {
		t.Parallel()
		b := lockable(t)
		buckets := setup(t, target(b))
		first, err := buckets.put(t.Context(), PutInput{Target: "backups", Key: "a", Content: "old"})
		require.NoError(t, err)
		put(t, b, "a", "new")
		out, err := buckets.get(t.Context(), GetInput{Target: "backups", Key: "a", Version: first.Version})
		require.NoError(t, err)
		require.Equal(t, "old", out.Text)
		require.Equal(t, first.SHA256, out.SHA256)
	})

	t.Run("RefusesAnObjectThatWasChanged", func(t *testing.T) {
		t.Parallel()
		b := testenv.S3(t)
		_, err := b.Client().PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: &b.Name, Key: aws.String("a"), Body: strings.NewReader("tampered"), Metadata: map[string]string{ownSum: strings.Repeat("0", 64)},
		})
		require.NoError(t, err)
		_, err = setup(t, target(b)).get(t.Context(), GetInput{Target: "backups", Key: "a"})
		testenv.RequirePermanent(t, err, action.ErrOutput)
		require.ErrorContains(t, err, "a is not what was stored")
	})

	t.Run("SaysWhatIsNotThere", func(t *testing.T) {
		t.Parallel()
		_, err := setup(t, target(testenv.S3(t))).get(t.Context(), GetInput{Target: "backups", Key: "gone"})
		testenv.RequirePermanent(t, err, action.ErrNotFound)
		require.ErrorContains(t, err, "read gone")
	})
}

func TestList(t *testing.T) {
	t.Parallel()
	b := testenv.S3(t)
	for _, key := range []string{"d/a", "d/b", "d/c", "e"} {
		put(t, b, key, key)
	}
	buckets := setup(t, target(b))

	first, err := buckets.objects(t.Context(), ListInput{Target: "backups", Prefix: "d/", MaxKeys: 2})
	require.NoError(t, err)
	require.Equal(t, 2, first.Count)
	require.EqualValues(t, 6, first.Bytes)
	require.False(t, first.Complete)
	rest, err := buckets.objects(t.Context(), ListInput{Target: "backups", Prefix: "d/", After: first.Next})
	require.NoError(t, err)
	require.Equal(t, "d/c", rest.Objects[0].Key)
	require.True(t, rest.Complete)
	require.Empty(t, rest.Next)
	old, err := buckets.objects(t.Context(), ListInput{Target: "backups", OlderThan: sops.Duration(time.Hour)})
	require.NoError(t, err)
	require.Empty(t, old.Objects)
	_, err = buckets.objects(t.Context(), ListInput{Target: "backups", MaxKeys: 1001})
	testenv.RequirePermanent(t, err, action.ErrInput)
}

func TestDelete(t *testing.T) {
	t.Parallel()

	t.Run("DeletesWhatIsUnderAPrefix", func(t *testing.T) {
		t.Parallel()
		b := testenv.S3(t)
		for _, key := range []string{"tmp/a", "tmp/b", "tmpfile", "kept"} {
			put(t, b, key, "12345")
		}
		in := DeleteInput{Target: "backups", Prefix: "tmp/", DryRun: true}
		out, err := setup(t, target(b)).delete(t.Context(), in)
		require.NoError(t, err)
		require.Equal(t, 2, out.Deleted)
		require.Len(t, keys(t, b), 4)
		in.DryRun = false
		out, err = setup(t, target(b)).delete(t.Context(), in)
		require.NoError(t, err)
		require.Equal(t, []string{"tmp/a", "tmp/b"}, out.Keys)
		require.EqualValues(t, 10, out.Bytes)
		require.ElementsMatch(t, []string{"tmpfile", "kept"}, keys(t, b))
		out, err = setup(t, target(b)).delete(t.Context(), in)
		require.NoError(t, err)
		require.Zero(t, out.Deleted)
	})

	t.Run("HidesInAVersionedBucketUnlessVersionsGoToo", func(t *testing.T) {
		t.Parallel()
		b := lockable(t)
		put(t, b, "a", "1")
		put(t, b, "a", "2")
		put(t, b, "ab", "3")
		buckets := setup(t, target(b))
		for range 2 { // the second time there is nothing to hide
			_, err := buckets.delete(t.Context(), DeleteInput{Target: "backups", Keys: []string{"a", "gone"}})
			require.NoError(t, err)
			require.ElementsMatch(t, []string{"a", "a", "ab", "deleted a"}, keys(t, b))
		}
		out, err := buckets.delete(t.Context(), DeleteInput{Target: "backups", Keys: []string{"a"}, Versions: true})
		require.NoError(t, err)
		require.Equal(t, 3, out.Deleted)
		require.Equal(t, []string{"ab"}, keys(t, b))
	})

	t.Run("LetsNothingComeBackThatALockKeeps", func(t *testing.T) {
		t.Parallel()
		b := lockable(t)
		t.Cleanup(func() { release(t, b, "evidence/log") })
		buckets := setup(t, target(b))
		_, err := buckets.put(t.Context(), PutInput{Target: "backups", Key: "evidence/log", Content: "first"})
		require.NoError(t, err)
		_, err = buckets.put(t.Context(), PutInput{Target: "backups", Key: "evidence/log", Content: "second", Lock: "governance", LockFor: sops.Duration(time.Hour)})
		require.NoError(t, err)
		_, err = buckets.delete(t.Context(), DeleteInput{Target: "backups", Keys: []string{"evidence/log"}})
		require.NoError(t, err)
		for _, dry := range []bool{true, false} {
			out, err := buckets.delete(t.Context(), DeleteInput{Target: "backups", Prefix: "evidence/", Versions: true, DryRun: dry})
			require.NoError(t, err)
			require.Equal(t, 1, out.Deleted)
			require.Len(t, out.Kept, 2)
			require.Contains(t, out.Kept[0].Why+out.Kept[1].Why, "it hides what a lock keeps")
		}
		_, err = buckets.get(t.Context(), GetInput{Target: "backups", Key: "evidence/log"})
		testenv.RequirePermanent(t, err, action.ErrNotFound)
	})

	t.Run("DeletesAKeyGivenTwiceOnce", func(t *testing.T) {
		t.Parallel()
		b := lockable(t)
		buckets := setup(t, target(b))
		_, err := buckets.put(t.Context(), PutInput{Target: "backups", Key: "a", Content: "x"})
		require.NoError(t, err)
		out, err := buckets.delete(t.Context(), DeleteInput{Target: "backups", Keys: []string{"a", "a"}})
		require.NoError(t, err)
		require.Equal(t, 1, out.Deleted)
		require.ElementsMatch(t, []string{"a", "deleted a"}, keys(t, b))
	})

	t.Run("SaysThatTheBucketIsNotThere", func(t *testing.T) {
		t.Parallel()
		c := target(testenv.S3(t))
		c.Bucket += "-gone"
		_, err := setup(t, c).delete(t.Context(), DeleteInput{Target: "backups", Keys: []string{"a"}})
		testenv.RequirePermanent(t, err, action.ErrNotFound)
	})

	t.Run("DeletesNothingWhenItWouldBeTooMuch", func(t *testing.T) {
		t.Parallel()
		b := testenv.S3(t)
		for _, key := range []string{"a", "b", "c"} {
			put(t, b, "x/"+key, "1")
		}
		_, err := setup(t, target(b)).delete(t.Context(), DeleteInput{Target: "backups", Prefix: "x/", Max: 2})
		testenv.RequirePermanent(t, err, action.ErrInput)
		require.Len(t, keys(t, b), 3)
	})

	t.Run("LeavesWhatIsYoung", func(t *testing.T) {
		t.Parallel()
		b := testenv.S3(t)
		put(t, b, "x/a", "1")
		out, err := setup(t, target(b)).delete(t.Context(), DeleteInput{Target: "backups", Prefix: "x/", OlderThan: sops.Duration(time.Hour)})
		require.NoError(t, err)
		require.Zero(t, out.Deleted)
		require.Len(t, keys(t, b), 1)
	})

	t.Run("RefusesAWholeBucket", func(t *testing.T) {
		t.Parallel()
		_, err := setup(t, config.S3{Bucket: "bucket"}).delete(t.Context(), DeleteInput{Target: "backups"})
		testenv.RequirePermanent(t, err, action.ErrInput)
	})
}
