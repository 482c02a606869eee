package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
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

// findOpenFiles looks through the open and the mapped files of all programs that may be looked at.
func findOpenFiles(ctx context.Context) (openFiles, error) {
	found := openFiles{files: map[[2]uint64]bool{}, all: true}
	programs, err := os.ReadDir("/proc")
	if err != nil {
		return found, fmt.Errorf("look for open files: %w", err)
	}
	for _, p := range programs {
		if err := ctx.Err(); err != nil {
			return found, err
		}
		if _, err := strconv.Atoi(p.Name()); err != nil {
			continue
		}
		if err := found.program("/proc/" + p.Name()); errors.Is(err, fs.ErrPermission) {
			found.all = false
		} // one that has ended meanwhile has nothing open
	}
	return found, nil
}

// program adds the files of one program.
func (o openFiles) program(proc string) error {
	descriptors, err := os.ReadDir(proc + "/fd")
	if err != nil {
		return err
	}
	for _, d := range descriptors {
		if info, err := os.Stat(proc + "/fd/" + d.Name()); err == nil {
			id := identify(info)
			o.files[[2]uint64{id.device, id.inode}] = true
		}
	}
	return o.mapped(proc + "/maps")
}

// mapped adds the files that a program has mapped into its memory; it may have closed them.
func (o openFiles) mapped(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
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
	}
	return lines.Err()
}
