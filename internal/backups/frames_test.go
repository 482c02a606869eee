package backups

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

// orders is text that compresses well, and at every place differs from that at any other.
func orders(size int) []byte {
	var text bytes.Buffer
	for n := 0; text.Len() < size; n++ {
		fmt.Fprintf(&text, "%d\torder %d shipped by carrier %d\n", n, n*7919%1000003, n%13)
	}
	return text.Bytes()[:size]
}

func TestFramesAreReadAsOneStream(t *testing.T) {
	compress, err := newCompressor(4)
	require.NoError(t, err)
	for _, size := range []int{0, 1, frame - 1, frame, frame + 1, 3 * frame, 21*frame + 5} {
		for _, cores := range []int{1, 4} {
			t.Run(fmt.Sprintf("%d bytes on %d cores", size, cores), func(t *testing.T) {
				want := orders(size)
				var packed bytes.Buffer
				f := compress.frames(&packed, cores)
				lengths := rand.New(rand.NewPCG(1, 2))
				for rest := want; len(rest) > 0; {
					n := min(len(rest), 1+lengths.IntN(frame))
					wrote, err := f.Write(rest[:n])
					require.NoError(t, err)
					require.Equal(t, n, wrote)
					rest = rest[n:]
				}
				require.NoError(t, f.Close())
				require.NotZero(t, packed.Len(), "an archive of nothing is a frame of nothing")
				require.LessOrEqual(t, packed.Len(), size/3+64)
				r, err := zstd.NewReader(&packed)
				require.NoError(t, err)
				defer r.Close()
				got, err := io.ReadAll(r)
				require.NoError(t, err)
				require.True(t, bytes.Equal(want, got))
			})
		}
	}
}

// full takes so many bytes, and no more.
type full struct{ left int }

var errFull = errors.New("it is full")

func (w *full) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestFramesEndWhenNobodyTakesThem(t *testing.T) {
	compress, err := newCompressor(4)
	require.NoError(t, err)
	f := compress.frames(&full{left: 100 << 10}, 4)
	some := orders(frame)
	for range 100 {
		if _, err = f.Write(some); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, errFull, "whoever writes learns of it")
	require.ErrorIs(t, f.Close(), errFull)
}
