package backups

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"
)

const (
	memory    = 96 << 20 // of all parts that are being filled or sent
	maxParts  = 10_000   // of one object, by S3's rules
	minPart   = 8 << 20
	maxPart   = 32 << 20 // ten thousand of them are 320 GB
	mostAhead = 5        // parts in memory at once: one being filled, the others on their way
	leastPart = 2
)

// upload is an object being written. Parts are all of one size but the last, as some servers demand; each is
// kept until it has arrived, so that it can be sent again.
type upload struct {
	ctx    context.Context
	cancel context.CancelFunc
	store  *Store
	key    string
	id     *string // nil while everything fits into one part

	free  chan []byte // buffers not in use; nil ones have not been made
	part  []byte      // being filled
	size  int64
	sum   hash.Hash   // SHA-256 of everything
	crc   hash.Hash32 // CRC-32C of everything, for the server to compare
	done  *atomic.Int64
	sends *errgroup.Group

	mu    sync.Mutex
	parts []types.CompletedPart
	err   error // why sending failed
	limit int   // bytes of a part
	count int32 // parts begun
}

func newUpload(ctx context.Context, s *Store, key string, spec Spec) *upload {
	ctx, cancel := context.WithCancel(ctx)
	u := &upload{
		ctx: ctx, cancel: cancel, store: s, key: key, limit: partSize(spec.Expected), done: spec.Done,
		sum: sha256.New(), crc: crc32.New(crc32.MakeTable(crc32.Castagnoli)), sends: &errgroup.Group{},
	}
	if u.done == nil {
		u.done = new(atomic.Int64)
	}
	buffers := max(leastPart, min(mostAhead, memory/max(1, spec.AtOnce)/u.limit))
	u.free = make(chan []byte, buffers)
	for range buffers {
		u.free <- nil
	}
	return u
}

// AtOnce is how many files of at most so many bytes may be written at the same time, at least two, before the
// memory for their parts would have to grow.
func AtOnce(expected int64) int { return max(2, memory/leastPart/partSize(expected)) }

// partSize leaves room for a fifth more than expected.
func partSize(expected int64) int {
	const unit = 1 << 20
	wanted := (expected/(maxParts*4/5) + unit - 1) / unit * unit
	return int(min(max(wanted, minPart), maxPart))
}

// Write takes bytes in. It waits while all parts are on their way: whoever writes is slowed down to what the
// bucket takes.
func (u *upload) Write(p []byte) (int, error) {
	_, _ = u.sum.Write(p)
	_, _ = u.crc.Write(p)
	written := 0
	for written < len(p) {
		if len(u.part) == u.limit {
			if err := u.send(); err != nil {
				return written, err
			}
		}
		if u.part == nil {
			if err := u.take(); err != nil {
				return written, err
			}
		}
		n := min(len(p)-written, u.limit-len(u.part))
		u.part = append(u.part, p[written:written+n]...)
		written += n
		u.size += int64(n)
	}
	return written, nil
}

// take gets a buffer for the next part.
func (u *upload) take() error {
	select {
	case b := <-u.free:
		if b == nil {
			b = u.store.parts.get(u.limit)
		}
		u.part = b[:0]
		return u.failed()
	case <-u.ctx.Done():
		return u.failed()
	}
}

// send begins to send the part that is full.
func (u *upload) send() error {
	if u.id == nil {
		if err := u.begin(); err != nil {
			return u.fail(err)
		}
	}
	if u.count == maxParts {
		return u.fail(fmt.Errorf("%w: %s is larger than %d parts of %d bytes", ErrTooLarge, u.key, maxParts, u.limit))
	}
	u.count++
	number, part := u.count, u.part
	u.part = nil
	u.sends.Go(func() error {
		err := u.sendPart(number, part)
		u.free <- part
		if err != nil {
			return u.fail(err)
		}
		u.done.Add(int64(len(part)))
		return nil
	})
	return nil
}

func (u *upload) begin() error {
	in := &s3.CreateMultipartUploadInput{Bucket: &u.store.settings.Bucket, Key: &u.key, ContentType: aws.String("application/octet-stream")}
	if u.store.checksums() {
		in.ChecksumAlgorithm, in.ChecksumType = types.ChecksumAlgorithmCrc32c, types.ChecksumTypeFullObject
	}
	made, err := u.store.client.CreateMultipartUpload(u.ctx, in)
	if err != nil {
		return u.store.failure(u.ctx, "begin to upload "+u.key, err)
	}
	u.id = made.UploadId
	return nil
}

// partAttempts is how often a part is sent; each is several requests of the SDK where that helps.
const partAttempts = 6

// limits is when sending a part is given up and begun again.
type limits struct {
	slowest  int           // bytes a second; less is taken for a connection that hangs
	patience time.Duration // besides
	pause    time.Duration // before the second attempt; before each further one twice as long
}

func usualLimits() limits {
	return limits{slowest: 128 << 10, patience: 20 * time.Second, pause: 500 * time.Millisecond}
}

// sendPart sends a part until it has arrived. A connection that stalls is given up after a time.
func (u *upload) sendPart(number int32, part []byte) error {
	var err error
	for try := range partAttempts {
		if try > 0 {
			if err := pause(u.ctx, u.store.limits.pause<<(try-1)); err != nil {
				return err
			}
		}
		if err = u.sendOnce(number, part); err == nil || u.ctx.Err() != nil ||
			errors.Is(err, ErrRefused) || errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return err
}

func (u *upload) sendOnce(number int32, part []byte) error {
	within := u.store.limits.patience + time.Duration(len(part)/u.store.limits.slowest)*time.Second
	ctx, cancel := context.WithTimeout(u.ctx, within)
	defer cancel()
	in := &s3.UploadPartInput{
		Bucket: &u.store.settings.Bucket, Key: &u.key, UploadId: u.id, PartNumber: &number, Body: bytes.NewReader(part),
	}
	if u.store.checksums() {
		in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc32c
	}
	doing := fmt.Sprintf("upload part %d of %s", number, u.key)
	sent, err := u.store.client.UploadPart(ctx, in)
	switch {
	case err != nil && ctx.Err() != nil && u.ctx.Err() == nil:
		return fmt.Errorf("s3 %q: bucket %s: %s: not done within %s", u.store.target, u.store.settings.Bucket, doing, within)
	case err != nil:
		return u.store.failure(u.ctx, doing, err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.parts = append(u.parts, types.CompletedPart{PartNumber: &number, ETag: sent.ETag, ChecksumCRC32C: sent.ChecksumCRC32C})
	return nil
}

// fail keeps the first error and stops everything else.
func (u *upload) fail(err error) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err == nil {
		u.err = err
	}
	u.cancel()
	return u.err
}

// failed is why the upload can't go on; nil while it can.
func (u *upload) failed() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err == nil && u.ctx.Err() != nil {
		return context.Cause(u.ctx)
	}
	return u.err
}

// complete sends what is left and makes the object of it.
func (u *upload) complete() error {
	if u.id == nil {
		return u.put()
	}
	if len(u.part) > 0 {
		if err := u.send(); err != nil {
			return err
		}
	}
	if err := u.sends.Wait(); err != nil {
		return u.failed()
	}
	slices.SortFunc(u.parts, func(a, b types.CompletedPart) int { return int(*a.PartNumber - *b.PartNumber) })
	in := &s3.CompleteMultipartUploadInput{
		Bucket: &u.store.settings.Bucket, Key: &u.key, UploadId: u.id, MultipartUpload: &types.CompletedMultipartUpload{Parts: u.parts},
	}
	if u.store.checksums() {
		in.ChecksumType, in.ChecksumCRC32C = types.ChecksumTypeFullObject, aws.String(u.checksum())
	}
	if _, err := u.store.client.CompleteMultipartUpload(u.ctx, in, patient); err != nil {
		// The answer may have been lost, not the object: then it is there with our size and checksum.
		if u.confirm() != nil {
			return u.store.failure(u.ctx, "complete the upload of "+u.key, err)
		}
		return nil
	}
	return u.confirm()
}

// completeWithin bounds how long a server may put an object together before it answers.
const completeWithin = 10 * time.Minute

// patient waits longer for an answer than other requests do.
func patient(o *s3.Options) {
	if c, ok := o.HTTPClient.(*awshttp.BuildableClient); ok {
		o.HTTPClient = c.WithTransportOptions(func(t *http.Transport) { t.ResponseHeaderTimeout = completeWithin })
	}
}

// put stores a small object in one request.
func (u *upload) put() error {
	in := &s3.PutObjectInput{
		Bucket: &u.store.settings.Bucket, Key: &u.key, Body: bytes.NewReader(u.part), ContentType: aws.String("application/octet-stream"),
	}
	if u.store.checksums() {
		in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc32c
	}
	if _, err := u.store.client.PutObject(u.ctx, in); err != nil {
		return u.store.failure(u.ctx, "upload "+u.key, err)
	}
	u.done.Add(u.size)
	return u.confirm()
}

// confirm asks the bucket what it has and compares.
func (u *upload) confirm() error {
	in := &s3.HeadObjectInput{Bucket: &u.store.settings.Bucket, Key: &u.key}
	if u.store.checksums() {
		in.ChecksumMode = types.ChecksumModeEnabled
	}
	got, err := u.store.client.HeadObject(u.ctx, in)
	if err != nil {
		return u.store.failure(u.ctx, "look at "+u.key, err)
	}
	if size := aws.ToInt64(got.ContentLength); size != u.size {
		return fmt.Errorf("%w: %s has %d bytes in the bucket, %d were sent", ErrCorrupt, u.key, size, u.size)
	}
	if sum := aws.ToString(got.ChecksumCRC32C); sum != "" && sum != u.checksum() {
		return fmt.Errorf("%w: %s has CRC-32C %s in the bucket, want %s", ErrCorrupt, u.key, sum, u.checksum())
	}
	return nil
}

// release leaves the buffers to the next upload, once everything has arrived: what was given up may still be
// read by the connection that it was given to.
func (u *upload) release() {
	u.store.parts.put(u.part)
	u.part = nil
	for len(u.free) > 0 {
		u.store.parts.put(<-u.free)
	}
}

// buffers keeps those of uploads that have ended for the next ones, until the garbage collector wants them: a
// folder's thousand small files need no thousand buffers, nor two backups one after the other twice as many.
type buffers struct{ pool sync.Pool }

func (b *buffers) get(size int) []byte {
	if had, ok := b.pool.Get().(*[]byte); ok && cap(*had) >= size {
		return (*had)[:0]
	}
	return make([]byte, 0, size)
}

func (b *buffers) put(buffer []byte) {
	if cap(buffer) > 0 {
		b.pool.Put(&buffer)
	}
}

// checksum is the CRC-32C of everything as S3 writes it.
func (u *upload) checksum() string { return base64.StdEncoding.EncodeToString(u.crc.Sum(nil)) }

// abandon stops an upload that can't be completed and has the server forget its parts, even when we have
// been cancelled.
func (u *upload) abandon() {
	u.cancel()
	_ = u.sends.Wait() // parts still on their way could arrive after the abortion
	if u.id == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.ctx), cleanWithin)
	defer cancel()
	// When this fails too, the next attempt or the pruning finds it: see Clear.
	_ = u.store.abort(ctx, u.key, u.id)
}
