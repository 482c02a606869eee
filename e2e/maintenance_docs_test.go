package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/internal/testenv/enterprise"
	"github.com/orderly-ops/orderly/workflows"
)

// example are the commands of the page that stand below a mark.
func example(t *testing.T, name string) (commands []string) {
	t.Helper()
	_, below, found := strings.Cut(read(t, "../docs/maintenance.md"), "<!-- example: "+name+" -->\n```sh\n")
	require.True(t, found, name)
	text, _, _ := strings.Cut(below, "```")
	return strings.Split(strings.TrimSpace(text), "\n")
}

// sundayHouse is the sample platform, looked after by the shipped procedures.
type sundayHouse struct {
	*house
	platform *enterprise.Platform
}

func openSunday(t *testing.T) *sundayHouse {
	t.Helper()
	p := enterprise.Start(t)
	library := shipped(t, p.Container("redis"))
	for _, part := range []string{"api", "db"} {
		library["org.yaml"] = strings.ReplaceAll(library["org.yaml"], "[enterprise-docs-"+part+"]", "["+p.Container(part)+"]")
	}
	library["daily-check.yaml"] = quickCheck // the engine is shared with tests whose containers are ill on purpose
	h := open(t, setting{procedures: library, config: p.Targets(testenv.S3(t)) + "notify: {console: {}}\n", env: []string{"PATH=" + bin + ":" + os.Getenv("PATH")}})
	return &sundayHouse{house: h, platform: p}
}

// types runs a command of the page in a shell, again until it succeeds: what it answers may not have been asked yet.
func (h *sundayHouse) types(t *testing.T, command string, more ...string) string {
	t.Helper()
	command = strings.Join(append([]string{command}, more...), " ")
	var said string
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "sh", "-c", command)
		cmd.Dir, cmd.Env = h.dir, append(os.Environ(), h.env...)
		out, err := cmd.CombinedOutput()
		said = string(out)
		return err == nil
	}, 4*time.Minute, 200*time.Millisecond, "%s", command)
	return said
}

// ends waits for the end of a run.
func (h *sundayHouse) ends(t *testing.T, id string) *workflows.Record {
	t.Helper()
	c := h.temporal()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	_ = c.GetWorkflow(ctx, id, "").Get(ctx, nil) // the record says how it ended
	rec := h.record(c, id)
	require.True(t, rec.State.Done(), "%s has not ended:\n%s", id, account(rec))
	return rec
}

// TestTheMaintenancePageDoneWordForWord does what docs/maintenance.md tells an operator to type: a backup, a Sunday
// with an approved update, one that is aborted, and what is done by hand.
func TestTheMaintenancePageDoneWordForWord(t *testing.T) {
	t.Parallel()
	h := openSunday(t)
	engine := testenv.DockerClient(t)
	api := h.platform.Container("api")
	before := h.platform.State(t)
	only := fmt.Sprintf(`-i 'containers=["%s-*"]'`, h.platform.Name)
	for _, command := range example(t, "backup") {
		require.Contains(t, h.types(t, command), "succeeded")
	}

	t.Run("ASundayWithAnUpdate", func(t *testing.T) {
		was, err := engine.ContainerInspect(t.Context(), api)
		require.NoError(t, err)
		newer, err := engine.ContainerCommit(t.Context(), was.ID, container.CommitOptions{Reference: was.Config.Image, Changes: []string{"LABEL newer=yes"}})
		require.NoError(t, err)
		h.types(t, "orderly start weekly-maintenance", only)
		for _, command := range example(t, "sunday") {
			h.types(t, command)
		}
		rec := h.ends(t, "weekly-maintenance/docs-db")
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		now, err := engine.ContainerInspect(t.Context(), api)
		require.NoError(t, err)
		require.Equal(t, newer.ID, now.Image, "the approved update was installed")
		require.Equal(t, before.Tables, h.platform.State(t).Tables)
		reports, err := filepath.Glob(filepath.Join(h.dir, "artifacts", "weekly-maintenance", "docs-db", "*-maintenance-report.md"))
		require.NoError(t, err)
		require.Len(t, reports, 1)
		report := read(t, reports[0])
		require.Contains(t, report, "- Outcome: completed")
		require.Contains(t, report, "| Approved updates | succeeded | "+api+" |")
		require.Contains(t, report, "| PostgreSQL 18 | January | ten minutes away | a rehearsal |")
	})

	t.Run("OneThatIsAborted", func(t *testing.T) {
		before := h.platform.State(t)
		h.types(t, "orderly start weekly-maintenance", only)
		for _, command := range example(t, "sunday")[:2] {
			h.types(t, command)
		}
		c := h.temporal()
		h.await("the maintenance to have begun", time.Minute, func() bool {
			return h.record(c, "weekly-maintenance/docs-db").Phases[3].State != workflows.Pending
		})
		for _, command := range example(t, "abort") {
			h.types(t, command)
		}
		rec := h.ends(t, "weekly-maintenance/docs-db")
		require.Equal(t, workflows.Cancelled, rec.State, account(rec))
		require.Equal(t, before, h.platform.State(t), account(rec))
		require.Contains(t, h.orderly("runs").stdout, "investigation")
	})

	t.Run("ByHand", func(t *testing.T) {
		for _, command := range example(t, "by-hand") {
			h.types(t, command)
		}
		rec := h.ends(t, "restore-drill/docs-db")
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, before.Databases, h.platform.State(t).Databases, "the copy was dropped")
	})
}
