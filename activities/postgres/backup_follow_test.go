package postgres

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// watched collects what is written and tells how much there is by now.
type watched struct {
	bytes.Buffer
	sizes chan int
}

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	w.sizes <- w.Len()
	return n, err
}

func TestAFileIsReadWhileItGrows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "7.dat")
	f, err := os.Create(path)
	require.NoError(t, err)
	g, to := newGrowing(), &watched{sizes: make(chan int, 100)}
	done := make(chan error, 1)
	go func() { done <- g.copy(t.Context(), to, path) }()
	want := make([]byte, 3<<20)
	_, _ = rand.Read(want)
	for at := 0; at < len(want); at += 1 << 20 {
		_, err := f.Write(want[at : at+1<<20])
		require.NoError(t, err)
		g.grew()
		for seen := 0; seen < at+1<<20; { // the next piece comes only when this one has been read
			seen = <-to.sizes
		}
	}
	_, err = f.WriteString("the end")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	g.close() // nobody has told of the last piece
	require.NoError(t, <-done)
	require.True(t, bytes.Equal(slices.Concat(want, []byte("the end")), to.Bytes()))
}

func TestAFileThatGrowsIsGivenUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "7.dat")
	require.NoError(t, os.WriteFile(path, []byte("half"), 0o600))
	t.Run("when the backup is", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		to := &watched{sizes: make(chan int, 1)}
		done := make(chan error, 1)
		go func() { done <- newGrowing().copy(ctx, to, path) }()
		<-to.sizes
		cancel(io.ErrClosedPipe)
		require.ErrorIs(t, <-done, io.ErrClosedPipe)
	})
	t.Run("when it is another than what was read", func(t *testing.T) {
		g := newGrowing()
		g.close()
		err := g.copy(t.Context(), writerFunc(func(p []byte) (int, error) {
			return len(p), os.Truncate(path, 2)
		}), path)
		require.ErrorContains(t, err, "has 2 bytes, 4 were read")
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestAFolderTellsWhatGrowsAndWhatIsClosed(t *testing.T) {
	if runtime.GOOS != "linux" {
		seen, stop, err := watchFolder(t.TempDir())
		require.NoError(t, err)
		require.Nil(t, seen)
		stop()
		return
	}
	folder := t.TempDir()
	seen, stop, err := watchFolder(folder)
	require.NoError(t, err)
	f, err := os.Create(filepath.Join(folder, "a name of more than sixteen characters"))
	require.NoError(t, err)
	_, err = f.WriteString("x")
	require.NoError(t, err)
	require.Equal(t, fileEvent{name: filepath.Base(f.Name())}, <-seen)
	_, err = f.WriteString("y")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	for e := range seen {
		require.Equal(t, filepath.Base(f.Name()), e.name)
		if e.closed {
			break
		}
	}
	require.NoError(t, os.WriteFile(filepath.Join(folder, "b"), nil, 0o600))
	require.Equal(t, fileEvent{name: "b", closed: true}, <-seen)
	stop()
}

func TestFilesThatComeWhileOthersAreUploadedDisturbNobody(t *testing.T) {
	const files = 5000
	u := newSpoolUploads(dump{backup: &backup{}}, t.TempDir()) // without any of the files: they were temporary
	seen, dumped := make(chan fileEvent), make(chan error, 1)
	go func() {
		for n := range files {
			seen <- fileEvent{name: strconv.Itoa(n) + ".dat"}
		}
		dumped <- nil
	}()
	got, err := u.run(t.Context(), func(error) {}, seen, dumped)
	require.NoError(t, err)
	require.Empty(t, got)
	require.Len(t, u.known, files)
}
