package simulate_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheEngineWaitsAsASimulationCan: whoever waits in another way than by Await, a timer or a future holds up all
// coroutines of a simulation, which knows nothing of it: see crew.
func TestTheEngineWaitsAsASimulationCan(t *testing.T) {
	t.Parallel()
	forbidden := map[string]bool{
		"Select": true, "Receive": true, "ReceiveWithTimeout": true,
		"NewWaitGroup": true, "NewMutex": true, "NewSemaphore": true, "NewChannel": true, "NewBufferedChannel": true,
	}
	files, err := filepath.Glob("../../workflows/*.go")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	set := token.NewFileSet()
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(set, file, nil, 0)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && forbidden[s.Sel.Name] {
				t.Errorf("%s: %s blocks a simulation; wait by workflow.Await", set.Position(s.Pos()), s.Sel.Name)
			}
			return true
		})
	}
}
