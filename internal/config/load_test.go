package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// env is an environment for one test.
func env(vars map[string]string) environment {
	return func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
}

// read parses a file that stands in /etc/orderly.
func read(t *testing.T, src string, vars map[string]string) (*Config, error) {
	t.Helper()
	return reading{base: "/etc/orderly", env: env(vars)}.parse("orderly.yaml", []byte(src))
}

const whole = `
temporal: {address: "127.0.0.1:7233", namespace: ops, task_queue: sops, profile: prod}
procedures: [sops, /srv/more]
http: {listen: ":9090"}
journal: {dsn: "${JOURNAL}"}
artifacts: {s3: backups, prefix: artifacts/}
targets:
  docker:   {local: {}, far: {host: "tcp://docker:2376", tls: {ca: ca.pem, cert: cert.pem, key: key.pem}}}
  postgres: {docs-db: {dsn: "postgres://app:${PW}@db:5432/docs"}}
  redis:    {docs-cache: {url: "redis://:${PW}@cache:6379/0"}}
  http:     {docs-api: {url: "http://127.0.0.1:5001", health: /health, headers: {Authorization: "Bearer ${TOKEN}"}}}
  s3:       {backups: {bucket: docs-backups, region: us-east-1, endpoint: "http://127.0.0.1:7070", path_style: true, access_key: AKIDEXAMPLE, secret_key: "${PW}"}}
exec:
  app-restart: {argv: [/usr/local/bin/app, restart], max_args: 1, timeout: 1d, dir: work, env: {APP_KEY: "${PW}"}}
clean:
  docs-logs: {dir: /var/log/docs, match: ["*.log"], min_age: 7d, how: truncate, max_mb: 500}
notify:
  slack:   {token: "${TOKEN}"}
  email:   {host: smtp.example.org, from: "Orderly <orderly@example.org>", username: mailer, password: "${PW}", tls: tls, ca: mail-ca.pem}
  webhook: {secret: "${PW}"}
  console: {}
worker: {deployment: orderly, build_id: v1, watchdog: {url: "https://hc.example.org/${TOKEN}"}}
`

func TestEveryKeyIsRead(t *testing.T) {
	t.Parallel()
	cfg, err := read(t, whole, map[string]string{
		"JOURNAL": "postgres://j:journalpass@db/journal", "PW": "p4ssw0rd", "TOKEN": "xoxb-12345",
	})
	require.NoError(t, err)
	require.Equal(t, Temporal{Address: "127.0.0.1:7233", Namespace: "ops", TaskQueue: "sops", Profile: "prod"}, cfg.Temporal)
	require.Equal(t, []string{"/etc/orderly/sops", "/srv/more"}, cfg.Procedures)
	require.Equal(t, ":9090", cfg.HTTP.Listen)
	require.Equal(t, "postgres://j:journalpass@db/journal", cfg.Journal.DSN.Reveal())
	require.Equal(t, Artifacts{S3: "backups", Prefix: "artifacts/"}, cfg.Artifacts)
	require.Equal(t, Docker{Host: "tcp://docker:2376", TLS: &TLS{"/etc/orderly/ca.pem", "/etc/orderly/cert.pem", "/etc/orderly/key.pem"}}, cfg.Targets.Docker["far"])
	require.Equal(t, "postgres://app:p4ssw0rd@db:5432/docs", cfg.Targets.Postgres["docs-db"].DSN.Reveal())
	require.Equal(t, "redis://:p4ssw0rd@cache:6379/0", cfg.Targets.Redis["docs-cache"].URL.Reveal())
	require.Equal(t, "Bearer xoxb-12345", cfg.Targets.HTTP["docs-api"].Headers["Authorization"].Reveal())
	require.Equal(t, "p4ssw0rd", cfg.Targets.S3["backups"].SecretKey.Reveal())
	require.Equal(t, "when_supported", cfg.Targets.S3["backups"].Checksums)
	command := cfg.Exec["app-restart"]
	require.Equal(t, []string{"/usr/local/bin/app", "restart"}, command.Argv)
	require.Equal(t, 24*time.Hour, command.Timeout)
	require.Equal(t, "/etc/orderly/work", command.Dir)
	require.Equal(t, "p4ssw0rd", command.Env["APP_KEY"].Reveal())
	require.Equal(t, Clean{Dir: "/var/log/docs", Match: []string{"*.log"}, MinAge: 7 * 24 * time.Hour, How: CleanTruncate, MaxMB: 500}, cfg.Clean["docs-logs"])
	require.Equal(t, []string{"docs-logs"}, cfg.CleanNames())
	require.Equal(t, "https://slack.com/api/", cfg.Notify.Slack.APIURL)
	require.Equal(t, 465, cfg.Notify.Email.Port)
	require.Equal(t, "/etc/orderly/mail-ca.pem", cfg.Notify.Email.CA)
	require.NotNil(t, cfg.Notify.Console)
	require.Equal(t, "https://hc.example.org/xoxb-12345", cfg.Worker.Watchdog.URL.Reveal())
	require.Equal(t, 30*time.Second, cfg.Worker.Watchdog.Every)
	require.Equal(t, map[string][]string{
		"docker": {"far", "local"}, "postgres": {"docs-db"}, "redis": {"docs-cache"}, "http": {"docs-api"}, "s3": {"backups"},
	}, cfg.TargetNames())
	require.Equal(t, []string{"app-restart"}, cfg.CommandNames())
}

func TestWhatIsLeftOutHasItsDefault(t *testing.T) {
	t.Parallel()
	cfg, err := read(t, "exec: {up: {argv: [/bin/true]}}", nil)
	require.NoError(t, err)
	require.Equal(t, Temporal{TaskQueue: "orderly"}, cfg.Temporal, "the rest comes from Temporal's own environment")
	require.Equal(t, "127.0.0.1:8080", cfg.HTTP.Listen)
	require.Equal(t, "/etc/orderly/data/journal.db", cfg.Journal.DSN.Reveal())
	require.Equal(t, "/etc/orderly/data/artifacts", cfg.Artifacts.Dir)
	require.Equal(t, time.Minute, cfg.Exec["up"].Timeout)
	require.Zero(t, cfg.Exec["up"].MaxArgs)
	for kind, targets := range cfg.TargetNames() {
		require.NotNil(t, targets, "%s: none is an answer, nil would mean unknown", kind)
		require.Empty(t, targets)
	}
}

func TestWithoutAFileTheEmbeddedDefaultsServe(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, path := range []string{"", DefaultPath} {
		cfg, err := Load(path)
		require.NoError(t, err)
		require.Empty(t, cfg.File)
		require.Equal(t, []string{"local"}, cfg.TargetNames()["docker"])
		require.Equal(t, "data/journal.db", cfg.Journal.DSN.Reveal())
		sources := cfg.ProcedureSources(os.DirFS("."))
		require.Len(t, sources, 1)
		require.Equal(t, "the embedded library", sources[0].Name)
	}
}

func TestTheDefaultFileIsReadWhenItIsThere(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	require.NoError(t, os.WriteFile("orderly.yaml", []byte("procedures: [mine]"), 0o600))
	require.NoError(t, os.Mkdir("mine", 0o700))
	require.NoError(t, os.WriteFile("mine/a.yaml", []byte("sop: a"), 0o600))
	cfg, err := Load("")
	require.NoError(t, err)
	require.Equal(t, DefaultPath, cfg.File)
	require.Empty(t, cfg.TargetNames()["docker"], "a file says everything itself")
	sources := cfg.ProcedureSources(nil)
	require.Equal(t, "mine", sources[0].Name)
	_, err = sources[0].FS.Open("a.yaml")
	require.NoError(t, err)
}

func TestAMissingFileThatWasNamedIsAnError(t *testing.T) {
	t.Parallel()
	_, err := Load(filepath.Join(t.TempDir(), "missing.yaml"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "missing.yaml")
	require.ErrorContains(t, err, "--config")
}

func TestVariablesAreFilledIn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	require.NoError(t, os.WriteFile(secret, []byte("  from a file\n"), 0o600))
	for name, tc := range map[string]struct{ written, want string }{
		"a variable":                {"${A}", "alpha"},
		"inside text":               {"x-${A}-${B}", "x-alpha-"},
		"a default when unset":      {"${NONE:-other}", "other"},
		"a default when empty":      {"${B:-other}", "other"},
		"an empty default":          {"${NONE:-}", ""},
		"a default not needed":      {"${A:-other}", "alpha"},
		"a file":                    {"${file:" + secret + "}", "from a file"},
		"escaped":                   {"$${A}", "${A}"},
		"a dollar and a variable":   {"$$${A}", "$${A}"},
		"a lone dollar":             {"$A costs $5", "$A costs $5"},
		"what a value holds is not": {"${NESTED}", "${A}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := read(t, "exec: {x: {argv: [/bin/x, '"+tc.written+"']}}", map[string]string{"A": "alpha", "B": "", "NESTED": "${A}"})
			require.NoError(t, err)
			require.Equal(t, tc.want, cfg.Exec["x"].Argv[1])
		})
	}
}

func TestASecretFileMayStandBesideTheConfiguration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "dsn"), []byte("postgres://u:pw@db/x\n"), 0o600))
	cfg, err := reading{base: dir, env: env(nil)}.parse("orderly.yaml", []byte(`targets: {postgres: {db: {dsn: "${file:dsn}"}}}`))
	require.NoError(t, err)
	require.Equal(t, "postgres://u:pw@db/x", cfg.Targets.Postgres["db"].DSN.Reveal())
}

// Every rule, with the text that breaks it and what is said about it.
func TestEveryProblemIsNamedAtItsPlace(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ src, want string }{
		"unknown key":            {"temporl: {}", `orderly.yaml:1:1: unknown key "temporl"; did you mean "temporal"?`},
		"unset variable":         {"journal: {dsn: '${NONE}'}", "orderly.yaml:1:16: journal.dsn: the environment variable NONE is not set"},
		"unset in a list":        {"procedures: [a, '${NONE}']", "orderly.yaml:1:17: procedures[1]: the environment variable NONE is not set"},
		"open brace":             {"journal: {dsn: '${NONE'}", "journal.dsn: a ${ without its }"},
		"not a variable":         {"journal: {dsn: '${a b}'}", "journal.dsn: ${a b} names no variable"},
		"missing secret file":    {"journal: {dsn: '${file:/nowhere/x}'}", "journal.dsn: the file /nowhere/x does not exist or may not be read"},
		"secret file is a dir":   {"journal: {dsn: '${file:/}'}", "journal.dsn: / is not a file"},
		"journal of other kind":  {"journal: {dsn: 'mysql://u:hidden@h/x'}", "orderly.yaml:1:16: journal.dsn: has to be a file's path"},
		"journal as keywords":    {"journal: {dsn: 'host=db password=hidden'}", "journal.dsn: write PostgreSQL as postgres://"},
		"journal unparsable":     {"journal: {dsn: 'postgres://u:hidden@h:port/x'}", "journal.dsn: is not a PostgreSQL DSN"},
		"both artifacts":         {"artifacts: {dir: a, s3: b}", "orderly.yaml:1:12: artifacts: give either dir or s3, not both"},
		"unknown bucket":         {"artifacts: {s3: backup}\ntargets: {s3: {backups: {bucket: abc}}}", `1:17: artifacts.s3: there is no target "backup" under targets.s3; did you mean "backups"?`},
		"prefix without s3":      {"artifacts: {prefix: b}", "artifacts.prefix: goes with artifacts.s3 only"},
		"listen":                 {"http: {listen: '8080'}", "orderly.yaml:1:16: http.listen: is not host:port"},
		"listen port":            {"http: {listen: ':80800'}", "http.listen: the port has to be a number"},
		"temporal address":       {"temporal: {address: localhost}", "temporal.address: is not host:port"},
		"temporal ui":            {"temporal: {ui: 'ui.example.org'}", "temporal.ui: has to be a whole URL"},
		"postgres without dsn":   {"targets: {postgres: {db: {}}}", `orderly.yaml:1:26: the key "dsn" is missing`},
		"postgres dsn empty":     {"targets: {postgres: {db: {dsn: ''}}}", "1:32: targets.postgres.db.dsn: is missing or empty"},
		"redis url empty":        {"targets: {redis: {c: {url: '${EMPTY}'}}}", "targets.redis.c.url: is missing or empty"},
		"http url empty":         {"targets: {http: {a: {url: ''}}}", "targets.http.a.url: is missing or empty"},
		"postgres unparsable":    {"targets: {postgres: {db: {dsn: 'postgres://u:hid den@h/x'}}}", "1:32: targets.postgres.db.dsn: is not a PostgreSQL DSN"},
		"redis unparsable":       {"targets: {redis: {c: {url: 'http://u:hidden@h/x'}}}", "targets.redis.c.url: is not a Redis URL"},
		"http without host":      {"targets: {http: {a: {url: 'api:hidden'}}}", "targets.http.a.url: has to be a whole URL"},
		"http health":            {"targets: {http: {a: {url: 'http://a', health: up}}}", "targets.http.a.health: is a path"},
		"http header name":       {"targets: {http: {a: {url: 'http://a', headers: {'X Y': v}}}}", "targets.http.a.headers.X Y: is no name"},
		"http header value":      {"targets: {http: {a: {url: 'http://a', headers: {X: \"hidden\\n2\"}}}}", "targets.http.a.headers.X: a header's value is one line"},
		"target name":            {"targets: {http: {'a b': {url: 'http://a'}}}", "targets.http.a b: a name is made of"},
		"docker host":            {"targets: {docker: {d: {host: 'box'}}}", "targets.docker.d.host: has to be like"},
		"docker key alone":       {"targets: {docker: {d: {tls: {key: k}}}}", "targets.docker.d.tls.key: goes together with targets.docker.d.tls.cert"},
		"bucket":                 {"targets: {s3: {b: {bucket: x}}}", "targets.s3.b.bucket: is missing, or not of 3 to 63"},
		"s3 key alone":           {"targets: {s3: {b: {bucket: abc, secret_key: hidden}}}", "targets.s3.b.secret_key: goes together with targets.s3.b.access_key"},
		"s3 checksums":           {"targets: {s3: {b: {bucket: abc, checksums: never}}}", `"never" is not one of when_supported, when_required`},
		"exec relative":          {"exec: {x: {argv: [app]}}", "exec.x.argv: the first has to be the program's absolute path"},
		"exec nothing":           {"exec: {x: {}}", `the key "argv" is missing`},
		"exec max_args":          {"exec: {x: {argv: [/x], max_args: -1}}", "orderly.yaml:1:34: exec.x.max_args: can't be negative"},
		"exec timeout":           {"exec: {x: {argv: [/x], timeout: soon}}", `"soon" is not a duration`},
		"email tls":              {"notify: {email: {host: h, from: a@b.c, tls: maybe}}", `"maybe" is not one of starttls, tls, none`},
		"email port":             {"notify: {email: {host: h, from: a@b.c, port: 99999}}", "notify.email.port: has to be a number from 1 to 65535"},
		"email from":             {"notify: {email: {host: h, from: nobody}}", "notify.email.from: is not an e-mail address"},
		"email user alone":       {"notify: {email: {host: h, from: a@b.c, username: hidden}}", "notify.email.username: goes together with notify.email.password"},
		"email password clear":   {"notify: {email: {host: h, from: a@b.c, username: u, password: hidden, tls: none}}", "would be sent in clear"},
		"email ca for nothing":   {"notify: {email: {host: h, from: a@b.c, tls: none, ca: x.pem}}", "notify.email.ca: means nothing with tls: none"},
		"slack token":            {"notify: {slack: {}}", `orderly.yaml:1:17: the key "token" is missing`},
		"webhook secret":         {"notify: {webhook: {}}", `the key "secret" is missing`},
		"build id alone":         {"worker: {build_id: v1}", "worker.build_id: means nothing without worker.deployment"},
		"watchdog without url":   {"worker: {watchdog: {}}", `the key "url" is missing`},
		"watchdog url empty":     {"worker: {watchdog: {url: '${EMPTY}'}}", "worker.watchdog.url: is missing or empty"},
		"watchdog url":           {"worker: {watchdog: {url: 'hidden'}}", "worker.watchdog.url: has to be a whole URL"},
		"watchdog every":         {"worker: {watchdog: {url: 'http://h', every: 1s}}", "worker.watchdog.every: has to be at least 5s"},
		"secret is a list":       {"journal: {dsn: [hidden]}", "want text, found a list or mapping"},
		"a password like *alias": {"journal: {dsn: *hidden}", "unknown anchor"},
		"a password like !tag":   {"journal: {dsn: !hidden x}", "tag"},
		"a variable that can't":  {"notify: {email: {host: h, from: a@b.c, tls: '${SECRET}'}}", "1:45: what ${SECRET} gives can't be used here"},
		"second document":        {"{}\n---\n{}", "second document"},
		"empty file":             {"# nothing\n", "the file is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := read(t, tc.src, map[string]string{"SECRET": "hidden", "EMPTY": ""})
			require.ErrorContains(t, err, tc.want)
			require.NotContains(t, err.Error(), "hidden", "a value that may be a secret is shown")
		})
	}
}

func TestAllProblemsAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := read(t, "htp: {}\njournal: {dsn: '${A}'}\nnotify: {email: {host: h, from: f, tls: x}}\nexec: {a: {timeout: x}}", nil)
	require.Len(t, strings.Split(err.Error(), "\n"), 5)
	_, err = read(t, "http: {listen: x}\nworker: {build_id: a}\nexec: {a: {argv: []}, b: {argv: [b]}}", nil)
	require.Len(t, strings.Split(err.Error(), "\n"), 4)
}

func TestWithoutSecretsWhatIsNotSetIsLeftEmpty(t *testing.T) {
	t.Parallel()
	lenient := reading{base: "/etc/orderly", env: env(nil), lenient: true}
	cfg, err := lenient.parse("orderly.yaml", []byte(whole))
	require.NoError(t, err)
	require.Equal(t, []string{"docs-db"}, cfg.TargetNames()["postgres"])
	require.Equal(t, "127.0.0.1:7233", cfg.Temporal.Address)
	for src, want := range map[string]string{
		"temporal: {namespace: '${NONE}'}":                 "temporal.namespace: the environment variable NONE",
		"targets: {redis: {c: {url: 'no'}}}":               "is not a Redis URL",
		"targets: {redis: {c: {url: '${NONE'}}}":           "a ${ without its }",
		"targets: {redis: {c: {url: '${NONE}', ulr: x}}}":  `unknown key "ulr"`,
		"targets: {redis: {c: {url: '${NONE}'}}, http: 1}": "want a mapping",
	} {
		_, err := lenient.parse("orderly.yaml", []byte(src))
		require.ErrorContains(t, err, want)
	}
}
