package s3

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/testenv"
)

// target is the configuration of a test bucket.
func target(b testenv.Bucket) config.S3 {
	return config.S3{
		Bucket: b.Name, Region: b.Region, Endpoint: b.Endpoint, PathStyle: true,
		AccessKey: config.NewSecret(b.AccessKey), SecretKey: config.NewSecret(b.SecretKey),
	}
}

func setup(t *testing.T, c config.S3) *buckets {
	t.Helper()
	b := newBuckets(map[string]config.S3{"backups": c}, nil)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func put(t *testing.T, b testenv.Bucket, key, content string) {
	t.Helper()
	_, err := b.Client().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &b.Name, Key: &key, Body: strings.NewReader(content)})
	require.NoError(t, err)
}

func keys(t *testing.T, b testenv.Bucket) []string {
	t.Helper()
	answer, err := b.Client().ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &b.Name})
	require.NoError(t, err)
	var found []string
	for _, v := range answer.Versions {
		found = append(found, aws.ToString(v.Key))
	}
	for _, m := range answer.DeleteMarkers {
		found = append(found, "deleted "+aws.ToString(m.Key))
	}
	return found
}

func TestCheck(t *testing.T) {
	t.Parallel()

	t.Run("TellsWhatIsUnderAPrefix", func(t *testing.T) {
		t.Parallel()
		b := testenv.S3(t)
		put(t, b, "dumps/a", "12345")
		put(t, b, "dumps/b", "123")
		put(t, b, "other/c", "1")
		out, err := setup(t, target(b)).check(t.Context(), CheckInput{Target: "backups", Prefix: "dumps/"})
		require.NoError(t, err)
		require.Positive(t, out.Latency)
		require.EqualValues(t, 2, out.Listing.Objects)
		require.EqualValues(t, 8, out.Listing.Bytes)
		require.True(t, out.Listing.Complete)
		require.True(t, strings.HasPrefix(out.Listing.Newest.Key, "dumps/"))
		require.Less(t, out.Listing.Newest.Age, int64(600))
		require.Nil(t, out.Write)
		testenv.AssertNoSecret(t, b.SecretKey, out)
	})

	t.Run("BoundsTheListing", func(t *testing.T) {
		t.Parallel()
		b := testenv.S3(t)
		for _, key := range []string{"a", "b", "c", "d"} {
			put(t, b, key, "1")
		}
		out, err := setup(t, target(b)).check(t.Context(), CheckInput{Target: "backups", MaxKeys: 3})
		require.NoError(t, err)
		require.EqualValues(t, 3, out.Listing.Objects)
		require.False(t, out.Listing.Complete)
		out, err = setup(t, target(b)).check(t.Context(), CheckInput{Target: "backups", MaxKeys: 4})
		require.NoError(t, err)
		require.True(t, out.Listing.Complete)
	})

	t.Run("SaysOfAnEmptyBucketThatItIsEmpty", func(t *testing.T) {
		t.Parallel()
		out, err := setup(t, target(testenv.S3(t))).check(t.Context(), CheckInput{Target: "backups"})
		require.NoError(t, err)
		require.Zero(t, out.Listing.Objects)
		require.Nil(t, out.Listing.Newest)
		require.Equal(t, "off", out.ObjectLock)
	})

	for _, checksums := range []string{"when_supported", "when_required"} {
		t.Run("WritesReadsAndDeletes/"+checksums, func(t *testing.T) {
			t.Parallel()
			b := testenv.S3(t)
			c := target(b)
			c.Checksums = checksums
			out, err := setup(t, c).check(t.Context(), CheckInput{Target: "backups", Prefix: "probe/", Write: true})
			require.NoError(t, err)
			require.True(t, out.Write.Deleted)
			require.Len(t, out.Write.SHA256, 64)
			require.Positive(t, out.Write.Put)
			require.Positive(t, out.Write.Get)
			require.Empty(t, keys(t, b))
		})
	}

	t.Run("LeavesNothingInAVersionedBucket", func(t *testing.T) {
		t.Parallel()
		b := testenv.S3(t)
		_, err := b.Client().PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
			Bucket: &b.Name, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
		})
		require.NoError(t, err)
		out, err := setup(t, target(b)).check(t.Context(), CheckInput{Target: "backups", Write: true})
		require.NoError(t, err)
		require.Equal(t, "enabled", out.Versioning)
		require.Empty(t, keys(t, b))
	})

	t.Run("WritesNothingInADryRun", func(t *testing.T) {
		t.Parallel()
		out, err := setup(t, target(testenv.S3(t))).check(t.Context(), CheckInput{Target: "backups", Write: true, DryRun: true})
		require.NoError(t, err)
		require.Nil(t, out.Write)
	})
}

func TestCheckFailures(t *testing.T) {
	t.Parallel()

	t.Run("AWrongSecretKeyIsFinalAndNotShown", func(t *testing.T) {
		t.Parallel()
		const wrong = "wr0ng/s3cret+key"
		b := testenv.S3(t)
		c := target(b)
		c.SecretKey = config.NewSecret(wrong)
		_, err := setup(t, c).check(t.Context(), CheckInput{Target: "backups"})
		testenv.RequirePermanent(t, err, "Denied")
		testenv.AssertNoSecret(t, wrong, err)
		testenv.AssertNoSecret(t, b.SecretKey, err)
	})

	t.Run("ABucketThatIsNotThereIsSaidSo", func(t *testing.T) {
		t.Parallel()
		c := target(testenv.S3(t))
		c.Bucket = "no-such-bucket-here"
		_, err := setup(t, c).check(t.Context(), CheckInput{Target: "backups"})
		testenv.RequirePermanent(t, err, "NotFound")
		require.ErrorContains(t, err, `s3 "backups": bucket no-such-bucket-here: reach it`)
	})

	t.Run("AServerThatIsAwayIsTriedAgain", func(t *testing.T) {
		t.Parallel()
		c := target(testenv.S3(t))
		c.Endpoint = "http://127.0.0.1:1"
		_, err := setup(t, c).check(t.Context(), CheckInput{Target: "backups"})
		require.ErrorContains(t, err, "connection refused")
		var app *temporal.ApplicationError
		require.NotErrorAs(t, err, &app)
		testenv.AssertNoSecret(t, c.SecretKey.Reveal(), err)
	})

	t.Run("AServerThatHangsIsNamed", func(t *testing.T) {
		t.Parallel()
		hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		t.Cleanup(hanging.Close)
		b := setup(t, config.S3{
			Bucket: "backups", Region: "us-east-1", Endpoint: hanging.URL, PathStyle: true,
			AccessKey: config.NewSecret("key"), SecretKey: config.NewSecret("secret"),
		})
		one, err := b.Get("backups")
		require.NoError(t, err)
		one.patience = 50 * time.Millisecond
		_, err = b.check(t.Context(), CheckInput{Target: "backups"})
		require.EqualError(t, err, `s3 "backups": bucket backups: reach it: no answer within 50ms`)
	})

	t.Run("AServerThatAnswersNonsenseIsSaidSo", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }))
		t.Cleanup(server.Close)
		c := config.S3{Bucket: "bucket", Endpoint: server.URL, PathStyle: true, AccessKey: config.NewSecret("key"), SecretKey: config.NewSecret("s3cret-word")}
		_, err := setup(t, c).check(t.Context(), CheckInput{Target: "backups"})
		require.ErrorContains(t, err, "list its objects")
		testenv.AssertNoSecret(t, "s3cret-word", err)
	})

	t.Run("StopsWhenItIsCancelled", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
		}))
		t.Cleanup(server.Close)
		c := config.S3{Bucket: "bucket", Endpoint: server.URL, PathStyle: true, AccessKey: config.NewSecret("key"), SecretKey: config.NewSecret("s3cret-word")}
		_, err := setup(t, c).check(ctx, CheckInput{Target: "backups"})
		require.ErrorIs(t, err, context.Canceled)
	})

	t.Run("TooLongAListingIsRefused", func(t *testing.T) {
		t.Parallel()
		_, err := setup(t, config.S3{Bucket: "bucket"}).check(t.Context(), CheckInput{Target: "backups", MaxKeys: 1 << 30})
		testenv.RequirePermanent(t, err, "InvalidInput")
	})
}
