package workflows

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/sops"
)

func TestParsedProceduresAreKept(t *testing.T) {
	t.Parallel()
	source := func(id string) string {
		return fmt.Sprintf("sop: %s\ntitle: T\nphases: [{id: a, steps: [{id: b, wait: 1m}]}]\n", id)
	}
	pin := func(id string) Pinned { return Pinned{File: id + ".yaml", Source: source(id), Digest: "sha256:same"} }
	t.Run("ByTheirTextAndNotByWhatIsSaidOfIt", func(t *testing.T) {
		t.Parallel()
		e := New(Options{Catalogue: sops.NewCatalogue()})
		one, err := e.parse(pin("one"))
		require.NoError(t, err)
		again, err := e.parse(pin("one"))
		require.NoError(t, err)
		require.Same(t, one, again)
		two, err := e.parse(pin("two"))
		require.NoError(t, err)
		require.Equal(t, "two", two.ID, "a digest that was made up changes nothing")
	})
	t.Run("AndTheSameTextInAnotherFileIsAnother", func(t *testing.T) {
		t.Parallel()
		e := New(Options{Catalogue: sops.NewCatalogue()})
		_, err := e.parse(pin("one"))
		require.NoError(t, err)
		_, err = e.parse(Pinned{File: "two.yaml", Source: source("one")})
		require.ErrorContains(t, err, "one.yaml, not two.yaml")
	})
	t.Run("AndNoMoreThanSoMany", func(t *testing.T) {
		t.Parallel()
		e := New(Options{Catalogue: sops.NewCatalogue()})
		var wg sync.WaitGroup
		for i := range 2 * parseCacheSize {
			wg.Go(func() {
				_, err := e.parse(pin("p" + strings.Repeat("x", i%7) + fmt.Sprint(i)))
				require.NoError(t, err)
			})
		}
		wg.Wait()
		require.LessOrEqual(t, len(e.parsed.parsed), parseCacheSize)
	})
}
