package postgres

import (
	"bytes"
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"
)

// watchClosed tells the names of files in a folder as programs that wrote them close them. stop ends it. It
// may miss some when there are very many at once; whoever listens looks at the folder in the end.
func watchClosed(folder string) (closed <-chan string, stop func(), err error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, nil, os.NewSyscallError("inotify_init1", err)
	}
	events := os.NewFile(uintptr(fd), "inotify") // non-blocking, so that closing it ends a read
	if _, err := unix.InotifyAddWatch(fd, folder, unix.IN_CLOSE_WRITE); err != nil {
		_ = events.Close()
		return nil, nil, os.NewSyscallError("inotify_add_watch", err)
	}
	names, ended := make(chan string), make(chan struct{})
	go func() {
		buffer := make([]byte, 64<<10)
		for {
			n, err := events.Read(buffer)
			if err != nil {
				return
			}
			for _, name := range closedNames(buffer[:n]) {
				select {
				case names <- name:
				case <-ended:
					return
				}
			}
		}
	}()
	return names, func() { close(ended); _ = events.Close() }, nil
}

// closedNames takes the events of one read apart: a fixed head each, its last word the length of the name.
func closedNames(events []byte) []string {
	var names []string
	for len(events) >= unix.SizeofInotifyEvent {
		length := int(binary.NativeEndian.Uint32(events[unix.SizeofInotifyEvent-4:]))
		end := min(unix.SizeofInotifyEvent+length, len(events))
		if name := bytes.TrimRight(events[unix.SizeofInotifyEvent:end], "\x00"); len(name) > 0 {
			names = append(names, string(name))
		}
		events = events[end:]
	}
	return names
}
