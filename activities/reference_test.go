package activities_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities"
)

func TestReference(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, activities.WriteReference(&out, activities.Catalogue()))
	text := out.String()

	t.Run("HasASectionForEveryAction", func(t *testing.T) {
		t.Parallel()
		for _, name := range activities.Catalogue().Names() {
			require.Contains(t, text, "\n## "+name+"\n")
			require.Contains(t, text, "- [`"+name+"`](#"+strings.ReplaceAll(name, ".", "")+"): ")
		}
	})

	t.Run("TellsInputsDefaultsTargetsAndNestedOutputs", func(t *testing.T) {
		t.Parallel()
		require.Contains(t, text, "| `samples` | int | How often it is asked, at most 50. Default: 5. |")
		require.Contains(t, text, "| `target` | string | The service. Names a target under `targets.http`. **Required.** |")
		require.Contains(t, text, "| `failures[].reason` | string | What kind of failure. One of `timeout`,")
		require.Contains(t, text, "**destructive**")
	})

	t.Run("IsTheSameEveryTime", func(t *testing.T) {
		t.Parallel()
		var again strings.Builder
		require.NoError(t, activities.WriteReference(&again, activities.Catalogue()))
		require.Equal(t, text, again.String())
	})
}
