// Package backups keeps database backups in a bucket so that they can be trusted: nothing counts as a
// backup before it is whole, and nothing is read from one without being compared with what was written.
//
// A backup is a folder of the bucket:
//
//	database/docs-db/2026-11-22T020000Z-1a2b3c4d/
//	    dump.pgdump        what pg_dump wrote, as custom format; or
//	    dump/toc.dat …     as directory format
//	    manifest.json      written last: without it there is no backup
//	    verified.json      written when it has been restored and compared
//
// Data files end in .zst where Orderly compressed them, and then in .age where it encrypted them. Whatever
// is here can be restored with stock tools; the manifest says how in one line.
package backups

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"
)

// Prefix is what the keys of database backups begin with unless a step says otherwise.
const Prefix = "database/"

// The names of the objects that are no data.
const (
	ManifestName = "manifest.json"
	VerifiedName = "verified.json"
)

// The formats of pg_dump that are kept.
const (
	FormatCustom    = "custom"
	FormatDirectory = "directory"
)

// Errors that callers tell apart. Everything else may go away by itself.
var (
	// ErrNotFound says that there is no such backup, or that it was never finished.
	ErrNotFound = errors.New("no such backup")
	// ErrCorrupt says that what is stored is not what was written.
	ErrCorrupt = errors.New("the backup is not what was written")
	// ErrRefused says that the bucket, or the key for decrypting, does not let us.
	ErrRefused = errors.New("refused")
	// ErrTooLarge says that a file does not fit into one object.
	ErrTooLarge = errors.New("too large for one object")
)

// stamp is how a time stands in a key: sorted by key is sorted by time.
const stamp = "2006-01-02T150405Z"

// Folder is where the backups of a database target are: <prefix><database>/.
func Folder(prefix, database string) string { return withSlash(prefix) + database + "/" }

// Key is the folder of one backup, without a slash at its end. The same run and step get the same key, so
// that a second attempt finds what the first one left.
func Key(prefix, database string, at time.Time, runAndStep string) string {
	sum := sha256.Sum256([]byte(runAndStep))
	return Folder(prefix, database) + at.UTC().Format(stamp) + "-" + hex.EncodeToString(sum[:4])
}

var keyName = regexp.MustCompile(`^(\d{4}-\d\d-\d\dT\d{6}Z)-[0-9a-f]{8}$`)

// ParseKey takes a backup's key apart: whose backup it is, and of when.
func ParseKey(key string) (database string, at time.Time, err error) {
	m := keyName.FindStringSubmatch(path.Base(key))
	if m != nil {
		at, err = time.Parse(stamp, m[1])
	}
	if m == nil || err != nil || path.Clean(key) != key || strings.HasPrefix(key, "/") || strings.HasPrefix(key, "../") {
		return "", time.Time{}, fmt.Errorf("%q is no key of a backup, as in %sdocs-db/2026-11-22T020000Z-1a2b3c4d", key, Prefix)
	}
	return path.Base(path.Dir(key)), at, nil
}

func withSlash(prefix string) string {
	if prefix == "" || strings.HasSuffix(prefix, "/") {
		return prefix
	}
	return prefix + "/"
}
