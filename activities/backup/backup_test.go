package backup

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/backups"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/sops"
)

// now is when the tests look: a Sunday.
var now = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)

// shelf is a bucket with backups of the database db.
type shelf struct {
	*actions
	store  *backups.Store
	bucket testenv.Bucket
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	b := testenv.S3(t)
	a := newActions(config.Targets{
		Postgres: map[string]config.Postgres{"db": {}},
		S3: map[string]config.S3{"backups": {
			Bucket: b.Name, Region: b.Region, Endpoint: b.Endpoint, PathStyle: true,
			AccessKey: config.NewSecret(b.AccessKey), SecretKey: config.NewSecret(b.SecretKey),
		}},
	})
	a.now = func() time.Time { return now }
	t.Cleanup(func() { require.NoError(t, a.stores.Close()) })
	store, err := a.storeOf("db", "")
	require.NoError(t, err)
	return &shelf{actions: a, store: store, bucket: b}
}

// put keeps a backup of some moment; it need not be one that can be restored.
func (s *shelf) put(t *testing.T, ago time.Duration, verified bool) (key string) {
	t.Helper()
	at := now.Add(-ago)
	key = backups.Key("", "db", at, fmt.Sprint(ago))
	key = backups.Prefix + key
	f, err := s.store.Write(t.Context(), key, backups.Spec{}, func(w io.Writer) error {
		_, err := io.WriteString(w, "a dump")
		return err
	})
	require.NoError(t, err)
	_, sum, err := s.store.Finish(t.Context(), backups.Manifest{
		Key: key, Database: "db", Format: backups.FormatCustom, Snapshot: backups.Snapshot{Taken: at}, Files: []backups.File{f},
		Tables: []backups.Table{{Schema: "public", Name: "t", Rows: 3}},
	})
	require.NoError(t, err)
	if verified {
		require.NoError(t, s.store.PutVerified(t.Context(), backups.Verified{Key: key, ManifestSHA256: sum, At: at.Add(time.Minute), RestoreSeconds: 12}))
	}
	return key
}

// keys lists the backups that are there.
func (s *shelf) keys(t *testing.T) []string {
	t.Helper()
	all, err := s.store.List(t.Context(), backups.Prefix, "db")
	require.NoError(t, err)
	var keys []string
	for _, e := range all {
		keys = append(keys, e.Key)
	}
	return keys
}

// spoil changes an object without anybody's knowing.
func (s *shelf) spoil(t *testing.T, key, content string) {
	t.Helper()
	head, err := s.bucket.Client().HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &s.bucket.Name, Key: &key})
	require.NoError(t, err)
	_, err = s.bucket.Client().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &s.bucket.Name, Key: &key, Body: strings.NewReader(content), Metadata: head.Metadata})
	require.NoError(t, err)
}

func count(n int) *int { return &n }

const day = 24 * time.Hour

func TestListTellsOfEachBackup(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	old, good := s.put(t, 3*day, false), s.put(t, time.Hour, true)
	s.spoil(t, old+"/manifest.json", "{}")
	_, err := s.store.Write(t.Context(), backups.Prefix+backups.Key("", "db", now, "unfinished"), backups.Spec{}, func(w io.Writer) error { return nil })
	require.NoError(t, err)

	out, err := s.list(t.Context(), ListInput{Database: "db"})
	require.NoError(t, err)
	require.Equal(t, 2, out.Count)
	require.Equal(t, 1, out.Unfinished)
	require.Equal(t, 1, out.Verified)
	newest := out.Backups[0]
	require.Equal(t, good, newest.Key)
	require.EqualValues(t, 3600, newest.Age)
	require.True(t, newest.Intact)
	require.True(t, newest.Verified)
	require.EqualValues(t, 12, newest.RestoreSeconds)
	require.Equal(t, 1, newest.Tables)
	require.False(t, out.Backups[1].Intact)
	require.Contains(t, out.Backups[1].Problem, "manifest.json")
	one, err := s.list(t.Context(), ListInput{Database: "db", Limit: 1})
	require.NoError(t, err)
	require.Len(t, one.Backups, 1)
	require.Equal(t, 2, one.Count)
	testenv.AssertNoSecret(t, s.bucket.SecretKey, out)
}

func TestPrune(t *testing.T) {
	t.Parallel()

	t.Run("KeepsOneOfEachDayWeekAndMonth", func(t *testing.T) {
		t.Parallel()
		s := newShelf(t)
		want := map[string]bool{}
		for _, c := range []struct {
			ago  time.Duration
			keep bool
		}{
			{time.Hour, true},             // the newest
			{2 * time.Hour, true},         // younger than a day: somebody may need it
			{25 * time.Hour, true},        // Saturday, the second day
			{28*time.Hour - 1, false},     // Saturday too, and older
			{2 * day, false},              // Friday: a third day, the same week
			{9 * day, true},               // the second week
			{10 * day, false},             //
			{40 * day, true},              // October: the second month
			{45 * day, false},             //
			{80 * day, false},             // a third month
			{400 * day, false},            //
			{400*day + time.Hour, false},  //
			{400*day + 2*time.Hour, true}, // the newest that was verified
		} {
			want[s.put(t, c.ago, c.ago == 400*day+2*time.Hour)] = c.keep
		}
		in := PruneInput{Database: "db", Daily: count(2), Weekly: count(2), Monthly: count(2), DryRun: true}
		dry, err := s.prune(t.Context(), in)
		require.NoError(t, err)
		require.Len(t, s.keys(t), 13)
		in.DryRun = false
		out, err := s.prune(t.Context(), in)
		require.NoError(t, err)
		dry.DryRun = false
		require.Equal(t, dry, out)
		maps.DeleteFunc(want, func(_ string, keep bool) bool { return !keep })
		require.ElementsMatch(t, slices.Collect(maps.Keys(want)), s.keys(t))
		require.Equal(t, len(want), out.Kept)
		require.Equal(t, 13-len(want), out.Deleted)
		again, err := s.prune(t.Context(), in)
		require.NoError(t, err)
		require.Zero(t, again.Deleted)
	})

	t.Run("NeverTakesTheNewestNorTheNewestVerified", func(t *testing.T) {
		t.Parallel()
		s := newShelf(t)
		newest, trusted := s.put(t, 100*day, false), s.put(t, 120*day, true)
		forged := s.put(t, 110*day, true)
		s.spoil(t, forged+"/verified.json", `{"key":"`+forged+`"}`)
		cut := s.put(t, 115*day, true)
		s.spoil(t, cut+"/dump.pgdump", "a")
		s.put(t, 130*day, true)
		out, err := s.prune(t.Context(), PruneInput{Database: "db", Daily: count(0), Weekly: count(0), Monthly: count(0)})
		require.NoError(t, err)
		require.Equal(t, 3, out.Deleted)
		require.Equal(t, []string{newest, trusted}, s.keys(t))
	})

	t.Run("PrefersTheVerifiedBackupOfADay", func(t *testing.T) {
		t.Parallel()
		s := newShelf(t)
		newest := s.put(t, time.Hour, true)
		s.put(t, 49*time.Hour, false)
		verified := s.put(t, 50*time.Hour, true)
		_, err := s.prune(t.Context(), PruneInput{Database: "db", Daily: count(2), Weekly: count(0), Monthly: count(0)})
		require.NoError(t, err)
		require.Equal(t, []string{newest, verified}, s.keys(t))
	})

	t.Run("LeavesWhatALockKeeps", func(t *testing.T) {
		t.Parallel()
		s := newShelf(t)
		client := s.bucket.Client()
		_, err := client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
			Bucket: &s.bucket.Name, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
		})
		require.NoError(t, err)
		_, err = client.PutObjectLockConfiguration(t.Context(), &s3.PutObjectLockConfigurationInput{
			Bucket: &s.bucket.Name, ObjectLockConfiguration: &types.ObjectLockConfiguration{ObjectLockEnabled: types.ObjectLockEnabledEnabled},
		})
		require.NoError(t, err)
		newest := s.put(t, time.Hour, true)
		locked, held := s.put(t, 400*day, false), s.put(t, 401*day, false)
		dump := s.put(t, 402*day, false)
		s.put(t, 403*day, false)
		until := now.Add(time.Hour) // for the server's clock as for ours
		if today := time.Now(); today.After(now) {
			until = today.Add(time.Hour).UTC().Truncate(time.Second)
		}
		_, err = client.PutObjectRetention(t.Context(), &s3.PutObjectRetentionInput{
			Bucket: &s.bucket.Name, Key: aws.String(locked + "/manifest.json"),
			Retention: &types.ObjectLockRetention{Mode: types.ObjectLockRetentionModeGovernance, RetainUntilDate: &until},
		})
		require.NoError(t, err)
		_, err = client.PutObjectLegalHold(t.Context(), &s3.PutObjectLegalHoldInput{
			Bucket: &s.bucket.Name, Key: aws.String(held + "/manifest.json"), LegalHold: &types.ObjectLockLegalHold{Status: types.ObjectLockLegalHoldStatusOn},
		})
		require.NoError(t, err)
		// Whoever wants to keep the data may think of the dump only.
		_, err = client.PutObjectLegalHold(t.Context(), &s3.PutObjectLegalHoldInput{
			Bucket: &s.bucket.Name, Key: aws.String(dump + "/dump.pgdump"), LegalHold: &types.ObjectLockLegalHold{Status: types.ObjectLockLegalHoldStatusOn},
		})
		require.NoError(t, err)
		t.Cleanup(func() { s.release(t, locked, held, dump) })
		out, err := s.prune(t.Context(), PruneInput{Database: "db", Daily: count(1), Weekly: count(0), Monthly: count(0)})
		require.NoError(t, err)
		require.Equal(t, 1, out.Deleted)
		require.Len(t, out.Locked, 3)
		require.Equal(t, locked, out.Locked[0].Key)
		require.WithinDuration(t, until, *out.Locked[0].Until, time.Second)
		require.Nil(t, out.Locked[1].Until)
		require.Equal(t, []string{newest, locked, held, dump}, s.keys(t))
	})

	t.Run("ClearsWhatWasNeverFinished", func(t *testing.T) {
		t.Parallel()
		s := newShelf(t)
		key := backups.Prefix + backups.Key("", "db", now, "left")
		_, err := s.store.Write(t.Context(), key, backups.Spec{}, func(w io.Writer) error { return nil })
		require.NoError(t, err)
		_, err = s.bucket.Client().CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &s.bucket.Name, Key: aws.String(key + "/dump.pgdump")})
		require.NoError(t, err)
		out, err := s.prune(t.Context(), PruneInput{Database: "db"})
		require.NoError(t, err)
		require.Zero(t, out.Leftovers+out.Uploads) // they may be on their way
		s.now = func() time.Time { return time.Now().Add(25 * time.Hour) }
		for range 2 {
			out, err = s.prune(t.Context(), PruneInput{Database: "db", DryRun: true})
			require.NoError(t, err)
			require.Equal(t, 1, out.Leftovers)
			require.Equal(t, 1, out.Uploads)
		}
		_, err = s.prune(t.Context(), PruneInput{Database: "db"})
		require.NoError(t, err)
		require.Empty(t, s.keys(t))
		open, err := s.store.Uploads(t.Context(), backups.Prefix)
		require.NoError(t, err)
		require.Zero(t, open)
	})

	t.Run("RefusesNonsense", func(t *testing.T) {
		t.Parallel()
		_, err := newShelf(t).prune(t.Context(), PruneInput{Database: "db", Daily: count(-1)})
		testenv.RequirePermanent(t, err, action.ErrInput)
	})
}

// release takes locks off, so that the bucket can go.
func (s *shelf) release(t *testing.T, keys ...string) {
	for _, key := range keys {
		for _, name := range []string{key + "/manifest.json", key + "/dump.pgdump"} {
			_, _ = s.bucket.Client().PutObjectLegalHold(context.Background(), &s3.PutObjectLegalHoldInput{
				Bucket: &s.bucket.Name, Key: &name, LegalHold: &types.ObjectLockLegalHold{Status: types.ObjectLockLegalHoldStatusOff},
			})
			_, _ = s.bucket.Client().PutObjectRetention(context.Background(), &s3.PutObjectRetentionInput{
				Bucket: &s.bucket.Name, Key: &name, BypassGovernanceRetention: aws.Bool(true), Retention: &types.ObjectLockRetention{},
			})
		}
	}
}

func TestVerifyLatest(t *testing.T) {
	t.Parallel()
	notWanted, maxAge := false, sops.Duration(26*time.Hour)
	for name, c := range map[string]struct {
		put  func(*testing.T, *shelf) string // and the key that is relied on
		in   LatestInput
		kind string
		says string
	}{
		"TakesOneThatIsYoungAndVerified": {
			put: func(t *testing.T, s *shelf) string { return s.put(t, 25*time.Hour, true) },
		},
		"SaysThatThereIsNone": {
			put:  func(*testing.T, *shelf) string { return "" },
			kind: action.ErrNotFound, says: `no backup of "db" can be relied on: there is none below database/db/ of s3 "backups": make one`,
		},
		"SaysThatItIsTooOld": {
			put:  func(t *testing.T, s *shelf) string { return s.put(t, 27*time.Hour, true) },
			kind: action.ErrNotFound, says: "is 27h0m0s old, at most 26h is wanted: make one (postgres.backup, or the procedure backup) and find out why none was made",
		},
		"DoesNotTakeOneOfTheFutureForYoung": {
			put: func(t *testing.T, s *shelf) string {
				s.put(t, time.Hour, true)
				return s.put(t, -300*day, true)
			},
			kind: action.ErrCorrupt, says: "shows a moment that is still to come (2027-09-18T03:00:00Z): a clock was wrong",
		},
		"MindsNoClockThatIsALittleAhead": {
			put: func(t *testing.T, s *shelf) string { return s.put(t, -5*time.Minute, true) },
		},
		"SaysThatItWasNotVerified": {
			put:  func(t *testing.T, s *shelf) string { return s.put(t, time.Hour, false) },
			kind: action.ErrNotFound, says: "was not verified, and no other is: verify it (postgres.verify",
		},
		"DoesNotMindWhenVerifyingIsNotWanted": {
			put: func(t *testing.T, s *shelf) string { return s.put(t, time.Hour, false) },
			in:  LatestInput{Verified: &notWanted},
		},
		"TakesTheOneBeforeWhileTheNewestIsBeingVerified": {
			put: func(t *testing.T, s *shelf) string { s.put(t, time.Minute, false); return s.put(t, 24*time.Hour, true) },
		},
		"SaysThatTheOneBeforeIsTooOld": {
			put:  func(t *testing.T, s *shelf) string { s.put(t, time.Minute, false); return s.put(t, 30*time.Hour, true) },
			kind: action.ErrNotFound, says: "is 30h0m0s old, at most 26h is wanted: verify the newest",
		},
		"RefusesAManifestThatWasChanged": {
			put: func(t *testing.T, s *shelf) string {
				s.put(t, 2*time.Hour, true)
				s.spoil(t, s.put(t, time.Hour, true)+"/manifest.json", "{}")
				return ""
			},
			kind: action.ErrCorrupt, says: "can't be relied on",
		},
		"RefusesADumpThatWasCutOff": {
			put: func(t *testing.T, s *shelf) string {
				s.spoil(t, s.put(t, time.Hour, true)+"/dump.pgdump", "a d")
				return ""
			},
			kind: action.ErrCorrupt, says: "has 3 bytes, want 6",
		},
		"DoesNotBelieveANoteOfAnotherManifest": {
			put: func(t *testing.T, s *shelf) string {
				key := s.put(t, time.Hour, false)
				require.NoError(t, s.store.PutVerified(t.Context(), backups.Verified{Key: key, ManifestSHA256: strings.Repeat("0", 64)}))
				return ""
			},
			kind: action.ErrNotFound, says: "was not verified",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShelf(t)
			key := c.put(t, s)
			c.in.Database, c.in.MaxAge = "db", maxAge
			out, err := s.verifyLatest(t.Context(), c.in)
			if c.kind != "" {
				testenv.RequirePermanent(t, err, c.kind)
				require.ErrorContains(t, err, c.says)
				return
			}
			require.NoError(t, err)
			require.Equal(t, key, out.Key)
			require.Equal(t, c.in.Verified == nil, out.Verified)
		})
	}
}

func TestTheBucketIsFoundThroughTheDatabase(t *testing.T) {
	t.Parallel()
	a := newActions(config.Targets{
		Postgres: map[string]config.Postgres{"db": {}, "named": {Backups: "two"}},
		S3:       map[string]config.S3{"one": {Bucket: "one"}, "two": {Bucket: "two"}},
	})
	_, err := a.storeOf("db", "")
	testenv.RequirePermanent(t, err, action.ErrNotConfigured)
	require.ErrorContains(t, err, "give targets.postgres.db.backups in orderly.yaml (s3 targets: one, two)")
	store, err := a.storeOf("named", "")
	require.NoError(t, err)
	require.Equal(t, "two", store.Target())
	store, err = a.storeOf("named", "one")
	require.NoError(t, err)
	require.Equal(t, "one", store.Target())
	_, err = a.storeOf("nmaed", "")
	require.ErrorContains(t, err, `did you mean "named"?`)
}
