package host

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/shirou/gopsutil/v4/disk"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/sops"
)

func TestResources(t *testing.T) {
	t.Parallel()

	t.Run("TellsOfTheMachineItRunsOn", func(t *testing.T) {
		t.Parallel()
		out, err := newHost().resources(t.Context(), ResourcesInput{Sample: sops.Duration(50 * time.Millisecond)})
		require.NoError(t, err)
		require.NotEmpty(t, out.Hostname)
		require.Positive(t, out.Uptime)
		require.Positive(t, out.CPU.Cores)
		require.GreaterOrEqual(t, out.CPU.Percent, 0.0)
		require.LessOrEqual(t, out.CPU.Percent, 100.0)
		require.Equal(t, out.Memory.Total, out.Memory.Used+out.Memory.Available)
		root := slices.IndexFunc(out.Disks, func(d Disk) bool { return d.Mount == "/" })
		require.GreaterOrEqual(t, root, 0, "the root file system is always looked at")
		require.Positive(t, out.Disks[root].Total)
		raw, err := json.Marshal(out)
		require.NoError(t, err)
		require.Contains(t, string(raw), `"unread":[`, "a list is never null")
	})

	t.Run("StopsWhenItIsCancelled", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := newHost().resources(ctx, ResourcesInput{Sample: sops.Duration(20 * time.Second)})
		require.ErrorIs(t, err, context.Canceled)
	})

	for name, in := range map[string]ResourcesInput{
		"RefusesASampleThatIsTooLong":     {Sample: sops.Duration(time.Hour)},
		"RefusesANegativeMountTimeout":    {MountTimeout: sops.Duration(-1)},
		"RefusesAPatternThatIsNoPattern":  {Include: []string{"/data[", "/"}},
		"RefusesAnExcludeThatIsNoPattern": {Exclude: []string{"[-]"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newHost().resources(t.Context(), in)
			var app *temporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.True(t, app.NonRetryable())
			require.Equal(t, "InvalidInput", app.Type())
		})
	}
}

func TestDisks(t *testing.T) {
	t.Parallel()
	mounts := []disk.PartitionStat{
		{Device: "/dev/sda1", Mountpoint: "/", Fstype: "ext4", Opts: []string{"rw"}},
		{Device: "proc", Mountpoint: "/proc", Fstype: "proc"},
		{Device: "tmpfs", Mountpoint: "/run", Fstype: "tmpfs"},
		{Device: "/dev/loop0", Mountpoint: "/snap/core", Fstype: "squashfs", Opts: []string{"ro"}},
		{Device: "/dev/sdb1", Mountpoint: "/srv/again", Fstype: "xfs", Opts: []string{"rw", "bind"}},
		{Device: "/dev/sdb1", Mountpoint: "/srv/data-long-name", Fstype: "xfs", Opts: []string{"ro"}},
		{Device: "nas:/export", Mountpoint: "/mnt/nas", Fstype: "nfs4", Opts: []string{"rw"}},
	}
	setup := func(usage func(context.Context, string) (*disk.UsageStat, error)) *machine {
		m := newHost()
		m.mounts = func(context.Context, bool) ([]disk.PartitionStat, error) { return slices.Clone(mounts), nil }
		m.usage = usage
		return m
	}
	half := func(context.Context, string) (*disk.UsageStat, error) {
		return &disk.UsageStat{Total: 200, Used: 100, Free: 100, UsedPercent: 50, InodesUsedPercent: 12.345}, nil
	}
	mountsOf := func(disks []Disk) []string {
		var names []string
		for _, d := range disks {
			names = append(names, d.Mount)
		}
		return names
	}

	t.Run("ShowsEveryRealFileSystemOnce", func(t *testing.T) {
		t.Parallel()
		disks, unread, err := setup(half).disks(t.Context(), choice{}, time.Minute)
		require.NoError(t, err)
		require.Empty(t, unread)
		require.Equal(t, []string{"/", "/mnt/nas", "/srv/data-long-name"}, mountsOf(disks))
		require.True(t, disks[2].ReadOnly)
		require.Equal(t, 12.35, disks[0].InodesPercent)
	})

	t.Run("LooksAtWhatIsNamedWhateverItIs", func(t *testing.T) {
		t.Parallel()
		disks, _, err := setup(half).disks(t.Context(), choice{include: []string{"/run", "/srv/*"}}, time.Minute)
		require.NoError(t, err)
		require.Equal(t, []string{"/run", "/srv/again", "/srv/data-long-name"}, mountsOf(disks))
	})

	t.Run("ListsWhatIsNamedAndNotMounted", func(t *testing.T) {
		t.Parallel()
		disks, unread, err := setup(half).disks(t.Context(), choice{include: []string{"/", "/backup", "/vol*"}}, time.Minute)
		require.NoError(t, err)
		require.Equal(t, []string{"/"}, mountsOf(disks))
		require.Equal(t, []Unread{{What: "/backup", Why: "nothing is mounted there"}, {What: "/vol*", Why: "nothing is mounted there"}}, unread)
	})

	t.Run("LeavesOutWhatIsExcluded", func(t *testing.T) {
		t.Parallel()
		disks, _, err := setup(half).disks(t.Context(), choice{exclude: []string{"/mnt/*", "/"}}, time.Minute)
		require.NoError(t, err)
		require.Equal(t, []string{"/srv/data-long-name"}, mountsOf(disks))
	})

	t.Run("ListsAFileSystemThatHangsInsteadOfWaitingForIt", func(t *testing.T) {
		t.Parallel()
		asked, release := make(chan struct{}, 2), make(chan struct{})
		defer close(release)
		m := setup(func(ctx context.Context, path string) (*disk.UsageStat, error) {
			if path == "/mnt/nas" {
				asked <- struct{}{}
				<-release
			}
			return half(ctx, path)
		})
		for range 2 { // the second run meets the question of the first
			disks, unread, err := m.disks(t.Context(), choice{}, time.Second)
			require.NoError(t, err)
			require.NotContains(t, mountsOf(disks), "/mnt/nas")
			require.Equal(t, []Unread{{What: "/mnt/nas", Why: "nfs4 file system nas:/export gave no answer within 1s"}}, unread)
		}
		require.Len(t, asked, 1, "a dead file system holds one goroutine, not one a run")
	})

	t.Run("ListsAFileSystemThatCannotBeReadAndWhy", func(t *testing.T) {
		t.Parallel()
		m := setup(func(ctx context.Context, path string) (*disk.UsageStat, error) {
			if path == "/mnt/nas" {
				return nil, errors.New("stale file handle")
			}
			return half(ctx, path)
		})
		_, unread, err := m.disks(t.Context(), choice{}, time.Minute)
		require.NoError(t, err)
		require.Equal(t, []Unread{{What: "/mnt/nas", Why: "stale file handle"}}, unread)
	})
}
