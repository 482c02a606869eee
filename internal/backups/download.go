package backups

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const (
	// reconnects is how often in a row reading may break without a single byte in between.
	reconnects = 6
	// reconnectPause is the first wait before trying again; each further one is twice as long.
	reconnectPause = 250 * time.Millisecond
	// silence is how long a download may stand still before its connection is given up.
	silence = time.Minute
)

// download reads an object, going on where it was when the connection breaks. It stays with the version it
// began with.
type download struct {
	ctx    context.Context
	store  *Store
	key    string
	body   io.ReadCloser
	cut    context.CancelFunc // ends the request behind body
	etag   *string
	at     int64
	breaks int // in a row
}

func newDownload(ctx context.Context, s *Store, key string) *download {
	return &download{ctx: ctx, store: s, key: key}
}

func (d *download) Read(p []byte) (int, error) {
	for {
		n, err := d.read(p)
		d.at += int64(n)
		if n > 0 {
			d.breaks = 0
		}
		switch {
		case err == nil || errors.Is(err, io.EOF):
			return n, err
		case d.ctx.Err() != nil:
			return n, context.Cause(d.ctx)
		}
		_ = d.Close()
		if errors.Is(err, ErrNotFound) || errors.Is(err, ErrRefused) || errors.Is(err, ErrCorrupt) {
			return n, err
		}
		if d.breaks++; d.breaks > reconnects {
			return n, err
		}
		if n > 0 {
			return n, nil
		}
		if err := pause(d.ctx, reconnectPause<<(d.breaks-1)); err != nil {
			return 0, err
		}
	}
}

// read reads from the open connection, or a new one. A server that falls silent is cut off.
func (d *download) read(p []byte) (int, error) {
	if d.body == nil {
		if err := d.connect(); err != nil {
			return 0, err
		}
	}
	watch := time.AfterFunc(silence, d.cut)
	defer watch.Stop()
	n, err := d.body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = d.store.failure(d.ctx, "read "+d.key, err)
	}
	return n, err
}

func (d *download) connect() error {
	ctx, cancel := context.WithCancel(d.ctx)
	in := &s3.GetObjectInput{Bucket: &d.store.settings.Bucket, Key: &d.key, IfMatch: d.etag}
	if d.at > 0 {
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", d.at))
	}
	got, err := d.store.client.GetObject(ctx, in)
	if err != nil {
		cancel()
		if gone := d.store.failure(d.ctx, "read "+d.key, err); errors.Is(gone, ErrNotFound) {
			return fmt.Errorf("%w: %w", ErrCorrupt, gone) // the manifest says it is there
		} else { //nolint:revive // the other half of the same answer
			return gone
		}
	}
	d.body, d.cut, d.etag = got.Body, cancel, got.ETag
	return nil
}

// Close gives the connection up.
func (d *download) Close() error {
	if d.body == nil {
		return nil
	}
	d.cut()
	err := d.body.Close()
	d.body = nil
	return err
}

// checked passes bytes on and compares them at the end with what they should be: io.EOF comes only when
// they are.
type checked struct {
	from io.ReadCloser
	want Sum
	name string
	hash hash.Hash
	seen int64
	end  error // what reading ended with
}

func newChecked(from io.ReadCloser, want Sum, name string) *checked {
	return &checked{from: from, want: want, name: name, hash: sha256.New()}
}

func (c *checked) Read(p []byte) (int, error) {
	if c.end != nil {
		return 0, c.end
	}
	n, err := c.from.Read(p)
	c.seen += int64(n)
	_, _ = c.hash.Write(p[:n])
	switch {
	case c.seen > c.want.Bytes:
		c.end = fmt.Errorf("%w: %s is longer than %d bytes", ErrCorrupt, c.name, c.want.Bytes)
	case errors.Is(err, io.EOF):
		c.end = c.compare()
	case err != nil:
		c.end = err
	}
	return n, c.end
}

func (c *checked) compare() error {
	if c.seen < c.want.Bytes {
		return fmt.Errorf("%w: %s ends after %d of %d bytes", ErrCorrupt, c.name, c.seen, c.want.Bytes)
	}
	if sum := hex.EncodeToString(c.hash.Sum(nil)); sum != c.want.SHA256 {
		return fmt.Errorf("%w: %s has SHA-256 %s, want %s", ErrCorrupt, c.name, sum, c.want.SHA256)
	}
	return io.EOF
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
