package exec

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestKept(t *testing.T) {
	t.Parallel()
	write := func(limit int, parts ...string) *kept {
		k := newKept(limit)
		for _, p := range parts {
			n, err := k.Write([]byte(p))
			require.NoError(t, err)
			require.Equal(t, len(p), n)
		}
		return k
	}

	t.Run("KeepsEverythingThatFits", func(t *testing.T) {
		t.Parallel()
		k := write(10, "abc", "defgh", "ij")
		require.Equal(t, "abcdefghij", k.String())
		require.Zero(t, k.leftOut())
	})

	t.Run("KeepsTheBeginningAndTheEnd", func(t *testing.T) {
		t.Parallel()
		for _, k := range []*kept{
			write(10, "abcdefghijklmno"),
			write(10, strings.Split("abcdefghijklmno", "")...),
			write(10, "abcdefg", "hijklmn", "o"),
		} {
			require.Equal(t, "abcde\n[… 5 bytes left out …]\nklmno", k.String())
			require.EqualValues(t, 5, k.leftOut())
		}
	})

	t.Run("CutsNoCharacterInHalf", func(t *testing.T) {
		t.Parallel()
		k := write(10, strings.Repeat("ä€", 20))
		require.True(t, utf8.ValidString(k.String()))
		require.NotContains(t, k.String(), "\uFFFD")
	})

	t.Run("MakesBytesThatAreNoTextText", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, "a\uFFFDb", write(10, "a\xff\xfeb").String())
	})
}
