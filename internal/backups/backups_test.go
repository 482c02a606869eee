package backups

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/testenv"
)

// place is a bucket with a store in it.
type place struct {
	*Store
	bucket testenv.Bucket
	key    string
}

func settings(b testenv.Bucket) config.S3 {
	return config.S3{
		Bucket: b.Name, Region: b.Region, Endpoint: b.Endpoint, PathStyle: true, Checksums: "when_supported",
		AccessKey: config.NewSecret(b.AccessKey), SecretKey: config.NewSecret(b.SecretKey),
	}
}

// setup gives an empty bucket; change, when not nil, changes how it is used.
func setup(t *testing.T, change func(*config.S3)) place {
	t.Helper()
	b := testenv.S3(t)
	c := settings(b)
	if change != nil {
		change(&c)
	}
	s, err := Open("backups", c)
	require.NoError(t, err)
	return place{Store: s, bucket: b, key: Key(Prefix, "docs-db", time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC), t.Name())}
}

// encrypted makes a store encrypt for a new key, which it can read with.
func encrypted(t *testing.T) func(*config.S3) {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	return func(c *config.S3) {
		c.Encrypt = &config.Encryption{Recipients: []string{identity.Recipient().String()}, Identity: config.NewSecret(identity.String())}
	}
}

// noise is bytes that can't be compressed, the same for a seed.
func noise(size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// write stores a backup of one file.
func (p place) write(t *testing.T, spec Spec, content []byte) *Backup {
	t.Helper()
	f, err := p.Write(t.Context(), p.key, spec, func(w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader(content))
		return err
	})
	require.NoError(t, err)
	_, _, err = p.Finish(t.Context(), Manifest{Key: p.key, Database: "docs-db", Format: FormatCustom, Files: []File{f}})
	require.NoError(t, err)
	b, err := p.Backup(t.Context(), p.key, "")
	require.NoError(t, err)
	return b
}

func (p place) uploads(t *testing.T) int {
	t.Helper()
	n, err := p.Uploads(t.Context(), "")
	require.NoError(t, err)
	return n
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"Nothing": 0, "Small": 1000, "OnePart": minPart, "ManyParts": 5*minPart + 17} {
		for how, change := range map[string]func(*config.S3){"Plain": nil, "Encrypted": encrypted(t)} {
			for _, compress := range []bool{false, true} {
				t.Run(name+how+map[bool]string{true: "Compressed"}[compress], func(t *testing.T) {
					t.Parallel()
					p := setup(t, change)
					content := noise(size)
					var done atomic.Int64
					b := p.write(t, Spec{Compress: compress, Done: &done}, content)
					require.Equal(t, b.Bytes, done.Load())
					require.Equal(t, change != nil, b.Encrypted)
					require.Equal(t, "dump.pgdump", b.Files[0].PlainName())
					r, err := b.Archive(t.Context())
					require.NoError(t, err)
					defer r.Close()
					got, err := io.ReadAll(r)
					require.NoError(t, err)
					require.True(t, bytes.Equal(content, got))
					require.Zero(t, p.uploads(t))
				})
			}
		}
	}
}

func TestWhatPgDumpCompressedItselfStaysCompressed(t *testing.T) {
	t.Parallel()
	p := setup(t, encrypted(t))
	b := p.write(t, Spec{Name: "3385.dat.zst"}, []byte("as pg_dump 17 wrote it"))
	require.Equal(t, "dump/3385.dat.zst.age", b.Files[0].Name)
	require.Equal(t, "dump/3385.dat.zst", b.Files[0].PlainName())
	r, err := b.Open(t.Context(), b.Files[0])
	require.NoError(t, err)
	defer r.Close()
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, "as pg_dump 17 wrote it", string(got))
}

func TestAProducerThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	broken := errors.New("pg_dump ended with code 1")
	for name, size := range map[string]int{"BeforeTheFirstPart": 100, "AfterSomeParts": 3*minPart + 5} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := setup(t, nil)
			_, err := p.Write(t.Context(), p.key, Spec{}, func(w io.Writer) error {
				_, _ = w.Write(noise(size))
				return broken
			})
			require.ErrorIs(t, err, broken)
			require.Zero(t, p.uploads(t))
			entries, err := p.List(t.Context(), Prefix, "docs-db")
			require.NoError(t, err)
			require.Empty(t, entries)
		})
	}
}

func TestACancelledUploadLeavesNothing(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("the run was stopped")
	_, err := p.Write(ctx, p.key, Spec{}, func(w io.Writer) error {
		_, err := w.Write(noise(3 * minPart))
		require.NoError(t, err)
		cancel(stopped)
		for err == nil {
			_, err = w.Write(noise(minPart))
		}
		return err
	})
	require.ErrorIs(t, err, stopped)
	require.Zero(t, p.uploads(t))
}

func TestClearRemovesWhatAKilledAttemptLeft(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	name := object(p.key, archive)
	_, err := p.client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &p.bucket.Name, Key: &name})
	require.NoError(t, err)
	_, err = p.Write(t.Context(), p.key, Spec{Name: "toc.dat"}, func(w io.Writer) error { _, err := w.Write([]byte("x")); return err })
	require.NoError(t, err)
	require.Equal(t, 1, p.uploads(t))
	require.NoError(t, p.Clear(t.Context(), p.key))
	require.Zero(t, p.uploads(t))
	entries, err := p.List(t.Context(), Prefix, "docs-db")
	require.NoError(t, err)
	require.Empty(t, entries)

	p.write(t, Spec{}, []byte("whole"))
	require.NoError(t, p.Clear(t.Context(), p.key))
	_, err = p.Backup(t.Context(), p.key, "")
	require.NoError(t, err, "a finished backup stays")
}

func TestABackupThatIsNotWhatWasWrittenIsRefused(t *testing.T) {
	t.Parallel()
	content := noise(2*minPart + 100)
	change := func(b []byte) []byte { c := bytes.Clone(b); c[len(c)/2] ^= 1; return c }
	for name, tc := range map[string]struct {
		tamper func([]byte) []byte // nil: the file goes
		says   string
	}{
		"Changed":   {change, "SHA-256"},
		"Truncated": {func(b []byte) []byte { return b[:len(b)-1000] }, "ends after"},
		"Longer":    {func(b []byte) []byte { return append(bytes.Clone(b), 0) }, "longer than"},
		"Empty":     {func([]byte) []byte { return nil }, "ends after 0"},
		"Gone":      {nil, "read "},
	} {
		for how, how2 := range map[string]func(*config.S3){"Plain": nil, "Encrypted": encrypted(t)} {
			for _, compress := range []bool{false, true} {
				t.Run(name+how+map[bool]string{true: "Compressed"}[compress], func(t *testing.T) {
					t.Parallel()
					p := setup(t, how2)
					b := p.write(t, Spec{Compress: compress}, content)
					p.replace(t, b.Files[0].Name, tc.tamper)
					r, err := b.Archive(t.Context())
					if err == nil {
						_, err = io.Copy(io.Discard, r)
						r.Close()
					}
					require.ErrorIs(t, err, ErrCorrupt)
					require.ErrorContains(t, err, tc.says)
				})
			}
		}
	}
}

// replace puts something else in an object's place.
func (p place) replace(t *testing.T, name string, tamper func([]byte) []byte) {
	t.Helper()
	key := object(p.key, name)
	if tamper == nil {
		_, err := p.client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &p.bucket.Name, Key: &key})
		require.NoError(t, err)
		return
	}
	got, err := p.client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &p.bucket.Name, Key: &key})
	require.NoError(t, err)
	defer got.Body.Close()
	old, err := io.ReadAll(got.Body)
	require.NoError(t, err)
	_, err = p.client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &p.bucket.Name, Key: &key, Body: bytes.NewReader(tamper(old)), Metadata: got.Metadata,
	})
	require.NoError(t, err)
}

func TestAManifestThatIsNotTheOneWrittenIsRefused(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	b := p.write(t, Spec{}, []byte("content"))
	_, err := p.Backup(t.Context(), p.key, strings.Repeat("0", 64))
	require.ErrorIs(t, err, ErrCorrupt)
	_, err = p.Backup(t.Context(), p.key, b.ManifestSHA256)
	require.NoError(t, err)
	p.replace(t, ManifestName, func(m []byte) []byte { return bytes.Replace(m, []byte("docs-db"), []byte("docs-xx"), 1) })
	_, err = p.Backup(t.Context(), p.key, "")
	require.ErrorIs(t, err, ErrCorrupt)
}

func TestAManifestOfAnotherBackupIsRefused(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	elsewhere := Key(Prefix, "docs-db", time.Now(), "other")
	for _, m := range []Manifest{
		{Key: elsewhere}, {Key: p.key, Files: []File{{Name: "../../etc/passwd"}}}, {Key: p.key, Files: []File{{Name: "dump/../x"}}},
		{Key: p.key, Files: []File{{Name: "dump/a/b"}}}, {Key: p.key, Files: []File{{Name: ".x"}}}, {Key: p.key, Files: []File{{Name: "dump/"}}},
	} {
		m.Version = Version
		_, err := p.putJSON(t.Context(), object(p.key, ManifestName), m)
		require.NoError(t, err)
		_, err = p.Backup(t.Context(), p.key, "")
		require.ErrorIs(t, err, ErrCorrupt, "%+v", m)
	}
}

func TestReadingNeedsTheRightKey(t *testing.T) {
	t.Parallel()
	p := setup(t, encrypted(t))
	b := p.write(t, Spec{}, []byte("content"))
	for name, change := range map[string]func(*config.S3){
		"None": func(c *config.S3) {
			c.Encrypt = &config.Encryption{Recipients: b.Recipients}
		},
		"Another": encrypted(t),
	} {
		t.Run(name, func(t *testing.T) {
			c := settings(p.bucket)
			change(&c)
			s, err := Open("backups", c)
			require.NoError(t, err)
			b, err := s.Backup(t.Context(), p.key, "")
			require.NoError(t, err)
			_, err = b.Archive(t.Context())
			require.ErrorIs(t, err, ErrRefused)
			require.ErrorContains(t, err, "encrypt.identity")
		})
	}
}

func TestListAndDelete(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	old, unfinished := p.key, Key(Prefix, "docs-db", time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC), "x")
	p.write(t, Spec{}, []byte("content"))
	require.NoError(t, p.PutVerified(t.Context(), Verified{Key: old, Rows: 7}))
	_, err := p.Write(t.Context(), unfinished, Spec{Name: "1.dat.gz"}, func(io.Writer) error { return nil })
	require.NoError(t, err)
	other := p
	other.key = Key(Prefix, "docs-db-2", time.Now(), "x")
	other.write(t, Spec{}, []byte("another database"))
	for i, prefix := range []string{"database/docs-db/", "database/docs-db/weekly"} { // below this one's folder
		below := p
		below.key = Key(prefix, []string{"docs-db", "zebra"}[i], time.Now(), "x")
		below.write(t, Spec{}, []byte("another prefix"))
	}

	entries, err := p.List(t.Context(), "database", "docs-db")
	require.NoError(t, err)
	require.Len(t, entries, 2)
	require.Equal(t, []string{unfinished, old}, []string{entries[0].Key, entries[1].Key})
	require.False(t, entries[0].Finished || entries[0].Verified)
	require.True(t, entries[1].Finished && entries[1].Verified)
	require.Equal(t, 3, entries[1].Objects)
	require.Equal(t, "docs-db", entries[1].Database)
	require.WithinDuration(t, time.Now(), entries[1].Modified, time.Minute)
	v, err := p.Verified(t.Context(), old)
	require.NoError(t, err)
	require.EqualValues(t, 7, v.Rows)

	require.NoError(t, p.Delete(t.Context(), old))
	require.NoError(t, p.Delete(t.Context(), unfinished))
	require.Error(t, p.Delete(t.Context(), "database/docs-db"), "only a backup")
	entries, err = p.List(t.Context(), Prefix, "docs-db")
	require.NoError(t, err)
	require.Empty(t, entries)
	_, err = p.Verified(t.Context(), old)
	require.ErrorIs(t, err, ErrNotFound)
	_, err = p.Backup(t.Context(), old, "")
	require.ErrorIs(t, err, ErrNotFound)
}

func TestKeys(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)
	key := Key("database", "docs-db", at, "run/step")
	require.Regexp(t, `^database/docs-db/2026-11-22T020000Z-[0-9a-f]{8}$`, key)
	require.Equal(t, key, Key("database/", "docs-db", at, "run/step"), "the same step finds its own again")
	require.NotEqual(t, key, Key("database/", "docs-db", at, "run/other"))
	database, when, err := ParseKey(key)
	require.NoError(t, err)
	require.Equal(t, "docs-db", database)
	require.Equal(t, at, when)
	for _, bad := range []string{"", "database/docs-db", "/" + key, key + "/", "../" + key, "a//" + key, "database/docs-db/2026-99-22T020000Z-00000000"} {
		_, _, err := ParseKey(bad)
		require.Error(t, err, bad)
	}
}

func TestTheServerComparesTheWholeFile(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	b := p.write(t, Spec{}, noise(2*minPart+3))
	key := object(p.key, b.Files[0].Name)
	got, err := p.client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &p.bucket.Name, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
	require.NoError(t, err)
	require.NotEmpty(t, aws.ToString(got.ChecksumCRC32C))
	require.Equal(t, types.ChecksumTypeFullObject, got.ChecksumType)

	u := newUpload(t.Context(), p.Store, object(p.key, "wrong"), Spec{})
	_, err = u.Write(noise(minPart + 1))
	require.NoError(t, err)
	_, _ = u.crc.Write([]byte("something else"))
	require.ErrorContains(t, u.complete(), "complete the upload")
	u.abandon()
	require.Zero(t, p.uploads(t))
}

func TestServersThatKnowNoNewChecksums(t *testing.T) {
	t.Parallel()
	p := setup(t, func(c *config.S3) { c.Checksums = "when_required" })
	b := p.write(t, Spec{}, noise(2*minPart+3))
	r, err := b.Archive(t.Context())
	require.NoError(t, err)
	defer r.Close()
	_, err = io.Copy(io.Discard, r)
	require.NoError(t, err)
}

func TestRestoreLine(t *testing.T) {
	t.Parallel()
	s, err := Open("backups", config.S3{Bucket: "it's", Endpoint: "http://s3:7070", Region: "us-east-1"})
	require.NoError(t, err)
	custom := func(file, dump, server string) string {
		return s.restoreLine(Manifest{Key: "k", Format: FormatCustom, Files: []File{{Name: file}}, PgDump: dump, Server: server})
	}
	require.Equal(t, `createdb -T template0 restored && aws s3 cp --endpoint-url 'http://s3:7070' 's3://it'\''s/k/dump.pgdump' - | pg_restore --exit-on-error --dbname=restored`,
		custom("dump.pgdump", "17.2", "17.2 (Debian 17.2-1)"))
	require.Contains(t, custom("dump.pgdump.zst.age", "15.1", "15.1"),
		` - | age --decrypt --identity key.txt | zstd --decompress --stdout | pg_restore --exit-on-error --dbname=restored`)
	require.Contains(t, custom("dump.pgdump", "17.2", "15.1"), "pg_restore --dbname=restored", "an older server refuses one setting")
	require.Contains(t, custom("dump.pgdump", "16.2", "15.1"), "--exit-on-error")
}
