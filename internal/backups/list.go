package backups

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Entry is a folder of a backup as a listing shows it. Nothing of it has been read.
type Entry struct {
	Key      string
	Database string    // the target's name
	At       time.Time // of the key
	Finished bool      // it has a manifest
	Verified bool      // it has been restored and compared, or somebody says so: see Store.Verified
	Objects  int
	Bytes    int64
	Modified time.Time // of its newest object
}

// List gives the backups of a database, the newest first. Those that never got finished are among them.
func (s *Store) List(ctx context.Context, prefix, database string) ([]Entry, error) {
	found := map[string]*Entry{}
	err := s.each(ctx, Folder(prefix, database), func(o types.Object) {
		if e := entryOf(found, aws.ToString(o.Key)); e != nil {
			e.add(o)
		}
	})
	if err != nil {
		return nil, err
	}
	all := make([]Entry, 0, len(found))
	for _, e := range found {
		if path.Dir(e.Key)+"/" == Folder(prefix, database) { // deeper ones belong to somebody else's prefix
			all = append(all, *e)
		}
	}
	slices.SortFunc(all, func(a, b Entry) int { return strings.Compare(b.Key, a.Key) })
	return all, nil
}

// entryOf finds the backup that an object belongs to; nil when it belongs to none.
func entryOf(found map[string]*Entry, name string) *Entry {
	key := name
	for {
		i := strings.LastIndexByte(key, '/')
		if i < 0 {
			return nil
		}
		key = key[:i]
		database, at, err := ParseKey(key)
		if err != nil {
			continue
		}
		if found[key] == nil {
			found[key] = &Entry{Key: key, Database: database, At: at}
		}
		return found[key]
	}
}

func (e *Entry) add(o types.Object) {
	e.Objects++
	e.Bytes += aws.ToInt64(o.Size)
	if modified := aws.ToTime(o.LastModified).UTC(); modified.After(e.Modified) {
		e.Modified = modified
	}
	switch strings.TrimPrefix(aws.ToString(o.Key), e.Key+"/") {
	case ManifestName:
		e.Finished = true
	case VerifiedName:
		e.Verified = true
	}
}

// each lists the objects below a prefix.
func (s *Store) each(ctx context.Context, prefix string, visit func(types.Object)) error {
	pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{Bucket: &s.settings.Bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return s.failure(ctx, "list "+prefix, err)
		}
		for _, o := range page.Contents {
			visit(o)
		}
	}
	return nil
}

// PutVerified notes that a backup has been restored and compared.
func (s *Store) PutVerified(ctx context.Context, v Verified) error {
	_, err := s.putJSON(ctx, object(v.Key, VerifiedName), v)
	return err
}

// Verified reads how a backup was verified. ErrNotFound: it was not. ErrCorrupt: the note is not the one
// that was written.
func (s *Store) Verified(ctx context.Context, key string) (Verified, error) {
	text, sum, err := s.getSmall(ctx, object(key, VerifiedName))
	if err != nil {
		return Verified{}, err
	}
	var v Verified
	if err := json.Unmarshal(text, &v); err != nil || v.Key != key || sumOf(text) != sum {
		return Verified{}, fmt.Errorf("%w: %s of %s", ErrCorrupt, VerifiedName, key)
	}
	return v, nil
}

// Delete removes a backup: its manifest first, so that what is left of a deletion that broke off is no
// backup. A lock on one of its objects refuses (ErrRefused) before anything else is gone. In a versioned
// bucket the versions stay, as that bucket's own rules say.
func (s *Store) Delete(ctx context.Context, key string) error {
	if _, _, err := ParseKey(key); err != nil {
		return err
	}
	var keys []string
	if err := s.each(ctx, key+"/", func(o types.Object) { keys = append(keys, aws.ToString(o.Key)) }); err != nil {
		return err
	}
	for _, name := range []string{VerifiedName, ManifestName} {
		if i := slices.Index(keys, object(key, name)); i >= 0 {
			keys = slices.Insert(slices.Delete(keys, i, i+1), 0, object(key, name))
		}
	}
	for _, name := range keys {
		_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.settings.Bucket, Key: &name})
		if err := s.deleted(ctx, name, err); err != nil {
			return err
		}
	}
	return s.abortUploads(ctx, key+"/")
}

func (s *Store) deleted(ctx context.Context, name string, err error) error {
	if err == nil {
		return nil
	}
	if err := s.failure(ctx, "delete "+name, err); !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}
