package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/shirou/gopsutil/v4/disk"
	"golang.org/x/sync/errgroup"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/backups"
	"github.com/orderly-ops/orderly/internal/process"
)

const (
	maxJobs = 16
	// loadGrace is how long pg_restore may take to end when it is told to.
	loadGrace = 10 * time.Second
	// fetchedAtOnce is how many files are brought to disk at the same time.
	fetchedAtOnce = 4
	// lastWords bounds what is kept of what it says.
	lastWords = 8 << 10
)

// load brings a backup into an empty database by stock pg_restore.
type load struct {
	into   *database // the empty database
	env    []string  // of pg_restore, with which it reaches the server
	backup *backups.Backup
	tool   tool
	jobs   int    // pg_restore's own processes; more than one needs the files on disk
	spool  string // the folder for that
	// bare leaves out who owns what and may do what: the roles may not be there.
	bare bool
	// read counts bytes as they come from the bucket, decoded, for heartbeats.
	read *atomic.Int64
	// suspect says that pg_restore failed in a way that a broken archive may be the cause of.
	suspect bool
}

// run restores. An error of the bucket goes before what pg_restore says of it.
func (l *load) run(ctx context.Context) error {
	if l.backup.Format == backups.FormatCustom && l.jobs <= 1 {
		return l.stream(ctx)
	}
	return l.fromDisk(ctx)
}

// stream feeds the archive to pg_restore as it comes: nothing is kept on disk, and memory does not grow.
func (l *load) stream(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	archive, err := l.backup.Archive(ctx)
	if err != nil {
		return backupFailed(err)
	}
	defer archive.Close()
	from, to := io.Pipe()
	fed := make(chan error, 1)
	go func() {
		err := feed(to, &counted{archive, l.read})
		if err != nil {
			cancel(err)
		}
		fed <- err
	}()
	err = l.pgRestore(ctx, from, l.arguments()...)
	if err != nil && !l.suspect {
		cancel(errEnough) // it is not the archive's fault
	}
	_ = from.Close()
	if bad := <-fed; bad != nil && !errors.Is(bad, errEnough) {
		return backupFailed(bad)
	}
	return err
}

// errEnough ends reading an archive of which the rest need not come.
var errEnough = errors.New("the rest is not needed")

// feed copies an archive. pg_restore may end before the archive does, satisfied or not; the rest is compared
// with its checksum all the same. When reading fails, the pipe must not just end: pg_restore would take half an
// archive for a whole one.
func feed(to *io.PipeWriter, from io.Reader) error {
	_, err := io.Copy(to, from)
	if errors.Is(err, io.ErrClosedPipe) {
		_, err = io.Copy(io.Discard, from)
	}
	_ = to.CloseWithError(err) // nil is io.EOF
	return err
}

// counted counts what is read.
type counted struct {
	from io.Reader
	n    *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// fromDisk brings the files into a folder first, whose room is checked, and lets several processes restore
// from there.
func (l *load) fromDisk(ctx context.Context) error {
	if len(l.backup.Files) == 0 {
		return action.Permanent(action.ErrCorrupt, "the manifest of %s names no files", l.backup.Key)
	}
	if err := roomFor(l.spool, l.backup.Manifest); err != nil {
		return err
	}
	dir := l.folder()
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
		return fmt.Errorf("make a folder for the files of the backup: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the next attempt tries again
	group, fetching := errgroup.WithContext(ctx)
	group.SetLimit(fetchedAtOnce)
	for _, f := range l.backup.Files {
		group.Go(func() error { return l.fetch(fetching, dir, f) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	place := filepath.Join(dir, filepath.FromSlash(l.backup.Files[0].PlainName()))
	if l.backup.Format == backups.FormatDirectory {
		place = filepath.Dir(place)
	}
	return l.pgRestore(ctx, nil, append(l.arguments(), "--jobs="+strconv.Itoa(max(1, l.jobs)), "--", place)...)
}

// folder is the same for every attempt, so that one clears what a killed one left. Nobody else restores into
// the same database.
func (l *load) folder() string {
	sum := sha256.Sum256([]byte(l.into.place))
	return filepath.Join(l.spool, "orderly-restore-"+hex.EncodeToString(sum[:8]))
}

// fetch writes one file to the folder.
func (l *load) fetch(ctx context.Context, dir string, f backups.File) error {
	from, err := l.backup.Open(ctx, f)
	if err != nil {
		return backupFailed(err)
	}
	defer from.Close()
	path := filepath.Join(dir, filepath.FromSlash(f.PlainName()))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, &counted{from, l.read})
	err = errors.Join(err, to.Close())
	var disk *os.PathError
	if errors.As(err, &disk) {
		return fmt.Errorf("bring %s to disk: %w", f.Name, disk)
	}
	return backupFailed(err)
}

func (l *load) arguments() []string {
	args := []string{"--no-password", "--dbname=dbname=" + conninfo(l.into.own())}
	if l.bare {
		args = append(args, "--no-owner", "--no-privileges", "--no-tablespaces", "--no-publications", "--no-subscriptions", "--no-security-labels")
	}
	return args
}

// conninfo quotes a value for libpq, for which a name with = in it would be something else.
func conninfo(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
}

// pgRestore runs the program. It does not use --exit-on-error: a pg_restore newer than the server begins
// with a setting that such a server does not know. Any other error ends it at once here.
func (l *load) pgRestore(ctx context.Context, stdin io.Reader, args ...string) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	said := &complaints{stop: stop}
	cmd := exec.CommandContext(ctx, l.tool.path, args...) //nolint:gosec // a client program that the operator has installed
	cmd.Env = l.env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, io.Discard, said
	cmd.WaitDelay = loadGrace
	process.Lead(cmd)
	err := process.Run(ctx, cmd)
	said.flush()
	if found := said.found(); found != "" {
		return l.judge(found)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if exit.ExitCode() == 1 && said.tolerated {
			return nil // "errors ignored on restore: 1"
		}
		return l.judge(said.tail())
	}
	if err != nil {
		return fmt.Errorf("start %s: %w", l.tool.path, err)
	}
	return nil
}

// complaints reads what pg_restore says, line by line, and stops it at the first error that matters.
type complaints struct {
	stop      context.CancelCauseFunc
	line      []byte
	all       []byte
	first     string
	tolerated bool
}

// unknownSetting is what a server older than pg_restore answers to its first statement.
var unknownSetting = regexp.MustCompile(`unrecognized configuration parameter "(transaction_timeout|idle_session_timeout)"`)

// Write takes what it says. It is called by one goroutine.
func (c *complaints) Write(p []byte) (int, error) {
	c.all = append(c.all, p...)
	if over := len(c.all) - lastWords; over > 0 {
		c.all = append(c.all[:0], c.all[over:]...)
	}
	c.line = append(c.line, p...)
	for {
		i := bytes.IndexByte(c.line, '\n')
		if i < 0 {
			return len(p), nil
		}
		c.judge(string(c.line[:i]))
		c.line = append(c.line[:0], c.line[i+1:]...)
	}
}

func (c *complaints) flush() {
	if len(c.line) > 0 {
		c.judge(string(c.line))
		c.line = nil
	}
}

func (c *complaints) judge(line string) {
	_, text, isError := strings.Cut(line, "error: ")
	switch {
	case !isError || c.first != "":
	case unknownSetting.MatchString(text):
		c.tolerated = true
	default:
		c.first = text
		c.stop(errors.New(text))
	}
}

// found is the error that ended it, with the lines that follow it; "" when there was none.
func (c *complaints) found() string {
	if c.first == "" {
		return ""
	}
	text := c.tail()
	if i := strings.Index(text, c.first); i >= 0 {
		text = text[i:]
	}
	return text
}

func (c *complaints) tail() string { return strings.TrimSpace(string(c.all)) }

// What pg_restore passes on of the server's messages, by what can be done about them.
var (
	serverWent = regexp.MustCompile(`server closed the connection|terminating connection|the database system is|connection to server .* failed|SSL SYSCALL|could not (send|receive) data|no connection to the server|consumption of`)
	diskFull   = regexp.MustCompile(`No space left on device|[Dd]isk quota exceeded|could not extend file`)
	noRole     = regexp.MustCompile(`role "[^"]*" does not exist`)
	hopeless   = regexp.MustCompile(`unsupported version|is not available|could not open extension control file|permission denied|must be (owner|superuser|able to)|did not find magic string|not appear to be a valid archive|invalid locale|collation .* does not exist|tablespace .* does not exist`)
)

// judge words what pg_restore said, and says by it whether trying again can help.
func (l *load) judge(said string) error {
	text := fmt.Sprintf("postgres %q (%s): pg_restore of %s: %s", l.into.name, l.into.place, l.backup.Key, l.shown(said))
	switch {
	case diskFull.MatchString(said):
		return fmt.Errorf("%s: the server's disk is full: make room on it and try again", text)
	case serverWent.MatchString(said):
		return errors.New(text)
	case noRole.MatchString(said):
		return action.Permanent(action.ErrCommand, "%s: create that role on the server first (roles are not part of a database's backup)", text)
	}
	l.suspect = true
	if hopeless.MatchString(said) {
		return action.Permanent(action.ErrCommand, "%s", text)
	}
	return errors.New(text)
}

// shown is the beginning of what it said, on one line and without the password.
func (l *load) shown(said string) string {
	const most = 600
	said = strings.ToValidUTF8(strings.Join(strings.Fields(l.into.hide(said)), " "), "")
	if len(said) > most {
		said = strings.ToValidUTF8(said[:most], "") + "…"
	}
	return said
}

// roomFor makes sure that the files of a backup fit into a folder, with a tenth to spare.
func roomFor(spool string, m backups.Manifest) error {
	var need uint64
	for _, f := range m.Files {
		bytes := f.Bytes
		if f.Plain != nil {
			bytes = f.Plain.Bytes
		}
		need += uint64(max(0, bytes))
	}
	need += need / 10
	if spool == "" {
		spool = os.TempDir()
	}
	usage, err := disk.Usage(spool)
	if err != nil {
		return fmt.Errorf("look for room in %s: %w", spool, err)
	}
	if usage.Free < need {
		return fmt.Errorf("the files of %s need %d MB in %s, and only %d MB are free: make room, or set spool of the database's target to another folder", m.Key, need>>20, spool, usage.Free>>20)
	}
	return nil
}
