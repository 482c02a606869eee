package version

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestATestProgramHasNoVersion(t *testing.T) {
	t.Parallel()
	require.Equal(t, Unknown, String())
}
