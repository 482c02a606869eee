package artifacts

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Artifacts may hold what logs hold, so nobody else reads them.
const dirMode = 0o700

// folder keeps artifacts as files. They are written beside their place under a name that begins with a dot
// and then renamed.
type folder struct{ dir string }

const unfinished = ".writing-"

func (d folder) spool(key string) (*os.File, error) {
	dir := filepath.Join(d.dir, filepath.FromSlash(path.Dir(key)))
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return nil, err
	}
	return os.CreateTemp(dir, unfinished+"*") // with mode 0600
}

func (d folder) put(_ context.Context, key string, f *os.File, _ []byte) error {
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), d.at(key))
}

// drop also comes after a put, when there is nothing left to do.
func (d folder) drop(f *os.File) {
	_ = f.Close()
	_ = os.Remove(f.Name())
}

func (d folder) at(key string) string { return filepath.Join(d.dir, filepath.FromSlash(key)) }

// get opens the file through the folder's root, so that no link leads out of it.
func (d folder) get(_ context.Context, key string) (io.ReadCloser, error) {
	f, err := os.OpenInRoot(d.dir, filepath.FromSlash(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	}
	return f, err
}

func (d folder) list(ctx context.Context, prefix string, each func(Artifact) error) error {
	root := d.at(strings.TrimSuffix(prefix, "/"))
	return filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // nothing was kept yet, or it has just gone
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case !entry.Type().IsRegular() || strings.HasPrefix(entry.Name(), "."):
			return nil
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		below, err := filepath.Rel(d.dir, name)
		if err != nil {
			return err
		}
		return each(Artifact{Key: filepath.ToSlash(below), Bytes: info.Size(), Modified: info.ModTime().UTC()})
	})
}
