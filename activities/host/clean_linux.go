package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// noWaiting opens without waiting for the other end of a pipe, and no link.
const noWaiting = unix.O_NONBLOCK | unix.O_NOFOLLOW

// identify tells what a file is known by.
func identify(info fs.FileInfo) identity {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{bytes: info.Size()}
	}
	const block = 512                                                                             // whatever the file system's own is
	return identity{device: s.Dev, inode: s.Ino, links: uint64(s.Nlink), bytes: s.Blocks * block} //nolint:unconvert // not 64 bits everywhere
}

// changed is when a file was last written or came to be: one unpacked today may say that it was written
// years ago.
func changed(info fs.FileInfo) time.Time {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return info.ModTime()
	}
	if c := time.Unix(s.Ctim.Unix()); c.After(info.ModTime()) {
		return c
	}
	return info.ModTime()
}

// findOpenFiles looks through what all programs that may be looked at have open, mapped, mounted or stand in.
func findOpenFiles(ctx context.Context) (openFiles, error) {
	found := openFiles{files: map[[2]uint64]bool{}, all: true}
	programs, err := os.ReadDir("/proc")
	if err != nil {
		return found, fmt.Errorf("look for open files: %w", err)
	}
	views := map[string]bool{} // of the mounts, which many programs share
	for _, p := range programs {
		if err := ctx.Err(); err != nil {
			return found, err
		}
		if _, err := strconv.Atoi(p.Name()); err != nil {
			continue
		}
		proc := "/proc/" + p.Name()
		if err := found.program(proc); errors.Is(err, fs.ErrPermission) {
			found.all = false
		} // one that has ended meanwhile has nothing open
		if view, err := os.Readlink(proc + "/ns/mnt"); err == nil && !views[view] {
			views[view] = true
			_ = found.mounted(proc) // the same
		}
	}
	return found, nil
}

// program adds the files of one program, and the folders that it stands in.
func (o openFiles) program(proc string) error {
	o.add(proc + "/cwd")
	o.add(proc + "/root")
	descriptors, err := os.ReadDir(proc + "/fd")
	if err != nil {
		return err
	}
	for _, d := range descriptors {
		o.add(proc + "/fd/" + d.Name())
	}
	return o.mapped(proc)
}

func (o openFiles) add(path string) {
	if info, err := os.Stat(path); err == nil {
		id := identify(info)
		o.files[[2]uint64{id.device, id.inode}] = true
	}
}

// mounted adds what a program sees mounted at another place: files and folders of this machine that a container
// was given, or the private /tmp of a service. Nobody need have anything open in it, and without it the container
// would not start again.
func (o openFiles) mounted(proc string) error {
	text, err := os.ReadFile(proc + "/mountinfo")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		// 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw: what of a file system, and where
		words := strings.Fields(line)
		if len(words) < 10 || words[3] == "/" {
			continue
		}
		if i := slices.Index(words, "-"); i < 0 || i+1 == len(words) || afar(words[i+1]) {
			continue
		}
		o.add(proc + "/root" + unescape.Replace(words[4]))
	}
	return nil
}

// afar says that asking a file system may take for ever.
func afar(kind string) bool {
	return slices.Contains([]string{"nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "autofs"}, kind) || strings.HasPrefix(kind, "fuse")
}

// unescape reads a path as the kernel writes it.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// mapped adds the files that a program has mapped into its memory; it may have closed them. Some file systems
// (btrfs, overlay) tell of another device there than of the file itself, so its path is asked as well.
func (o openFiles) mapped(proc string) error {
	f, err := os.Open(proc + "/maps")
	if err != nil {
		return err
	}
	defer f.Close()
	lines, last := bufio.NewScanner(f), ""
	for lines.Scan() {
		// 7f…-7f… r--p 00000000 fe:00 1234 /path
		words := strings.Fields(lines.Text())
		if len(words) < 6 || words[4] == "0" {
			continue
		}
		major, minor, _ := strings.Cut(words[3], ":")
		high, err1 := strconv.ParseUint(major, 16, 32)
		low, err2 := strconv.ParseUint(minor, 16, 32)
		inode, err3 := strconv.ParseUint(words[4], 10, 64)
		if errors.Join(err1, err2, err3) == nil {
			o.files[[2]uint64{unix.Mkdev(uint32(high), uint32(low)), inode}] = true
		}
		if i := strings.IndexByte(lines.Text(), '/'); i > 0 && lines.Text()[i:] != last {
			last = lines.Text()[i:] // a file has several lines, one after the other
			o.add(proc + "/root" + last)
		}
	}
	return lines.Err()
}
