package artifacts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/testenv"
)

func inFolder(t *testing.T) (*Store, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "kept")
	s, err := Open(t.Context(), &config.Config{Artifacts: config.Artifacts{Dir: dir}})
	require.NoError(t, err)
	return s, dir
}

func inBucket(t *testing.T) *Store {
	t.Helper()
	b := testenv.S3(t)
	s, err := Open(t.Context(), &config.Config{
		Artifacts: config.Artifacts{S3: "backups", Prefix: "/evidence/"},
		Targets: config.Targets{S3: map[string]config.S3{"backups": {
			Bucket: b.Name, Region: b.Region, Endpoint: b.Endpoint, PathStyle: true,
			AccessKey: config.NewSecret(b.AccessKey), SecretKey: config.NewSecret(b.SecretKey),
		}}},
	})
	require.NoError(t, err)
	return s
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func content(t *testing.T, s *Store, key string) string {
	t.Helper()
	r, err := s.Get(t.Context(), key)
	require.NoError(t, err)
	defer r.Close()
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(text)
}

func keysUnder(t *testing.T, s *Store, under string) []string {
	t.Helper()
	var keys []string
	require.NoError(t, s.List(t.Context(), under, func(a Artifact) error {
		keys = append(keys, a.Key)
		return nil
	}))
	return keys
}

func TestStore(t *testing.T) {
	t.Parallel()
	stores := map[string]func(*testing.T) *Store{
		"Folder": func(t *testing.T) *Store { s, _ := inFolder(t); return s },
		"Bucket": inBucket,
	}
	for name, open := range stores {
		t.Run(name+"KeepsWhatIsPut", func(t *testing.T) {
			t.Parallel()
			s := open(t)
			a, err := s.PutBytes(t.Context(), "er/main/log.txt", []byte("one\ntwo\n"))
			require.NoError(t, err)
			require.Equal(t, hash("one\ntwo\n"), a.SHA256)
			require.EqualValues(t, 8, a.Bytes)
			require.Equal(t, "one\ntwo\n", content(t, s, "er/main/log.txt"))
			again, err := s.Sum(t.Context(), "er/main/log.txt")
			require.NoError(t, err)
			require.Equal(t, a.SHA256, again.SHA256)
		})
		t.Run(name+"ReplacesAtOnce", func(t *testing.T) {
			t.Parallel()
			s := open(t)
			for _, text := range []string{"first", "second"} {
				_, err := s.PutBytes(t.Context(), "a", []byte(text))
				require.NoError(t, err)
			}
			require.Equal(t, "second", content(t, s, "a"))
		})
		t.Run(name+"KeepsNothingOfWhatFailedHalfway", func(t *testing.T) {
			t.Parallel()
			s := open(t)
			broken := errors.New("the container is gone")
			_, err := s.Put(t.Context(), "x/half", func(w io.Writer) error {
				_, _ = io.WriteString(w, "half")
				return broken
			})
			require.ErrorIs(t, err, broken)
			_, err = s.Get(t.Context(), "x/half")
			require.ErrorIs(t, err, ErrNotFound)
			require.Empty(t, keysUnder(t, s, "x"))
		})
		t.Run(name+"ListsAFolderOnly", func(t *testing.T) {
			t.Parallel()
			s := open(t)
			for _, key := range []string{"er/main/b", "er/main/a", "er/main2/c", "ir/d"} {
				_, err := s.PutBytes(t.Context(), key, []byte(key))
				require.NoError(t, err)
			}
			require.Equal(t, []string{"er/main/a", "er/main/b"}, keysUnder(t, s, "er/main"))
			require.Empty(t, keysUnder(t, s, "nothing"))
		})
		t.Run(name+"StopsWhenItIsTold", func(t *testing.T) {
			t.Parallel()
			s := open(t)
			ctx, cancel := context.WithCancel(t.Context())
			_, err := s.Put(ctx, "long", func(w io.Writer) error {
				cancel()
				_, err := io.WriteString(w, "more")
				return err
			})
			require.ErrorIs(t, err, context.Canceled)
		})
		t.Run(name+"TakesNoKeyThatLeadsOut", func(t *testing.T) {
			t.Parallel()
			s := open(t)
			for _, key := range badKeys {
				_, err := s.PutBytes(t.Context(), key, []byte("x"))
				require.Error(t, err, key)
				_, err = s.Get(t.Context(), key)
				require.Error(t, err, key)
			}
		})
	}
}

var badKeys = []string{
	"", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", ".hidden", "a/.writing-1", `a\b`, "a\x00b", "a\nb",
	"c:x", strings.Repeat("a", 201), strings.Repeat("a/", 500) + "a", "a/\xff",
}

func TestFolderIsForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	s, dir := inFolder(t)
	_, err := s.PutBytes(t.Context(), "er/main/log.txt", []byte("secret"))
	require.NoError(t, err)
	for path, mode := range map[string]os.FileMode{"er": 0o700, "er/main": 0o700, "er/main/log.txt": 0o600} {
		info, err := os.Stat(filepath.Join(dir, path))
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm(), path)
	}
}

func TestFolderFollowsNoLinkThatLeadsOut(t *testing.T) {
	t.Parallel()
	s, dir := inFolder(t)
	outside := filepath.Join(t.TempDir(), "passwd")
	require.NoError(t, os.WriteFile(outside, []byte("root"), 0o600))
	require.NoError(t, os.MkdirAll(dir, 0o700))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "link")))
	_, err := s.Get(t.Context(), "link")
	require.Error(t, err)
}

func TestOpenNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := Open(t.Context(), &config.Config{})
	require.ErrorContains(t, err, "artifacts.dir or artifacts.s3")
	_, err = Open(t.Context(), &config.Config{Artifacts: config.Artifacts{S3: "nowhere"}})
	require.ErrorContains(t, err, `no target "nowhere"`)
}

func FuzzKeyPartMakesAPartThatCanBeUsed(f *testing.F) {
	for _, key := range badKeys {
		f.Add(key)
	}
	f.Add("logs of web (1)")
	f.Fuzz(func(t *testing.T, text string) {
		require.NoError(t, CheckKey(KeyPart(text)))
	})
}

func TestRedacting(t *testing.T) {
	t.Parallel()
	hide := func(text string) string { return strings.ReplaceAll(text, "s3cret", "…") }
	write := func(t *testing.T, parts ...string) string {
		t.Helper()
		var out strings.Builder
		w, flush := Redacting(&out, hide)
		for _, p := range parts {
			n, err := io.WriteString(w, p)
			require.NoError(t, err)
			require.Equal(t, len(p), n)
		}
		require.NoError(t, flush())
		return out.String()
	}
	t.Run("HidesASecretThatIsWrittenInPieces", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, "a …\nb … end", write(t, "a s3c", "ret\nb s", "3cret end"))
	})
	t.Run("HoldsBackNoMoreThanALine", func(t *testing.T) {
		t.Parallel()
		long := strings.Repeat("x", 3<<20)
		require.Equal(t, long+"\n…", write(t, long[:1<<20], long[1<<20:], "\ns3cret"))
	})
}
