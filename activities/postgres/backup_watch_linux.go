package postgres

import (
	"bytes"
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"
)

// watchFolder tells what programs do to the files of a folder. stop ends it. It may miss something when there is
// very much at once; whoever listens looks at the folder in the end.
func watchFolder(folder string) (seen <-chan fileEvent, stop func(), err error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, nil, os.NewSyscallError("inotify_init1", err)
	}
	events := os.NewFile(uintptr(fd), "inotify") // non-blocking, so that closing it ends a read
	if _, err := unix.InotifyAddWatch(fd, folder, unix.IN_MODIFY|unix.IN_CLOSE_WRITE); err != nil {
		_ = events.Close()
		return nil, nil, os.NewSyscallError("inotify_add_watch", err)
	}
	told, ended := make(chan fileEvent), make(chan struct{})
	go func() {
		buffer := make([]byte, 64<<10)
		for {
			n, err := events.Read(buffer)
			if err != nil {
				return
			}
			for _, e := range fileEvents(buffer[:n]) {
				select {
				case told <- e:
				case <-ended:
					return
				}
			}
		}
	}()
	return told, func() { close(ended); _ = events.Close() }, nil
}

// fileEvents takes the events of one read apart: a fixed head each, its second word what happened, its last one
// the length of the name. Of several of one file only the last is told.
func fileEvents(raw []byte) []fileEvent {
	var events []fileEvent
	at := map[string]int{}
	for len(raw) >= unix.SizeofInotifyEvent {
		mask := binary.NativeEndian.Uint32(raw[4:])
		length := int(binary.NativeEndian.Uint32(raw[unix.SizeofInotifyEvent-4:]))
		end := min(unix.SizeofInotifyEvent+length, len(raw))
		if name := string(bytes.TrimRight(raw[unix.SizeofInotifyEvent:end], "\x00")); name != "" {
			i, known := at[name]
			if !known {
				i = len(events)
				at[name] = i
				events = append(events, fileEvent{name: name})
			}
			events[i].closed = mask&unix.IN_CLOSE_WRITE != 0
		}
		raw = raw[end:]
	}
	return events
}
