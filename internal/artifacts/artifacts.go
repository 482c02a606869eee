// Package artifacts keeps what is too large, or too valuable as evidence, for a run's record: logs, figures,
// reports. An artifact is written once, whole or not at all, and known by its key and its SHA-256.
package artifacts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/orderly-ops/orderly/internal/config"
)

// Artifact is one thing that is kept.
type Artifact struct {
	Key      string
	SHA256   string // in hex; "" in a listing, which does not read what it lists
	Bytes    int64
	Modified time.Time
}

// ErrNotFound says that there is no artifact under a key.
var ErrNotFound = errors.New("no such artifact")

// Store keeps artifacts in a folder or in a bucket. It is safe for concurrent use.
type Store struct{ keep keeper }

// keeper is where artifacts are: keys given to it have been checked.
type keeper interface {
	// spool gives an empty file to write to, which put makes the artifact.
	spool(key string) (*os.File, error)
	// put makes a spooled file the artifact, with the checksum that was computed while it was written.
	put(ctx context.Context, key string, f *os.File, sum []byte) error
	// drop removes a spooled file that was not put.
	drop(f *os.File)
	get(ctx context.Context, key string) (io.ReadCloser, error)
	list(ctx context.Context, prefix string, each func(Artifact) error) error
}

// Open opens the store that orderly.yaml names. It does not write or connect yet.
func Open(ctx context.Context, cfg *config.Config) (*Store, error) {
	switch a := cfg.Artifacts; {
	case a.S3 != "":
		target, ok := cfg.Targets.S3[a.S3]
		if !ok {
			return nil, fmt.Errorf("artifacts.s3: there is no target %q under targets.s3", a.S3)
		}
		b, err := openBucket(ctx, a.S3, target, a.Prefix)
		if err != nil {
			return nil, err
		}
		return &Store{keep: b}, nil
	case a.Dir != "":
		return &Store{keep: folder{dir: a.Dir}}, nil
	}
	return nil, errors.New("artifacts have no place: give artifacts.dir or artifacts.s3 in orderly.yaml")
}

// Put keeps all that write writes. What is there under the key already is replaced, at once and only when
// everything has been written: nobody ever reads half an artifact. Memory does not grow with its size.
func (s *Store) Put(ctx context.Context, key string, write func(io.Writer) error) (Artifact, error) {
	if err := CheckKey(key); err != nil {
		return Artifact{}, err
	}
	f, err := s.keep.spool(key)
	if err != nil {
		return Artifact{}, fmt.Errorf("keep %s: %w", key, err)
	}
	defer s.keep.drop(f)
	sum := sha256.New()
	if err := write(&stoppable{ctx, io.MultiWriter(f, sum)}); err != nil {
		return Artifact{}, fmt.Errorf("keep %s: %w", key, err)
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return Artifact{}, fmt.Errorf("keep %s: %w", key, err)
	}
	if err := s.keep.put(ctx, key, f, sum.Sum(nil)); err != nil {
		return Artifact{}, fmt.Errorf("keep %s: %w", key, err)
	}
	return Artifact{Key: key, SHA256: hex.EncodeToString(sum.Sum(nil)), Bytes: size, Modified: time.Now().UTC()}, nil
}

// PutBytes keeps a text that is in memory anyway.
func (s *Store) PutBytes(ctx context.Context, key string, content []byte) (Artifact, error) {
	return s.Put(ctx, key, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// Get opens an artifact for reading; the caller closes it.
func (s *Store) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	r, err := s.keep.get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("read artifact %s: %w", key, err)
	}
	return r, nil
}

// Sum reads an artifact as it is now and gives its SHA-256 and size.
func (s *Store) Sum(ctx context.Context, key string) (Artifact, error) {
	r, err := s.Get(ctx, key)
	if err != nil {
		return Artifact{}, err
	}
	defer r.Close()
	sum := sha256.New()
	size, err := io.Copy(&stoppable{ctx, sum}, r)
	if err != nil {
		return Artifact{}, fmt.Errorf("read artifact %s: %w", key, err)
	}
	return Artifact{Key: key, SHA256: hex.EncodeToString(sum.Sum(nil)), Bytes: size}, nil
}

// List gives the artifacts in a folder of keys and those below it, in the order of their keys.
func (s *Store) List(ctx context.Context, under string, each func(Artifact) error) error {
	if err := CheckKey(under); err != nil {
		return err
	}
	if err := s.keep.list(ctx, under+"/", each); err != nil {
		return fmt.Errorf("list artifacts under %s: %w", under, err)
	}
	return nil
}

// stoppable ends a long copy when its context does.
type stoppable struct {
	ctx context.Context
	to  io.Writer
}

func (s *stoppable) Write(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.to.Write(p)
}
