package backups

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/klauspost/compress/zstd"
)

// Backup is a finished backup whose manifest has been read and checked.
type Backup struct {
	Manifest
	// ManifestSHA256 is the checksum of the manifest, in hex.
	ManifestSHA256 string

	store *Store
}

// maxManifest bounds what is read as one: a million tables are some 100 MB.
const maxManifest = 256 << 20

// Backup reads the manifest under a key and checks it against the checksum kept beside it, and against
// expect, in hex, unless that is "". ErrNotFound: there is none, or it was never finished. ErrCorrupt: the
// manifest is not the one that was written.
func (s *Store) Backup(ctx context.Context, key, expect string) (*Backup, error) {
	if _, _, err := ParseKey(key); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	text, kept, err := s.getSmall(ctx, object(key, ManifestName))
	if err != nil {
		return nil, err
	}
	b := &Backup{ManifestSHA256: sumOf(text), store: s}
	if b.ManifestSHA256 != kept || expect != "" && b.ManifestSHA256 != expect {
		return nil, fmt.Errorf("%w: %s of %s has SHA-256 %s, want %s", ErrCorrupt, ManifestName, key, b.ManifestSHA256, first(expect, kept, "one beside it"))
	}
	if err := json.Unmarshal(text, &b.Manifest); err != nil {
		return nil, fmt.Errorf("%w: %s of %s: %w", ErrCorrupt, ManifestName, key, err)
	}
	if err := b.check(key); err != nil {
		return nil, err
	}
	return b, nil
}

// check refuses a manifest that belongs elsewhere, or would lead outside its own folder.
func (b *Backup) check(key string) error {
	if b.Version != Version {
		return fmt.Errorf("%w: %s of %s has version %d; this program reads version %d", ErrRefused, ManifestName, key, b.Version, Version)
	}
	if b.Key != key {
		return fmt.Errorf("%w: the manifest in %s is that of %s", ErrCorrupt, key, b.Key)
	}
	for _, f := range b.Files {
		dir, name, nested := strings.Cut(f.Name, "/")
		if nested && dir != directory || !nested && strings.HasPrefix(f.Name, ".") ||
			nested && (name == "" || strings.HasPrefix(name, ".") || strings.ContainsAny(name, `/\`)) {
			return fmt.Errorf("%w: the manifest of %s names a file %q", ErrCorrupt, key, f.Name)
		}
	}
	return nil
}

// Archive reads a backup of FormatCustom as pg_dump wrote it. It is Open of its only file.
func (b *Backup) Archive(ctx context.Context) (io.ReadCloser, error) {
	if b.Format != FormatCustom || len(b.Files) != 1 {
		return nil, fmt.Errorf("%w: %s is no single archive", ErrCorrupt, b.Key)
	}
	return b.Open(ctx, b.Files[0])
}

// PlainName is what pg_dump called a file: without what compression and encryption by Orderly add.
func (f File) PlainName() string {
	name := strings.TrimSuffix(f.Name, ageEnding)
	if f.Zstd {
		name = strings.TrimSuffix(name, zstdEnding)
	}
	return name
}

// Open reads a file of a backup as pg_dump wrote it: decrypted, decompressed, in constant memory, from a
// connection that is made again when it breaks. Only io.EOF says that all of it was right: a file that was
// changed or cut off gives ErrCorrupt in its place, so nothing read may be relied on before that.
func (b *Backup) Open(ctx context.Context, f File) (io.ReadCloser, error) {
	raw := newChecked(newDownload(ctx, b.store, object(b.Key, f.Name)), Sum{Bytes: f.Bytes, SHA256: f.SHA256}, f.Name)
	out := &opened{raw: raw, plain: raw, close: []func() error{raw.from.Close}}
	if err := out.decode(b.store, f); err != nil {
		_ = out.Close()
		return nil, err
	}
	return out, nil
}

// opened is a file being read: plain is raw with its encodings taken off.
type opened struct {
	raw   *checked
	plain io.Reader
	close []func() error
}

func (o *opened) decode(s *Store, f File) error {
	if strings.HasSuffix(f.Name, ageEnding) {
		if len(s.identities) == 0 {
			return fmt.Errorf("%w: %s is encrypted: give its private key as targets.s3.%s.encrypt.identity", ErrRefused, f.Name, s.target)
		}
		decrypted, err := age.Decrypt(o.plain, s.identities...)
		if err != nil {
			return o.undecodable(s, f, err)
		}
		o.plain = decrypted
	}
	if f.Zstd {
		d, err := zstd.NewReader(o.plain, zstd.WithDecoderConcurrency(decoders), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			return err
		}
		o.plain = d
		o.close = append(o.close, func() error { d.Close(); return nil })
	}
	if f.Plain != nil {
		o.plain = newChecked(io.NopCloser(o.plain), *f.Plain, f.PlainName())
	}
	return nil
}

// decoders and maxWindow bound the memory that decompressing takes.
const (
	decoders  = 2
	maxWindow = 64 << 20
)

// undecodable tells a wrong key from a broken file: the latter is found by reading it all.
func (o *opened) undecodable(s *Store, f File, err error) error {
	var foreign *age.NoIdentityMatchError
	if errors.As(err, &foreign) {
		return fmt.Errorf("%w: %s is encrypted for other keys than targets.s3.%s.encrypt.identity", ErrRefused, f.Name, s.target)
	}
	return o.blame(fmt.Errorf("%w: %s: %w", ErrCorrupt, f.Name, err))
}

// Read gives decoded bytes.
func (o *opened) Read(p []byte) (int, error) {
	n, err := o.plain.Read(p)
	if err == nil {
		return n, nil
	}
	return n, o.blame(err)
}

// blame finds out what really ended the reading. A decoder stops at its own end or at its first doubt; what
// was stored is judged as a whole.
func (o *opened) blame(err error) error {
	if _, bad := io.Copy(io.Discard, o.raw); bad != nil {
		return bad
	}
	if errors.Is(err, io.EOF) || errors.Is(err, ErrCorrupt) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err) // stored as written, and yet it can't be decoded
}

// Close ends the reading; the connection is not used again.
func (o *opened) Close() error {
	var errs []error
	for i := len(o.close) - 1; i >= 0; i-- {
		errs = append(errs, o.close[i]())
	}
	return errors.Join(errs...)
}

// getSmall reads a small object and the SHA-256 that was stored with it.
func (s *Store) getSmall(ctx context.Context, key string) (text []byte, sum string, err error) {
	got, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.settings.Bucket, Key: aws.String(key)})
	if err != nil {
		return nil, "", s.failure(ctx, "read "+key, err)
	}
	defer got.Body.Close()
	var content bytes.Buffer
	n, err := io.Copy(&content, io.LimitReader(got.Body, maxManifest+1))
	if err != nil {
		return nil, "", s.failure(ctx, "read "+key, err)
	}
	if n > maxManifest {
		return nil, "", fmt.Errorf("%w: %s is larger than %d bytes", ErrCorrupt, key, maxManifest)
	}
	return content.Bytes(), got.Metadata["sha256"], nil
}

// first is the first text that is not empty.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
