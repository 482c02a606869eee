package library_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/sops/library"
	"github.com/orderly-ops/orderly/workflows"
)

// block is what a page shows under a comment such as <!-- config: go -->.
func block(t *testing.T, comment string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/dependencies.md")
	require.NoError(t, err)
	_, below, ok := strings.Cut(string(page), "<!-- "+comment+" -->\n```yaml\n")
	require.True(t, ok, comment)
	text, _, _ := strings.Cut(below, "```")
	return text
}

// TestTheCommandsOfTheDocs keeps the page with the commands together with the procedure that runs them.
func TestTheCommandsOfTheDocs(t *testing.T) {
	t.Parallel()
	text, err := library.FS.ReadFile("dependency-update.yaml")
	require.NoError(t, err)
	var wanted []string
	for _, m := range regexp.MustCompile(`inputs\.commands \}\}-([a-z]+)"`).FindAllStringSubmatch(string(text), -1) {
		wanted = append(wanted, m[1])
	}
	slices.Sort(wanted)
	wanted = slices.Compact(wanted)
	for project, prefix := range map[string]string{"go": "deps-", "node": "web-deps-"} {
		t.Run(project, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "orderly.yaml")
			require.NoError(t, os.WriteFile(file, []byte(block(t, "config: "+project)), 0o600))
			cfg, err := config.Load(file)
			require.NoError(t, err, "it is a configuration")
			var there []string
			for name, command := range cfg.Exec {
				there = append(there, strings.TrimPrefix(name, prefix))
				require.True(t, filepath.IsAbs(command.Argv[0]), name)
				takes := slices.Contains([]string{"reset", "commit", "major"}, strings.TrimPrefix(name, prefix))
				require.Equal(t, takes, command.MaxArgs == 1, "%s takes what the procedure gives it, and no more", name)
			}
			slices.Sort(there)
			require.Equal(t, wanted, there, "all commands of the procedure, and no others")
		})
	}
}

// dependabot is the part of a Dependabot file that rows of the written procedure are about.
type dependabot struct {
	Version int `yaml:"version"`
	Updates []struct {
		Ecosystem   string   `yaml:"package-ecosystem"`
		Directory   string   `yaml:"directory"`
		Directories []string `yaml:"directories"`
		Schedule    struct {
			Interval, Day, Time, Timezone string
		} `yaml:"schedule"`
		Limit   int               `yaml:"open-pull-requests-limit"`
		Labels  []string          `yaml:"labels"`
		Message map[string]string `yaml:"commit-message"`
		Groups  map[string]struct {
			Patterns    []string `yaml:"patterns"`
			Type        string   `yaml:"dependency-type"`
			UpdateTypes []string `yaml:"update-types"`
		} `yaml:"groups"`
	} `yaml:"updates"`
}

func TestUpdatePullRequests(t *testing.T) {
	t.Parallel()
	own, err := os.ReadFile("../../.github/dependabot.yml")
	require.NoError(t, err)
	for name, text := range map[string]string{"ThisProject": string(own), "TheTemplate": block(t, "template: dependabot")} {
		t.Run(name+"/ComeOnMondayAtNineGroupedAndLabelled", func(t *testing.T) {
			t.Parallel()
			var file dependabot
			d := yaml.NewDecoder(strings.NewReader(text))
			d.KnownFields(true)
			require.NoError(t, d.Decode(&file))
			require.Equal(t, 2, file.Version)
			groups := map[string]bool{}
			for _, u := range file.Updates {
				require.Equal(t, "weekly monday 09:00 Etc/UTC", strings.Join([]string{u.Schedule.Interval, u.Schedule.Day, u.Schedule.Time, u.Schedule.Timezone}, " "), u.Ecosystem)
				require.Contains(t, u.Labels, "dependencies", u.Ecosystem)
				require.NotEmpty(t, u.Directory+strings.Join(u.Directories, ""), u.Ecosystem)
				require.NotEmpty(t, u.Groups, u.Ecosystem)
				for g := range u.Groups {
					groups[g] = true
				}
			}
			require.True(t, groups["production"] && groups["development"], "%v", groups)
		})
	}
}

func TestDependencyUpdate(t *testing.T) {
	t.Parallel()
	// running answers commands: name of the command to its exit code, -1 a failure.
	running := func(b *bench, codes map[string]int) {
		marks := 0
		b.answer("exec.run", func(with in) (any, error) {
			name := with["command"].(string)
			if args, ok := with["args"].([]any); ok && len(args) == 1 {
				if code, ok := codes[name+" "+args[0].(string)]; ok && code < 0 {
					return failing(with)
				}
			}
			code := codes[name]
			if code < 0 {
				return failing(with)
			}
			out := ""
			if strings.HasSuffix(name, "-mark") {
				marks++
				out = "mark" + string(rune('0'+marks)) + "\n"
			}
			return in{"command": name, "started": true, "exit_code": code, "stdout": out}, nil
		})
	}
	t.Run("GoesFromThePatchLevelOverTheAuditToMajorsOneAtATime", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		running(b, nil)
		rec := b.start("dependency-update", in{"majors": []any{"a", "b"}})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		stage := func(name string) []string {
			return []string{"exec.run deps-mark", "exec.run deps-" + name, "exec.run deps-tidy", "exec.run deps-test", "exec.run deps-commit"}
		}
		require.Equal(t, slices.Concat([]string{"exec.run deps-fetch", "exec.run deps-begin", "exec.run deps-list"}, stage("patch"),
			[]string{"exec.run deps-audit"}, stage("minor"), []string{"exec.run deps-majors"}, stage("major"), stage("major"),
			[]string{"exec.run deps-audit", "exec.run deps-push"}), b.calls("exec.run"))
		require.Contains(t, found(rec), "ready to be merged: the patch level, minor updates, a, b")
		require.Empty(t, b.started)
	})

	t.Run("TakesBackOnlyWhatDoesNotPass", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		running(b, map[string]int{"deps-major b": -1})
		rec := b.start("dependency-update", in{"majors": []any{"a", "b", "c"}})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Len(t, b.calls("exec.run deps-reset"), 0)
		require.Equal(t, 1, strings.Count(strings.Join(b.called, "\n"), "deps-reset"))
		require.Contains(t, found(rec), "the major update b does not pass its tests and was taken back")
		require.Contains(t, found(rec), "minor updates, a, c")
	})

	t.Run("StartsASecurityPatchForAHoleThatIsLeft", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		running(b, map[string]int{"deps-audit": 3})
		rec := b.start("dependency-update", in{"ask": false})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Equal(t, []string{"security-patch/audit-deps"}, b.started)
	})

	t.Run("SaysThatNothingIsCheckedWhereThereAreNoCommands", func(t *testing.T) {
		t.Parallel()
		b := setup(t, false)
		running(b, map[string]int{"deps-fetch": -1})
		rec := b.start("dependency-update", in{})
		require.Equal(t, workflows.Succeeded, rec.State, account(rec))
		require.Contains(t, found(rec), "docs/dependencies.md")
		require.NotContains(t, strings.Join(b.called, " "), "deps-list")
	})

	t.Run("GoesBackToWhereItBeganWhenItIsAborted", func(t *testing.T) {
		t.Parallel()
		b := setup(t, true)
		running(b, nil)
		b.at(time.Hour, workflows.MessageAbort, in{"by": "chloe", "reason": "a release is due"})
		rec := b.start("dependency-update", in{})
		require.Equal(t, workflows.Cancelled, rec.State, account(rec))
		require.Equal(t, 2, strings.Count(strings.Join(b.called, "\n"), "deps-reset"), "minor, then patch")
		require.Empty(t, strings.Count(strings.Join(b.called, "\n"), "deps-push"))
	})
}
