package s3

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/activities/artifact"
	"github.com/orderly-ops/orderly/internal/s3client"
)

const (
	defaultText = 64 << 10
	maxText     = 512 << 10
)

// GetInput is the input of s3.get.
type GetInput struct {
	Target   string `json:"target" target:"s3" doc:"The bucket."`
	Key      string `json:"key" doc:"The object's key."`
	Version  string `json:"version,omitempty" doc:"Which version of it." default:"the current one"`
	MaxBytes int    `json:"max_bytes,omitempty" doc:"How much of it is given as text, from its beginning, at most 524288." default:"65536"`
	Artifact string `json:"artifact,omitempty" doc:"Keep the whole object, as it is, as an artifact of this name." default:"no artifact"`
}

// Got is the output of s3.get.
type Got struct {
	Target      string          `json:"target" doc:"The target."`
	Bucket      string          `json:"bucket" doc:"The bucket's name."`
	Key         string          `json:"key" doc:"The object's key."`
	Version     string          `json:"version" doc:"Its version; empty in a bucket without versions."`
	Bytes       int64           `json:"bytes" doc:"Its size."`
	Modified    time.Time       `json:"modified" doc:"When it was written."`
	ContentType string          `json:"content_type" doc:"Its media type."`
	SHA256      string          `json:"sha256" doc:"Of the whole object, in hex; empty when only its beginning was read."`
	Text        string          `json:"text" doc:"Its beginning as valid UTF-8 without control characters."`
	Truncated   bool            `json:"truncated" doc:"The object goes on after text."`
	Artifact    *artifact.Saved `json:"artifact,omitempty" doc:"Where the whole of it is kept; absent without artifact."`
}

// get is the action s3.get.
func (b *buckets) get(ctx context.Context, in GetInput) (Got, error) {
	size := cmp.Or(in.MaxBytes, defaultText)
	if size < 0 || size > maxText {
		return Got{}, action.Permanent(action.ErrInput, "s3.get: max_bytes is %d, want 1 to %d", in.MaxBytes, maxText)
	}
	if err := checkKey("s3.get", in.Key); err != nil {
		return Got{}, err
	}
	bucket, err := b.Get(in.Target)
	if err != nil {
		return Got{}, err
	}
	if in.Artifact != "" && b.keep == nil {
		return Got{}, action.Permanent(action.ErrNotConfigured, "s3.get: this worker keeps no artifacts")
	}
	defer action.KeepAlive(ctx)()
	request := &s3.GetObjectInput{Bucket: &bucket.name, Key: &in.Key}
	if in.Version != "" {
		request.VersionId = &in.Version
	}
	answer, err := bucket.GetObject(ctx, request)
	if err != nil {
		return Got{}, bucket.failure(ctx, "read "+in.Key, err)
	}
	defer answer.Body.Close()
	out := Got{
		Target: in.Target, Bucket: bucket.name, Key: in.Key, Version: aws.ToString(answer.VersionId),
		Bytes: aws.ToInt64(answer.ContentLength), Modified: aws.ToTime(answer.LastModified).UTC(), ContentType: aws.ToString(answer.ContentType),
	}
	if err := b.read(ctx, in, size, answer.Body, &out); err != nil {
		return Got{}, err
	}
	if stated := answer.Metadata[ownSum]; stated != "" && out.SHA256 != "" && stated != out.SHA256 {
		return Got{}, action.Permanent(action.ErrOutput, "s3 %q: %s is not what was stored: its SHA-256 is %s, and was %s when s3.put stored it", in.Target, in.Key, out.SHA256, stated)
	}
	return out, nil
}

// read takes the beginning of an object, and keeps all of it where that is wanted.
func (b *buckets) read(ctx context.Context, in GetInput, size int, from io.Reader, out *Got) error {
	start, sum := &beginning{room: size}, sha256.New()
	var err error
	if in.Artifact != "" {
		var saved artifact.Saved
		saved, err = b.keep.KeepExact(ctx, in.Artifact, func(w io.Writer) error {
			_, err := io.Copy(io.MultiWriter(w, sum, start), from)
			return err
		})
		out.Artifact = &saved
	} else {
		_, err = io.Copy(io.MultiWriter(sum, start), io.LimitReader(from, int64(size)+1))
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("s3 %q: read %s: %s", in.Target, in.Key, s3client.Reason(err))
	}
	out.Truncated = start.lost
	if in.Artifact != "" || !start.lost {
		out.SHA256 = hex.EncodeToString(sum.Sum(nil))
	}
	out.Text = plain(string(start.kept))
	return nil
}

// beginning keeps the first bytes of what is written to it.
type beginning struct {
	room int
	kept []byte
	lost bool // there was more
}

func (b *beginning) Write(p []byte) (int, error) {
	take := min(len(p), b.room-len(b.kept))
	b.kept = append(b.kept, p[:take]...)
	b.lost = b.lost || take < len(p)
	return len(p), nil
}

// plain makes text that any terminal and any JSON can show. A character cut in two at the end goes.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
}
