package backups

import (
	"io"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"
)

const (
	frame  = 2 << 20 // bytes compressed at once
	window = 1 << 20 // how far back zstd looks for repetitions
)

// frames compresses by zstd on several cores: pieces of one size, each a frame of its own, written in their
// order. Every zstd reads frames that follow one another as one stream. (The library's own stream uses one core
// at a time, since each of its blocks looks back at the one before.)
type frames struct {
	to      io.Writer
	encoder *zstd.Encoder
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

// newFrames compresses on so many cores. It takes about 4 MB of memory for each of them, and 4 MB more.
func newFrames(to io.Writer, cores int) (*frames, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(cores),
		zstd.WithWindowSize(window), zstd.WithZeroFrames(true))
	if err != nil {
		return nil, err
	}
	pieces := cores + 1 // one is filled meanwhile
	f := &frames{
		to: to, encoder: encoder,
		free: make(chan *piece, pieces), begun: make(chan *piece, pieces), ended: make(chan struct{}),
	}
	for range pieces {
		f.free <- &piece{done: make(chan struct{}, 1)}
	}
	go f.write()
	return f, nil
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
		p.packed = f.encoder.EncodeAll(p.plain, p.packed[:0])
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
	if err := f.failed.Load(); err != nil {
		return *err
	}
	return f.encoder.Close()
}
