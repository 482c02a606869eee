package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities"
	"github.com/orderly-ops/orderly/sops"
)

var block = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// blocks are the YAML examples of a page.
func blocks(t *testing.T, page string) []string {
	t.Helper()
	var out []string
	for _, m := range block.FindAllStringSubmatch(read(t, filepath.Join("..", page)), -1) {
		out = append(out, m[1])
	}
	require.NotEmpty(t, out, "%s has no example", page)
	return out
}

var sopLine = regexp.MustCompile(`(?m)^sop: (\S+)$`)

// TestEveryProcedureInTheDocsLoads keeps the examples true.
func TestEveryProcedureInTheDocsLoads(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"README.md", "docs/procedures.md"} {
		n := 0
		for _, src := range blocks(t, page) {
			m := sopLine.FindStringSubmatch(src)
			if m == nil {
				continue
			}
			n++
			_, problems := sops.Parse(m[1]+".yaml", []byte(src), sops.Env{Catalogue: activities.Catalogue()})
			require.NoError(t, problems.Err(), "%s: %s", page, m[1])
		}
		require.Positive(t, n, page)
	}
}

// TestTheReadmesFirstProcedure does what the README tells a newcomer to do, word for word.
func TestTheReadmesFirstProcedure(t *testing.T) {
	t.Parallel()
	_, example, found := strings.Cut(read(t, "../README.md"), "<!-- example: first-procedure -->")
	require.True(t, found)
	parts := block.FindAllStringSubmatch(example, 2)
	h := open(t, setting{procedures: map[string]string{"api-look.yaml": parts[0][1]}})
	// The README's own orderly.yaml names the port of a default worker; this house has another.
	targets := parts[1][1][strings.Index(parts[1][1], "targets:"):]
	config := read(t, filepath.Join(h.dir, "orderly.yaml"))
	h.write("orderly.yaml", config+strings.ReplaceAll(targets, "http://127.0.0.1:8080", h.http))
	h.server.kill()
	h.server = h.restart(h.server)
	h.ready()

	require.Zero(t, h.orderly("validate").exit)
	said := h.orderly("start", "api-look", "-i", "target=docs-api", "--watch")
	require.Zero(t, said.exit, said.stdout+said.stderr)
	h.write("procedures/api-look.yaml", strings.ReplaceAll(parts[0][1], "outputs.mean", "outputs.meann"))
	said = h.orderly("validate")
	require.Equal(t, 1, said.exit)
	require.Contains(t, said.stdout, "did you mean")
	require.Contains(t, said.stdout, "mean")
}

// TestTheReferenceIsUpToDate wants `make docs` to have been run.
func TestTheReferenceIsUpToDate(t *testing.T) {
	t.Parallel()
	var actions, procedure, org strings.Builder
	require.NoError(t, activities.WriteReference(&actions, activities.Catalogue()))
	require.NoError(t, sops.WriteReference(&procedure))
	require.NoError(t, sops.WriteOrgReference(&org))
	require.Equal(t, actions.String(), read(t, "../docs/reference/actions.md"))
	require.Equal(t, procedure.String(), read(t, "../docs/reference/procedure.md"))
	require.Equal(t, org.String(), read(t, "../docs/reference/org.md"))
}

// TestEveryDependencyHasItsReason keeps the list in the first decision whole.
func TestEveryDependencyHasItsReason(t *testing.T) {
	t.Parallel()
	reasons := read(t, "../docs/decisions/0001-dependencies.md")
	direct := regexp.MustCompile(`(?m)^\t(\S+) v\S+$`)
	for _, m := range direct.FindAllStringSubmatch(read(t, "../go.mod"), -1) {
		require.Contains(t, reasons, "`"+m[1]+"`", "add a line on it")
	}
}

func TestTheDocsLinkToFilesThatExist(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	pages, err := filepath.Glob("../docs/*.md")
	require.NoError(t, err)
	for _, page := range append(pages, "../README.md", "../CONTRIBUTING.md") {
		for _, m := range link.FindAllStringSubmatch(read(t, page), -1) {
			_, err := os.Stat(filepath.Join(filepath.Dir(page), m[1]))
			require.NoError(t, err, "%s links to %s", page, m[1])
		}
	}
}
