package backups

import (
	"io"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"
)

const (
	frame  = 1 << 20 // bytes compressed at once: more than zstd -1 looks back
	window = 1 << 20
)

// frames compresses by zstd on several cores: pieces of one size, each a frame of its own, written in their
// order. Every zstd reads frames that follow one another as one stream. (The library's own stream uses one core
// at a time, since each of its blocks looks back at the one before.)
type frames struct {
	to      io.Writer
	by      *compressor
	filling *piece
	free    chan *piece
	begun   chan *piece // in their order
	ended   chan struct{}
	failed  atomic.Pointer[error] // why writing failed
}

// piece is what becomes one frame.
type piece struct {
	plain, packed []byte
	done          chan struct{} // holds a token once it is compressed
}

// compressor is what all frames of a store share: memory that one leaves the next takes over.
type compressor struct {
	encoder *zstd.Encoder // does as many pieces at once as may be; more wait
	pieces  sync.Pool     // of *piece
}

// newCompressor compresses on so many cores at most.
func newCompressor(cores int) (*compressor, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(cores),
		zstd.WithWindowSize(window), zstd.WithLowerEncoderMem(true), zstd.WithZeroFrames(true))
	if err != nil {
		return nil, err
	}
	c := &compressor{encoder: encoder}
	c.pieces.New = func() any { return &piece{plain: make([]byte, 0, frame), done: make(chan struct{}, 1)} }
	return c, nil
}

// frames begins a stream that is compressed on so many cores. Each takes about 4 MB of memory.
func (c *compressor) frames(to io.Writer, cores int) *frames {
	pieces := cores + 1 // one is filled meanwhile
	f := &frames{to: to, by: c, free: make(chan *piece, pieces), begun: make(chan *piece, pieces), ended: make(chan struct{})}
	for range pieces {
		f.free <- c.pieces.Get().(*piece) //nolint:forcetypeassert // the pool holds nothing else
	}
	go f.write()
	return f
}

// Write takes bytes in. It waits while all pieces are being compressed or wait to be written.
func (f *frames) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		if f.filling == nil {
			f.filling = <-f.free
			if err := f.failed.Load(); err != nil {
				return written, *err
			}
		}
		n := min(len(p)-written, frame-len(f.filling.plain))
		f.filling.plain = append(f.filling.plain, p[written:written+n]...)
		written += n
		if len(f.filling.plain) == frame {
			f.compress()
		}
	}
	return written, nil
}

// compress begins to compress the piece that has been filled.
func (f *frames) compress() {
	p := f.filling
	f.filling = nil
	f.begun <- p
	go func() {
		p.packed = f.by.encoder.EncodeAll(p.plain, p.packed[:0])
		p.done <- struct{}{}
	}()
}

// write writes what has been compressed. After a failure it only frees the pieces.
func (f *frames) write() {
	defer close(f.ended)
	empty := true
	for p := range f.begun {
		<-p.done
		if len(p.plain) > 0 || empty { // without any bytes there is one frame of none
			f.pass(p.packed)
		}
		empty = false
		p.plain = p.plain[:0]
		f.free <- p
	}
}

func (f *frames) pass(packed []byte) {
	if f.failed.Load() != nil {
		return
	}
	if _, err := f.to.Write(packed); err != nil {
		f.failed.Store(&err)
	}
}

// Close compresses and writes the rest, and ends all that goes on. It does not close what it writes to.
func (f *frames) Close() error {
	if f.filling == nil {
		f.filling = <-f.free
	}
	f.compress()
	close(f.begun)
	<-f.ended
	for len(f.free) > 0 {
		f.by.pieces.Put(<-f.free)
	}
	if err := f.failed.Load(); err != nil {
		return *err
	}
	return nil
}
