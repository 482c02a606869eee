package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// dirLock keeps two servers from using one data folder. The operating system holds the lock and lets it
// go when the process ends in whatever way, so that nothing stale is left after a kill.
type dirLock struct{ file *os.File }

// errLocked is what lockFile says when another process holds the lock.
var errLocked = errors.New("locked")

// lockDir takes the lock of a data folder and writes our process id into it.
func lockDir(dir string) (*dirLock, error) {
	path := filepath.Join(dir, "devserver.lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("--data %s: %w", dir, err)
	}
	if err := lockFile(f); err != nil {
		defer func() { _ = f.Close() }()
		if errors.Is(err, errLocked) {
			return nil, fmt.Errorf("--data %s is in use by another devserver%s: stop it, or give another --data", dir, holder(path))
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	l := &dirLock{file: f}
	if err := l.sign(); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), l.release())
	}
	return l, nil
}

// sign notes who holds the lock, for the message that the next one gets.
func (l *dirLock) sign() error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	return err
}

// release gives the folder free. The file stays: removing it would race with the next process, which
// may hold it open already.
func (l *dirLock) release() error { return errors.Join(unlockFile(l.file), l.file.Close()) }

// holder words which process has the lock, if that can be read.
func holder(path string) string {
	text, err := os.ReadFile(path)
	pid := strings.TrimSpace(string(text))
	if err != nil || pid == "" {
		return ""
	}
	return fmt.Sprintf(" (process %s)", pid)
}
