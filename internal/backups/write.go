package backups

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"runtime"
	"slices"
	"sync/atomic"

	"filippo.io/age"
)

// What the data files are called. Endings are added in the order in which they are made.
const (
	archive    = "dump.pgdump"
	directory  = "dump"
	zstdEnding = ".zst"
	ageEnding  = ".age"
)

// Spec is how one data file is written.
type Spec struct {
	// Name of the file below the folder of pg_dump's directory format; "" is the archive of the custom one.
	Name     string
	Compress bool  // by zstd; not for what pg_dump has compressed itself
	Expected int64 // bytes at most, as far as known: it decides the size of the parts, not more
	AtOnce   int   // how many files the caller writes at the same time, at least 1; they share the memory
	// Done, when not nil, grows by every byte that has arrived in the bucket.
	Done *atomic.Int64
}

func (s *Store) nameOf(spec Spec) string {
	name := archive
	if spec.Name != "" {
		name = directory + "/" + spec.Name
	}
	if spec.Compress {
		name += zstdEnding
	}
	if s.Encrypts() {
		name += ageEnding
	}
	return name
}

// Write stores all that produce writes as one file of the backup under key: compressed, encrypted, in parts
// that are uploaded while produce goes on, in memory that does not grow with the size. The file exists only
// when produce has returned nil and the bucket has confirmed size and checksum: a dump that dies half-way,
// whose pipe just ends, leaves nothing.
func (s *Store) Write(ctx context.Context, key string, spec Spec, produce func(io.Writer) error) (File, error) {
	name := s.nameOf(spec)
	u := newUpload(ctx, s, object(key, name), spec)
	plain, err := s.encode(u, spec, produce)
	if lost := u.failed(); lost != nil {
		err = lost // what produce says then is only that nobody took its bytes
	}
	if err == nil {
		err = u.complete() //nolint:contextcheck // the upload has been given it, with an end of its own
	}
	if err != nil {
		u.abandon() //nolint:contextcheck // cleaning up has to outlive a cancellation
		return File{}, err
	}
	u.release()
	f := File{Name: name, Bytes: u.size, SHA256: hex.EncodeToString(u.sum.Sum(nil)), Zstd: spec.Compress}
	if f.SHA256 != plain.SHA256 {
		f.Plain = &plain
	}
	return f, nil
}

// encode runs produce into an upload, through compression and encryption. It gives the sum of the bytes that
// produce wrote.
func (s *Store) encode(u *upload, spec Spec, produce func(io.Writer) error) (Sum, error) {
	var to io.Writer = u
	var closers []io.Closer
	if s.Encrypts() {
		w, err := age.Encrypt(u, s.recipients...)
		if err != nil {
			return Sum{}, fmt.Errorf("%w: encrypt: %w", ErrRefused, err)
		}
		to, closers = w, append(closers, w)
	}
	if spec.Compress {
		w := s.compressor.frames(to, max(2, cores()/max(1, spec.AtOnce)))
		to, closers = w, append(closers, w)
	}
	plain := &summing{to: to, sum: sha256.New()}
	err := produce(plain)
	if err != nil {
		_ = u.fail(err) // what is still on its way goes nowhere
	}
	for _, c := range slices.Backward(closers) { // even then, because it ends what they do beside us
		err = cmp.Or(err, c.Close())
	}
	return plain.total(), err
}

// cores is how many compress at the same time: four take in more than a pg_dump gives.
func cores() int { return min(4, runtime.GOMAXPROCS(0)) }

// summing passes bytes on and sums them up. What it is given in one piece is read in large ones.
type summing struct {
	to   io.Writer
	sum  hash.Hash
	size int64
}

func (w *summing) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	w.size += int64(n)
	_, _ = w.sum.Write(p[:n])
	return n, err
}

// ReadFrom copies with a buffer as large as a pipe may be: fewer turns for the one who fills it.
func (w *summing) ReadFrom(r io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, make([]byte, 1<<20))
}

func (w *summing) total() Sum { return Sum{Bytes: w.size, SHA256: hex.EncodeToString(w.sum.Sum(nil))} }

// Finish stores the manifest, which makes a backup of what has been written. It fills in what follows from
// the rest: version, sizes, encryption, how to restore.
func (s *Store) Finish(ctx context.Context, m Manifest) (done Manifest, sum string, err error) {
	m.Version, m.Encrypted, m.Recipients = Version, s.Encrypts(), s.Recipients()
	m.Bytes, m.Rows = 0, 0
	for _, f := range m.Files {
		m.Bytes += f.Bytes
	}
	for _, t := range m.Tables {
		m.Rows += t.Rows
	}
	m.Restore = s.restoreLine(m)
	sum, err = s.putJSON(ctx, object(m.Key, ManifestName), m)
	return m, sum, err
}
