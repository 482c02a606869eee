package postgres

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/testenv"
)

// benchTables is how many tables the measured database has: as many as parallel dumps have jobs.
const benchTables = 4

// benchMegabytes is the size of the database's contents as text; ORDERLY_BENCH_BACKUP_MB sets another.
func benchMegabytes(t testing.TB) int {
	text := os.Getenv("ORDERLY_BENCH_BACKUP_MB")
	if text == "" {
		return 1200
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// BenchmarkBackup backs a database of more than a gigabyte up in every way, by turns, to the same S3 server. It
// needs what `.ci/deps bench` installs.
func BenchmarkBackup(b *testing.B) {
	dsn := testenv.Postgres(b)
	fillForBench(b, dsn)
	v := setupBackup(b, dsn, nil)
	takeTurns(b, v.backupWays(b), v.empty, [][2]string{
		{"orderly", "hand"}, {"orderly-parallel", "hand-parallel"}, {"orderly", "pgbackrest"},
		{"orderly-parallel", "pgbackrest-parallel"}, {"orderly", "gzip"},
	})
}

// takeTurns runs every way in each iteration, prepares before each, and reports medians, in seconds, and ratios
// of them, and the peak of this process's memory while it did Orderly's part.
//
// ORDERLY_BENCH_WAYS, names of ways separated by commas, runs only these.
func takeTurns(b *testing.B, ways []way, prepare func(testing.TB), ratios [][2]string) {
	b.Helper()
	if only := os.Getenv("ORDERLY_BENCH_WAYS"); only != "" {
		ways = slices.DeleteFunc(ways, func(w way) bool { return !slices.Contains(strings.Split(only, ","), w.name) })
	}
	took := map[string][]float64{}
	var peak int64
	for b.Loop() {
		for _, w := range ways {
			prepare(b)
			resetPeak(b)
			start := time.Now()
			w.run(b)
			spent := time.Since(start).Seconds()
			took[w.name] = append(took[w.name], spent)
			if strings.HasPrefix(w.name, "orderly") {
				peak = max(peak, peakMemory(b))
			}
			b.Logf("%-19s %6.2f s", w.name, spent)
		}
	}
	median := func(name string) float64 {
		all := slices.Sorted(slices.Values(took[name]))
		return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
	}
	for _, w := range ways {
		b.ReportMetric(median(w.name), w.name+"-s")
	}
	for _, pair := range ratios {
		if took[pair[0]] == nil || took[pair[1]] == nil {
			continue
		}
		b.ReportMetric(median(pair[0])/median(pair[1]), pair[0]+"/"+pair[1])
	}
	b.ReportMetric(float64(peak>>20), "peak-MB")
}

// way is one way of backing up.
type way struct {
	name string
	run  func(testing.TB)
}

func (v vault) backupWays(b *testing.B) []way {
	b.Helper()
	d, err := v.a.databases.Get("db")
	require.NoError(b, err)
	program, err := d.findTool(b.Context(), "pg_dump", 0)
	require.NoError(b, err)
	one, many := dump{program: program, backup: &backup{}}, dump{program: program, backup: &backup{in: BackupInput{Jobs: benchTables}}}
	pgDump := func(d dump) string {
		return program.path + " " + strings.Join(slices.DeleteFunc(d.args(""), func(a string) bool { return a == "--snapshot=" }), " ")
	}
	spool := filepath.Join(b.TempDir(), "by-hand")
	squeeze, squeezeAll := " | zstd -q -1 -T0", " && zstd -q -1 -T0 --rm "+spool+"/*.dat"
	if !one.old() {
		squeeze, squeezeAll = "", ""
	}
	hand := handOf(b, v, d)
	to := "s3://" + v.bucket.Name
	orderly := func(jobs int) func(testing.TB) {
		return func(t testing.TB) {
			_, err := v.a.backup(t.Context(), BackupInput{Database: "db", Jobs: jobs})
			require.NoError(t, err)
		}
	}
	rest := newPgBackRest(b, v)
	return []way{
		{"nowhere", hand(pgDump(one) + " --format=custom" + squeeze + " >/dev/null")},
		{"hand", hand(pgDump(one) + " --format=custom" + squeeze + " | aws s3 cp --endpoint-url " + v.bucket.Endpoint + " --only-show-errors - " + to + "/by-hand")},
		{"orderly", orderly(1)},
		{"hand-parallel", hand(pgDump(many) + " --format=directory --jobs=4 --file=" + spool + squeezeAll +
			" && aws s3 cp --endpoint-url " + v.bucket.Endpoint + " --only-show-errors --recursive " + spool + " " + to + "/by-hand && rm -r " + spool)},
		{"orderly-parallel", orderly(benchTables)},
		{"pgbackrest", rest.backup(1)},
		{"pgbackrest-parallel", rest.backup(benchTables)},
		{"gzip", hand(program.path + " --format=custom | aws s3 cp --endpoint-url " + v.bucket.Endpoint + " --only-show-errors - " + to + "/by-hand")},
	}
}

// handOf runs a line as somebody would type it.
func handOf(b *testing.B, v vault, d *database) func(line string) func(testing.TB) {
	env := append(d.libpq(session(b, v.dsn)), "AWS_ACCESS_KEY_ID="+v.bucket.AccessKey, "AWS_SECRET_ACCESS_KEY="+v.bucket.SecretKey,
		"AWS_DEFAULT_REGION="+v.bucket.Region, "PATH=/usr/bin:"+os.Getenv("PATH"))
	return func(line string) func(testing.TB) {
		return func(t testing.TB) {
			cmd := exec.CommandContext(t.Context(), "bash", "-c", "set -o pipefail; "+line)
			cmd.Env = env
			said, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s\n%s", line, said)
		}
	}
}

// fillForBench makes orders as a shop would have them, which compress to about a third.
func fillForBench(b *testing.B, dsn string) {
	b.Helper()
	rows := benchMegabytes(b) * (1 << 20) / benchTables / 150
	var wg sync.WaitGroup
	for i := range benchTables {
		conn := session(b, dsn)
		wg.Go(func() {
			_, err := conn.Exec(b.Context(), fmt.Sprintf(`CREATE TABLE orders_%d AS SELECT n AS id, timestamptz '2026-01-01' + n * interval '7 seconds' AS at,
				md5(n::text) AS token, n::bigint * 7919 %% 1000003 AS customer, round((n %% 100000) / 7.0, 4) AS amount,
				'order ' || n %% 977 || ' shipped to ' || substr(md5((n %% 5000)::text), 1, 8) || ' by carrier ' || n %% 13 || ' after ' || n %% 97 || ' hours in the warehouse' AS note
				FROM generate_series(1, %d) n; ALTER TABLE orders_%[1]d ADD PRIMARY KEY (id)`, i, rows))
			if err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	require.False(b, b.Failed())
	_, err := session(b, dsn).Exec(b.Context(), "CHECKPOINT")
	require.NoError(b, err)
}

// empty removes everything from the bucket.
func (v vault) empty(b testing.TB) {
	b.Helper()
	pages := s3.NewListObjectsV2Paginator(v.bucket.Client(), &s3.ListObjectsV2Input{Bucket: &v.bucket.Name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(b.Context())
		require.NoError(b, err)
		var found []types.ObjectIdentifier
		for _, o := range page.Contents {
			if !strings.HasPrefix(*o.Key, "pgbackrest/archive/") && !strings.Contains(*o.Key, "/backup.info") {
				found = append(found, types.ObjectIdentifier{Key: o.Key})
			}
		}
		if len(found) > 0 {
			_, err := v.bucket.Client().DeleteObjects(b.Context(), &s3.DeleteObjectsInput{Bucket: &v.bucket.Name, Delete: &types.Delete{Objects: found}})
			require.NoError(b, err)
		}
	}
}

// pgBackRest is the well-known program for physical backups, set up to do its best: the same compression, no
// waiting for the archive of the log. It speaks S3 by TLS only, so a second gateway serves it the same buckets.
type pgBackRest struct{ env []string }

func newPgBackRest(b *testing.B, v vault) pgBackRest {
	b.Helper()
	var data, host, port string
	require.NoError(b, session(b, v.dsn).QueryRow(b.Context(),
		"SELECT current_setting('data_directory'), host(inet_server_addr()), current_setting('port')").Scan(&data, &host, &port))
	password := session(b, v.dsn).Config().Password
	gateway := tlsGateway(b, v)
	p := pgBackRest{env: append(toolEnv(), "PGHOST="+host, "PGPASSWORD="+password)}
	for name, value := range map[string]string{
		"STANZA": "bench", "PG1_PATH": data, "PG1_PORT": port, "PG1_USER": "orderly", "PG1_DATABASE": "postgres",
		"REPO1_TYPE": "s3", "REPO1_PATH": "/pgbackrest", "REPO1_S3_BUCKET": v.bucket.Name, "REPO1_S3_REGION": v.bucket.Region, "REPO1_S3_ENDPOINT": "127.0.0.1",
		"REPO1_STORAGE_PORT": gateway, "REPO1_STORAGE_VERIFY_TLS": "n", "REPO1_S3_URI_STYLE": "path",
		"REPO1_S3_KEY": v.bucket.AccessKey, "REPO1_S3_KEY_SECRET": v.bucket.SecretKey,
		"COMPRESS_TYPE": "zst", "COMPRESS_LEVEL": "1", "START_FAST": "y", "ARCHIVE_CHECK": "n",
		"REPO1_RETENTION_FULL": "9", "LOCK_PATH": b.TempDir(), "LOG_LEVEL_FILE": "off", "LOG_LEVEL_CONSOLE": "warn",
	} {
		p.env = append(p.env, "PGBACKREST_"+name+"="+value)
	}
	p.run(b, "stanza-create", "--no-online")
	return p
}

func (p pgBackRest) backup(processes int) func(testing.TB) {
	return func(t testing.TB) { p.run(t, "backup", "--type=full", "--process-max="+strconv.Itoa(processes)) }
}

func (p pgBackRest) run(t testing.TB, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "pgbackrest", args...)
	cmd.Env = p.env
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, "pgbackrest %s (.ci/deps bench installs it)\n%s", args, said)
}

// tlsGateway serves the test server's buckets by TLS as well, and gives the port.
func tlsGateway(b *testing.B, v vault) string {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(b, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(b, err)
	der, err := x509.MarshalECPrivateKey(key)
	require.NoError(b, err)
	dir := b.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(b, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o600))
	require.NoError(b, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600))
	_, port, err := net.SplitHostPort(refusing(b))
	require.NoError(b, err)
	cmd := exec.CommandContext(b.Context(), "../../.cache/bin/versitygw", "--port", "127.0.0.1:"+port, "--cert", certFile, "--key", keyFile,
		"--health", "/health", "--quiet", "posix", os.Getenv("ORDERLY_TEST_S3_DIR"))
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+v.bucket.AccessKey, "ROOT_SECRET_KEY="+v.bucket.SecretKey)
	require.NoError(b, cmd.Start())
	b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	require.Eventually(b, func() bool {
		resp, err := client.Get("https://127.0.0.1:" + port + "/health")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}, 2*time.Minute, 50*time.Millisecond)
	return port
}

// resetPeak has the kernel count this process's peak of memory anew.
func resetPeak(b *testing.B) {
	b.Helper()
	require.NoError(b, os.WriteFile("/proc/self/clear_refs", []byte("5"), 0))
}

// peakMemory is the most this process has had in memory since, in bytes.
func peakMemory(b *testing.B) int64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(b, err)
	for line := range bytes.Lines(status) {
		if text, ok := strings.CutPrefix(string(line), "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(text)[0], 10, 64)
			require.NoError(b, err)
			return kb << 10
		}
	}
	b.Fatal("no VmHWM in /proc/self/status")
	return 0
}
