package s3

import (
	"context"
	"crypto/md5" //nolint:gosec // as the checksum that the oldest servers know, not against anybody
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"go.temporal.io/sdk/activity"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/s3client"
	"github.com/orderly-ops/orderly/sops"
)

const (
	maxContent = 512 << 10 // of a text in the input
	maxObject  = 5 << 30   // what S3 takes in one request
	// ownSum is the metadata under which an object carries its SHA-256, in hex.
	ownSum = "orderly-sha256"
)

// PutInput is the input of s3.put.
type PutInput struct {
	Target      string        `json:"target" target:"s3" doc:"The bucket."`
	Key         string        `json:"key" doc:"The object's key. What is there under it is replaced; in a versioned bucket it stays as an older version."`
	Content     string        `json:"content,omitempty" doc:"What is stored: this text, at most 512 KiB."`
	Artifact    string        `json:"artifact,omitempty" doc:"Or the artifact of this key, at most 5 GiB."`
	ContentType string        `json:"content_type,omitempty" doc:"Its media type." default:"text/plain for content, application/octet-stream for an artifact"`
	Lock        string        `json:"lock,omitempty" enum:"governance,compliance" doc:"Lock it against deletion (S3 object lock): with governance a key that has the right to may still delete it, with compliance nobody." default:"as the bucket says"`
	LockFor     sops.Duration `json:"lock_for,omitempty" doc:"How long, at most ten years."`
	LegalHold   bool          `json:"legal_hold,omitempty" doc:"Put it under a legal hold: locked until somebody takes that off."`
	DryRun      bool          `json:"dry_run,omitempty" doc:"Look, and store nothing."`
}

// Put is the output of s3.put.
type Put struct {
	Target      string     `json:"target" doc:"The target."`
	Bucket      string     `json:"bucket" doc:"The bucket's name."`
	Key         string     `json:"key" doc:"The object's key."`
	Version     string     `json:"version" doc:"The object's version; empty in a bucket without versions."`
	Bytes       int64      `json:"bytes" doc:"Its size."`
	SHA256      string     `json:"sha256" doc:"Of what was stored, in hex. The server checked it on arrival."`
	Stored      bool       `json:"stored" doc:"It was stored now; false when the very same was there already, and in a dry run."`
	Lock        string     `json:"lock" enum:",governance,compliance" doc:"How it is locked; empty when it is not, or when we may not see that."`
	LockedUntil *time.Time `json:"locked_until,omitempty" doc:"Until when; absent when it is not locked by time."`
	LegalHold   bool       `json:"legal_hold" doc:"It is under a legal hold."`
	DryRun      bool       `json:"dry_run" doc:"Nothing was changed."`
}

// put is the action s3.put.
func (b *buckets) put(ctx context.Context, in PutInput) (Put, error) {
	want, err := in.check(ctx)
	if err != nil {
		return Put{}, err
	}
	bucket, err := b.Get(in.Target)
	if err != nil {
		return Put{}, err
	}
	defer action.KeepAlive(ctx)()
	if !want.none() {
		if err := bucket.lockable(ctx); err != nil {
			return Put{}, err
		}
	}
	body, err := b.body(ctx, in)
	if err != nil {
		return Put{}, err
	}
	defer body.close()
	out := Put{Target: in.Target, Bucket: bucket.name, Key: in.Key, Bytes: body.size, SHA256: hex.EncodeToString(body.sha[:]), DryRun: in.DryRun}
	there, err := bucket.head(ctx, in.Key, "")
	if err != nil || in.DryRun {
		return out, err
	}
	// An earlier attempt may have stored it without living to say so.
	if there != nil && there.Metadata[ownSum] == out.SHA256 && aws.ToInt64(there.ContentLength) == body.size {
		err = bucket.tighten(ctx, in.Key, there.VersionId, lockOf(there), want)
	} else {
		err = bucket.store(ctx, in, body, want)
		out.Stored = true
	}
	if err != nil {
		return Put{}, err
	}
	err = bucket.finish(ctx, &out)
	return out, err
}

// check refuses what can't be carried out, and gives the lock that is wanted.
func (in *PutInput) check(ctx context.Context) (lock, error) {
	if err := checkKey("s3.put", in.Key); err != nil {
		return lock{}, err
	}
	if in.Content != "" && in.Artifact != "" {
		return lock{}, action.Permanent(action.ErrInput, "s3.put: give either content or artifact")
	}
	if len(in.Content) > maxContent {
		return lock{}, action.Permanent(action.ErrInput, "s3.put: content has %d bytes, at most %d are taken: keep it as an artifact", len(in.Content), maxContent)
	}
	if in.ContentType == "" {
		in.ContentType = "text/plain; charset=utf-8"
		if in.Artifact != "" {
			in.ContentType = "application/octet-stream"
		}
	}
	return wanted(*in, scheduled(ctx))
}

// scheduled is when the step was: the same for each of its attempts.
func scheduled(ctx context.Context) time.Time {
	if activity.IsActivity(ctx) {
		return activity.GetInfo(ctx).ScheduledTime
	}
	return time.Now()
}

// store uploads the object. The server compares it with a checksum and refuses what was changed on the way.
func (b *bucket) store(ctx context.Context, in PutInput, body *body, want lock) error {
	request := &s3.PutObjectInput{
		Bucket: &b.name, Key: &in.Key, Body: body.file, ContentLength: &body.size, ContentType: &in.ContentType,
		Metadata: map[string]string{ownSum: hex.EncodeToString(body.sha[:])},
	}
	if b.oldChecksums {
		request.ContentMD5 = aws.String(base64.StdEncoding.EncodeToString(body.md5[:]))
	} else {
		request.ChecksumAlgorithm = types.ChecksumAlgorithmSha256
		request.ChecksumSHA256 = aws.String(base64.StdEncoding.EncodeToString(body.sha[:]))
	}
	want.onto(request)
	if _, err := b.PutObject(ctx, request); err != nil {
		return b.failure(ctx, "store "+in.Key, err)
	}
	return nil
}

// finish asks how the object stands now: a bucket may lock what is stored in it by itself.
func (b *bucket) finish(ctx context.Context, out *Put) error {
	now, err := b.head(ctx, out.Key, "")
	if err != nil {
		return err
	}
	if now == nil || aws.ToInt64(now.ContentLength) != out.Bytes {
		return fmt.Errorf("s3 %q: %s was stored and is not as it should be: somebody else writes to it too", b.target, out.Key)
	}
	held := lockOf(now)
	out.Version, out.Lock, out.LegalHold = aws.ToString(now.VersionId), held.mode, held.hold
	if held.mode != "" {
		out.LockedUntil = &held.until
	}
	return nil
}

// head asks for an object, or one version of it; nil when there is none.
func (b *bucket) head(ctx context.Context, key, version string) (*s3.HeadObjectOutput, error) {
	request := &s3.HeadObjectInput{Bucket: &b.name, Key: &key}
	if version != "" {
		request.VersionId = &version
	}
	answer, err := b.HeadObject(ctx, request)
	switch {
	case err == nil:
		return answer, nil
	case s3client.Status(err) == http.StatusNotFound:
		return nil, nil
	}
	return nil, b.failure(ctx, "look at "+key, err)
}

// body is what is uploaded, in a file: its checksum has to be known when the upload begins, and an upload
// that fails must be able to begin again.
type body struct {
	file *os.File
	size int64
	sha  [sha256.Size]byte
	md5  [md5.Size]byte
}

func (b *buckets) body(ctx context.Context, in PutInput) (*body, error) {
	if in.Artifact == "" {
		return spool(func(w io.Writer) error {
			_, err := io.WriteString(w, in.Content)
			return err
		})
	}
	if b.keep == nil {
		return nil, action.Permanent(action.ErrNotConfigured, "s3.put: this worker keeps no artifacts")
	}
	return spool(func(w io.Writer) error { return b.keep.Copy(ctx, in.Artifact, &bounded{w: w, left: maxObject}) })
}

// spool writes to a temporary file, which close removes.
func spool(write func(io.Writer) error) (*body, error) {
	file, err := os.CreateTemp("", "orderly-put-*")
	if err != nil {
		return nil, fmt.Errorf("s3.put: %w", err)
	}
	made := &body{file: file}
	sum, old := sha256.New(), md5.New() //nolint:gosec // see the import
	if err := write(io.MultiWriter(file, sum, old)); err != nil {
		made.close()
		return nil, err
	}
	copy(made.sha[:], sum.Sum(nil))
	copy(made.md5[:], old.Sum(nil))
	if made.size, err = file.Seek(0, io.SeekCurrent); err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		made.close()
		return nil, fmt.Errorf("s3.put: %w", err)
	}
	return made, nil
}

func (b *body) close() {
	_ = b.file.Close()
	_ = os.Remove(b.file.Name())
}

// bounded refuses what does not fit into one object.
type bounded struct {
	w    io.Writer
	left int64
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, action.Permanent(action.ErrInput, "s3.put: the artifact has more than 5 GiB, which S3 does not take in one piece")
	}
	return b.w.Write(p)
}
