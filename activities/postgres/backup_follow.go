package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// fileEvent is what somebody did to a file of a folder that is watched.
type fileEvent struct {
	name   string
	closed bool // whoever wrote it has closed it; otherwise it has grown
}

// growing is a file that is read while pg_dump writes it. pg_dump only ever appends to the files of its
// directory format.
type growing struct {
	grown  chan struct{} // holds one token at most: there may be more to read
	closed chan struct{} // closed when nobody writes the file any more
	close  func()
}

func newGrowing() *growing {
	g := &growing{grown: make(chan struct{}, 1), closed: make(chan struct{})}
	g.close = sync.OnceFunc(func() { close(g.closed) })
	return g
}

// grew says that there may be more to read.
func (g *growing) grew() {
	select {
	case g.grown <- struct{}{}:
	default:
	}
}

// over says whether the file is complete.
func (g *growing) over() bool {
	select {
	case <-g.closed:
		return true
	default:
		return false
	}
}

// copy reads the file from its beginning until it is closed and all of it is read.
func (g *growing) copy(ctx context.Context, to io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	buffer := make([]byte, copyBuffer)
	var size int64
	for {
		complete := g.over() // asked before reading: what is read afterwards is all there is
		n, err := copyRest(to, f, buffer)
		size += n
		if err != nil {
			return err
		}
		if complete {
			return sameSize(f, size)
		}
		select {
		case <-g.grown:
		case <-g.closed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// copyBuffer is how many bytes are read at once.
const copyBuffer = 1 << 20

// copyRest reads what there is of a file, up to its present end.
func copyRest(to io.Writer, f *os.File, buffer []byte) (size int64, err error) {
	for {
		n, err := f.Read(buffer)
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return size, err
			}
			size += int64(n)
		}
		if errors.Is(err, io.EOF) {
			return size, nil
		}
		if err != nil {
			return size, err
		}
	}
}

// sameSize makes sure that what was read is what lies there.
func sameSize(f *os.File, size int64) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() != size {
		return fmt.Errorf("%s has %d bytes, %d were read: it was changed after pg_dump had closed it", f.Name(), info.Size(), size)
	}
	return nil
}
