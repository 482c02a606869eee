package host

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shirou/gopsutil/v4/disk"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/sops"
)

// area is a cleaner of one folder, for which it is two days later: what a test writes is old.
func area(t testing.TB, settings config.Clean) (c *cleaner, dir string) {
	t.Helper()
	dir = t.TempDir()
	settings.Dir, settings.MinAge = dir, 24*time.Hour
	if settings.How == "" {
		settings.How = config.CleanDelete
	}
	c = newCleaner(&config.Config{Clean: map[string]config.Clean{"area": settings}}, newHost())
	c.now = func() time.Time { return time.Now().Add(48 * time.Hour) }
	return c, dir
}

// write makes a file of so many bytes.
func write(t testing.TB, bytes int, path ...string) string {
	t.Helper()
	name := filepath.Join(path...)
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
	require.NoError(t, os.WriteFile(name, []byte(strings.Repeat("x", bytes)), 0o600))
	return name
}

// young has a file changed a moment ago, by the cleaner's clock.
func young(t testing.TB, name string) string {
	t.Helper()
	at := time.Now().Add(47 * time.Hour)
	require.NoError(t, os.Chtimes(name, at, at))
	return name
}

func cleaned(t testing.TB, c *cleaner, in CleanInput) (Clean, CleanArea) {
	t.Helper()
	out, err := c.clean(t.Context(), in)
	require.NoError(t, err)
	require.Len(t, out.Areas, 1)
	return out, out.Areas[0]
}

func TestCleanDeletesWhatIsOldAndAllowed(t *testing.T) {
	t.Parallel()
	c, dir := area(t, config.Clean{Match: []string{"*.tmp"}})
	outside := write(t, 10, t.TempDir(), "outside.tmp")
	old := write(t, 100_000, dir, "a.tmp")
	deep := write(t, 5000, dir, "sub", "deeper", "b.tmp")
	kept := []string{outside, young(t, write(t, 10, dir, "young.tmp")), write(t, 10, dir, "sub", "a.log")}
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "link.tmp")))
	require.NoError(t, os.Symlink(filepath.Dir(outside), filepath.Join(dir, "linked-folder")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe.tmp"), 0o600))

	dry, told := cleaned(t, c, CleanInput{DryRun: true})
	require.Equal(t, 2, dry.Deleted)
	require.Positive(t, dry.Recovered)
	require.FileExists(t, old)

	out, again := cleaned(t, c, CleanInput{})
	require.Equal(t, dry.Deleted, out.Deleted)
	require.Equal(t, dry.Recovered, out.Recovered)
	require.Equal(t, told.Largest, again.Largest)
	require.Equal(t, 1, told.Young)
	require.Equal(t, 4, told.Other, "two links, a pipe, and one that does not match")
	require.Equal(t, 4, told.Files)
	require.Equal(t, []CleanedFile{{"a.tmp", told.Largest[0].Bytes}, {"sub/deeper/b.tmp", told.Largest[1].Bytes}}, told.Largest)
	require.GreaterOrEqual(t, out.Recovered, int64(105_000))
	require.Positive(t, told.FreeBefore)
	require.Zero(t, out.Problems, told.Problems)
	require.NoFileExists(t, old)
	require.NoFileExists(t, deep)
	require.DirExists(t, filepath.Join(dir, "sub", "deeper"), "folders go only where every file may")
	for _, path := range kept {
		require.FileExists(t, path)
	}
	require.Contains(t, out.Text, "2 files deleted")
}

func TestCleanDeletesFoldersThatHaveBecomeEmpty(t *testing.T) {
	t.Parallel()
	c, dir := area(t, config.Clean{})
	write(t, 10, dir, "old", "older", "a")
	write(t, 10, dir, "mixed", "a")
	left := young(t, write(t, 10, dir, "mixed", "b"))
	out, _ := cleaned(t, c, CleanInput{})
	require.Equal(t, 4, out.Deleted)
	require.NoDirExists(t, filepath.Join(dir, "old"))
	require.FileExists(t, left)
	require.DirExists(t, dir)
}

func TestCleanLeavesWhatProgramsHaveOpen(t *testing.T) {
	t.Parallel()
	c, dir := area(t, config.Clean{})
	open, err := os.Open(write(t, 10, dir, "open"))
	require.NoError(t, err)
	defer open.Close()
	mapped, err := os.Open(write(t, 5000, dir, "mapped"))
	require.NoError(t, err)
	memory, err := syscall.Mmap(int(mapped.Fd()), 0, 5000, syscall.PROT_READ, syscall.MAP_SHARED)
	require.NoError(t, err)
	require.NoError(t, mapped.Close())
	out, told := cleaned(t, c, CleanInput{})
	require.Equal(t, 2, out.Open)
	require.Equal(t, 2, told.Open)
	require.Zero(t, out.Deleted)
	require.FileExists(t, open.Name())
	require.NoError(t, syscall.Munmap(memory))
	out, _ = cleaned(t, c, CleanInput{})
	require.Equal(t, 1, out.Deleted)
}

func TestCleanLeavesWhatIsMountedElsewhere(t *testing.T) {
	t.Parallel()
	c, dir := area(t, config.Clean{})
	given, private, stood := write(t, 10, dir, "app conf", "app.conf"), filepath.Join(dir, "private"), filepath.Join(dir, "stood-in")
	require.NoError(t, os.MkdirAll(private, 0o700))
	require.NoError(t, os.MkdirAll(stood, 0o700))
	gone, mapped := write(t, 10, dir, "gone"), write(t, 10, dir, "mapped file")
	// As the kernel tells of a container to which a file and a folder were given.
	proc := t.TempDir()
	require.NoError(t, os.Symlink("/", filepath.Join(proc, "root")))
	require.NoError(t, os.Symlink(stood, filepath.Join(proc, "cwd")))
	require.NoError(t, os.Mkdir(filepath.Join(proc, "fd"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(proc, "maps"), []byte("7f00-7f01 r--p 00000000 00:00 0 [heap]\n"+
		"7f01-7f02 r--s 00000000 00:7b 1234567890 "+mapped+"\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(proc, "mountinfo"), []byte(
		"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"+
			"2 1 8:1 /app\\040conf/app.conf "+strings.ReplaceAll(given, " ", `\040`)+" rw - ext4 /dev/sda1 rw\n"+
			"3 1 8:1 /private "+private+" rw shared:1 - ext4 /dev/sda1 rw\n"+
			"4 1 0:9 /far "+gone+" rw - nfs4 server:/far rw\n"), 0o600))
	c.look = func(context.Context) (openFiles, error) {
		found := openFiles{files: map[[2]uint64]bool{}}
		return found, errors.Join(found.program(proc), found.mounted(proc))
	}
	out, told := cleaned(t, c, CleanInput{})
	require.FileExists(t, given)
	require.DirExists(t, private)
	require.DirExists(t, stood)
	require.NoFileExists(t, gone)
	require.FileExists(t, mapped)
	require.Equal(t, 2, out.Open, told)
}

func TestCleanEmptiesLogsAndKeepsTheirNames(t *testing.T) {
	t.Parallel()
	c, dir := area(t, config.Clean{How: config.CleanTruncate, Match: []string{"*.log"}, MaxMB: 1})
	old := write(t, 5000, dir, "old.log")
	written, err := os.OpenFile(old, os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	defer written.Close()
	large := young(t, write(t, 3<<20, dir, "large.log"))
	small := young(t, write(t, 5000, dir, "small.log"))
	twice := write(t, 5000, dir, "twice.log")
	require.NoError(t, os.Link(twice, filepath.Join(t.TempDir(), "precious")))
	out, told := cleaned(t, c, CleanInput{})
	require.Equal(t, 2, out.Truncated)
	require.Zero(t, out.Deleted)
	require.Equal(t, "large.log", told.Largest[0].Path)
	for path, size := range map[string]int64{old: 0, large: 0, small: 5000, twice: 5000} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, size, info.Size(), path)
	}
	_, err = written.WriteString("goes on")
	require.NoError(t, err)
	again, err := os.ReadFile(old)
	require.NoError(t, err)
	require.Equal(t, "goes on", string(again), "the program that has it open goes on in it")
}

func TestCleanEntersNoOtherFileSystemAndNothingOfOrderly(t *testing.T) {
	t.Parallel()
	c, dir := area(t, config.Clean{})
	mounted, own, journal := write(t, 10, dir, "mounted", "a"), write(t, 10, dir, "artifacts", "a"), write(t, 10, dir, "journal.db")
	c.machine.mounts = func(context.Context, bool) ([]disk.PartitionStat, error) {
		return []disk.PartitionStat{{Mountpoint: filepath.Dir(mounted)}}, nil
	}
	c = newCleaner(&config.Config{Clean: c.areas, Artifacts: config.Artifacts{Dir: filepath.Dir(own)}, Journal: config.Journal{DSN: config.NewSecret(journal)}}, c.machine)
	c.now = func() time.Time { return time.Now().Add(48 * time.Hour) }
	out, _ := cleaned(t, c, CleanInput{})
	require.Zero(t, out.Deleted)
	for _, path := range []string{mounted, own, journal} {
		require.FileExists(t, path)
	}

	c.areas["area"] = config.Clean{Dir: filepath.Dir(own), MinAge: time.Hour, How: config.CleanDelete}
	out, told := cleaned(t, c, CleanInput{})
	require.Equal(t, 1, out.Problems)
	require.Contains(t, told.Problems[0], "Orderly keeps its own")
	require.FileExists(t, own)
}

func TestCleanFollowsNothingThatIsSwappedUnderItsHands(t *testing.T) {
	t.Parallel()
	c, dir := area(t, config.Clean{})
	outside := write(t, 10, dir, "elsewhere", "precious")
	sub := write(t, 10, dir, "sub", "a")
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	folder, err := root.Lstat("sub")
	require.NoError(t, err)
	file, err := root.Lstat("sub/a")
	require.NoError(t, err)
	// Both names lead somewhere else before they are used.
	require.NoError(t, os.Rename(filepath.Dir(sub), filepath.Join(dir, "moved")))
	require.NoError(t, os.Symlink("elsewhere", filepath.Join(dir, "sub")))
	w := &walk{sweep: &sweep{cleaner: c}, settings: c.areas["area"], before: c.now(), device: identify(folder).device}
	require.NoError(t, w.subfolder(t.Context(), root, place{dir: dir}, folder))
	require.FileExists(t, outside)
	require.Equal(t, 1, w.told.Other)
	within, err := root.OpenRoot("elsewhere")
	require.NoError(t, err)
	defer within.Close()
	require.NoError(t, os.Rename(outside, filepath.Join(dir, "elsewhere", "a")))
	require.ErrorContains(t, empty(within, file), "another file")
}

func TestCleanGoesWhereOnlyTheAdministratorLeads(t *testing.T) {
	t.Parallel()
	c, dir := area(t, config.Clean{})
	precious := write(t, 10, t.TempDir(), "sub", "precious")
	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink(filepath.Dir(filepath.Dir(precious)), link))
	c.areas["area"] = config.Clean{Dir: filepath.Join(link, "sub"), MinAge: time.Hour, How: config.CleanDelete}
	out, _ := cleaned(t, c, CleanInput{DryRun: true})
	require.Equal(t, 1, out.Deleted, "a link of one's own")

	if c.us == 0 {
		require.NoError(t, os.Lchown(link, 12345, 12345))
	} else {
		c.us++
	}
	out, told := cleaned(t, c, CleanInput{})
	require.Equal(t, 1, out.Problems)
	require.Contains(t, told.Problems[0], "who may not decide what is cleaned")
	require.FileExists(t, precious)

	// Swapped between the look and the opening.
	_, err := openPlace(filepath.Join(link, "sub"))
	require.ErrorIs(t, err, syscall.ELOOP)
	root, err := openPlace(filepath.Dir(precious))
	require.NoError(t, err)
	defer root.Close()
	info, err := root.Lstat("precious")
	require.NoError(t, err)
	require.True(t, info.Mode().IsRegular())
}

func TestCleanGoesOnWhereOneAreaCannotBe(t *testing.T) {
	t.Parallel()
	c, dir := area(t, config.Clean{})
	write(t, 10, dir, "a")
	system := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink("/etc", system))
	c.areas["absent"] = config.Clean{Dir: filepath.Join(dir, "none"), MinAge: time.Hour, How: config.CleanDelete}
	c.areas["system"] = config.Clean{Dir: system, MinAge: time.Hour, How: config.CleanDelete}
	out, err := c.clean(t.Context(), CleanInput{DryRun: true})
	require.NoError(t, err)
	require.Equal(t, 2, out.Problems)
	require.Equal(t, 1, out.Deleted)
	require.Len(t, out.Areas, 3)
	require.Equal(t, []string{".: no such file or directory"}, out.Areas[0].Problems)
	require.Contains(t, out.Areas[2].Problems[0], "part of the operating system")
	require.Zero(t, out.Areas[2].Files)
}

func TestCleanTakesOnlyWhatTheConfigurationAllows(t *testing.T) {
	t.Parallel()
	c, dir := area(t, config.Clean{})
	kept := write(t, 10, dir, "a")
	_, err := c.clean(t.Context(), CleanInput{Areas: []string{"aera"}})
	testenv.RequirePermanent(t, err, action.ErrNotConfigured)
	require.ErrorContains(t, err, `did you mean "area"?`)
	_, err = c.clean(t.Context(), CleanInput{OlderThan: sops.Duration(time.Hour)})
	testenv.RequirePermanent(t, err, action.ErrInput)
	require.ErrorContains(t, err, "clean.area.min_age is 1d")
	_, err = newCleaner(&config.Config{}, newHost()).clean(t.Context(), CleanInput{})
	testenv.RequirePermanent(t, err, action.ErrNotConfigured)
	out, _ := cleaned(t, c, CleanInput{OlderThan: sops.Duration(72 * time.Hour)})
	require.Zero(t, out.Deleted, "a step may ask for more age, not for less")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.clean(ctx, CleanInput{})
	require.ErrorIs(t, err, context.Canceled)
	require.FileExists(t, kept)
}
