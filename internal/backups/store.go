package backups

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/s3client"
)

// Store is the bucket in which backups are kept. It is safe for concurrent use.
type Store struct {
	client     *s3.Client
	target     string // in orderly.yaml
	settings   config.S3
	recipients []age.Recipient
	identities []age.Identity
	limits     limits

	compressor *compressor
	parts      buffers
}

// Open makes a store of an S3 target. It does not talk to the bucket yet.
func Open(target string, c config.S3) (*Store, error) {
	if c.Bucket == "" {
		return nil, errors.New("no bucket is named")
	}
	client, err := s3client.New(context.Background(), c)
	if err != nil {
		return nil, err
	}
	compressor, err := newCompressor(cores())
	if err != nil {
		return nil, err
	}
	s := &Store{client: client, target: target, settings: c, limits: usualLimits(), compressor: compressor}
	if err := s.readKeys(c.Encrypt); err != nil {
		return nil, err
	}
	return s, nil
}

// readKeys reads the keys for age, whose errors may quote them.
func (s *Store) readKeys(e *config.Encryption) (err error) {
	if e == nil {
		return nil
	}
	if s.recipients, err = age.ParseRecipients(strings.NewReader(strings.Join(e.Recipients, "\n"))); err != nil {
		return errors.New("encrypt.recipients can't be read: want public keys of age, age1…")
	}
	if e.Identity.IsZero() {
		return nil
	}
	if s.identities, err = age.ParseIdentities(strings.NewReader(e.Identity.Reveal())); err != nil {
		return errors.New("encrypt.identity can't be read: want a private key of age, AGE-SECRET-KEY-1…")
	}
	return nil
}

// Target is the name of the S3 target in orderly.yaml.
func (s *Store) Target() string { return s.target }

// Encrypts says whether what is written is encrypted.
func (s *Store) Encrypts() bool { return len(s.recipients) > 0 }

// Recipients are the public keys that backups are encrypted for.
func (s *Store) Recipients() []string {
	if s.settings.Encrypt == nil {
		return nil
	}
	return s.settings.Encrypt.Recipients
}

// object is the key of an object of a backup.
func object(key, name string) string { return key + "/" + name }

// putJSON stores a small document, with its SHA-256 beside it, and gives that.
func (s *Store) putJSON(ctx context.Context, key string, value any) (sum string, err error) {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return "", err
	}
	text = append(text, '\n')
	sum = sumOf(text)
	in := &s3.PutObjectInput{
		Bucket: &s.settings.Bucket, Key: &key, Body: bytes.NewReader(text),
		ContentType: aws.String("application/json"), Metadata: map[string]string{"sha256": sum},
	}
	if s.checksums() {
		in.ChecksumAlgorithm = types.ChecksumAlgorithmSha256 // the SDK computes it, the server compares
	}
	if _, err := s.client.PutObject(ctx, in); err != nil {
		return "", s.failure(ctx, "store "+key, err)
	}
	return sum, nil
}

// checksums says whether the server knows checksums of the newer kinds.
func (s *Store) checksums() bool { return s.settings.Checksums != "when_required" }

// failure words an error of the SDK and says by its kind whether trying again can help.
func (s *Store) failure(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	text := fmt.Sprintf("s3 %q: bucket %s: %s: %s", s.target, s.settings.Bucket, doing, s3client.Reason(err))
	switch s3client.Status(err) {
	case http.StatusNotFound:
		if isMissingBucket(err) {
			return fmt.Errorf("%w: %s", ErrRefused, text)
		}
		return fmt.Errorf("%w: %s", ErrNotFound, text)
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusMovedPermanently:
		return fmt.Errorf("%w: %s", ErrRefused, text)
	}
	return errors.New(text)
}

func isMissingBucket(err error) bool {
	var missing *types.NoSuchBucket
	return errors.As(err, &missing) || strings.Contains(s3client.Reason(err), "NoSuchBucket")
}

func sumOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
