package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// resolve follows the links in an area's path, as far as the administrator or we ourselves made them. Where others
// may write, say in /tmp, somebody could put a link in the area's place and have us clean what he may not touch.
func resolve(dir string, us int) (string, error) {
	const most = 40 // as the kernel has it
	rest, at := strings.Split(filepath.Clean(dir), "/")[1:], "/"
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		if name == "" || name == "." {
			continue
		}
		next := filepath.Join(at, name)
		info, err := os.Lstat(next)
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if s, ok := info.Sys().(*syscall.Stat_t); ok && s.Uid != 0 && int(s.Uid) != us {
			return "", fmt.Errorf("leads over the link %s of user %d, who may not decide what is cleaned", next, s.Uid)
		}
		if links++; links > most {
			return "", &fs.PathError{Op: "open", Path: dir, Err: unix.ELOOP}
		}
		target, err := os.Readlink(next)
		if err != nil {
			return "", err
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return at, nil
}

// openPlace opens a folder by a path that leads over no link, even when one has come into it since.
func openPlace(dir string) (*os.Root, error) {
	fd, err := unix.Openat2(unix.AT_FDCWD, dir, &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS,
	})
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) { // a kernel, or a container, that does not know it
		return os.OpenRoot(dir)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	defer func() { _ = unix.Close(fd) }() // only a handle
	return os.OpenRoot("/proc/self/fd/" + strconv.Itoa(fd))
}
