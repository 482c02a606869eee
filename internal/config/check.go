package config

import (
	"maps"
	"net"
	"net/mail"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"gopkg.in/yaml.v3"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// checker finds what is wrong with values that could be read. Its messages name the key and never quote
// a value that may be a secret.
type checker struct {
	cfg      *Config
	places   yamldoc.Places
	problems yamldoc.Problems
}

// check reports everything that is wrong with a configuration.
func check(cfg *Config, places yamldoc.Places) yamldoc.Problems {
	c := &checker{cfg: cfg, places: places}
	c.process()
	c.journal()
	c.artifacts()
	c.targets()
	c.commands()
	c.cleaning()
	c.notify()
	return c.problems
}

// key names a key of the file by its path.
type key []string

func (k key) at(more ...string) key { return slices.Concat(k, more) }

func (k key) String() string { return strings.Join(k, ".") }

// problem notes what is wrong with the value of a key.
func (c *checker) problem(k key, format string, args ...any) {
	c.problems.Add(c.places.Value(c.cfg, k...), "%s: "+format, append([]any{k.String()}, args...)...)
}

func (c *checker) process() {
	if address := c.cfg.Temporal.Address; address != "" {
		c.hostPort(key{"temporal", "address"}, address)
	}
	if ui := c.cfg.Temporal.UI; ui != "" {
		c.httpURL(key{"temporal", "ui"}, ui)
	}
	c.hostPort(key{"http", "listen"}, c.cfg.HTTP.Listen)
	for i, folder := range c.cfg.Procedures {
		if strings.TrimSpace(folder) == "" {
			c.problems.Add(c.places.Item(c.cfg, "procedures", i), "procedures[%d]: is empty; name a folder", i)
		}
	}
	if c.cfg.Worker.BuildID != "" && c.cfg.Worker.Deployment == "" {
		c.problem(key{"worker", "build_id"}, "means nothing without worker.deployment; give both, or neither")
	}
	if w := c.cfg.Worker.Watchdog; w != nil {
		c.watchdog(key{"worker", "watchdog"}, w)
	}
}

// shortestWatch is how often the watchdog may run at most: each pass is a workflow.
const shortestWatch = 5 * time.Second

func (c *checker) watchdog(k key, w *Watchdog) {
	if w.URL.IsZero() {
		c.required(k.at("url"), false)
	} else {
		c.httpURL(k.at("url"), w.URL.Reveal())
	}
	if w.Every < shortestWatch {
		c.problem(k.at("every"), "has to be at least %s", shortestWatch)
	}
}

// hostPort checks an address like 127.0.0.1:8080; an empty host is every address of the machine.
func (c *checker) hostPort(k key, address string) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		c.problem(k, "is not host:port, as in 127.0.0.1:8080")
		return
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		c.problem(k, "the port has to be a number from 0 to 65535")
	}
}

func (c *checker) journal() {
	k, dsn := key{"journal", "dsn"}, c.cfg.Journal.DSN.Reveal()
	switch scheme, _, _ := strings.Cut(dsn, "://"); {
	case isURL(dsn) && scheme != "postgres" && scheme != "postgresql", strings.HasPrefix(dsn, "file:"), dsn == ":memory:":
		c.problem(k, "has to be a file's path (SQLite) or postgres://user:password@host:5432/database")
	case isURL(dsn):
		c.postgresDSN(k, dsn)
	case keywordPassword.MatchString(dsn):
		c.problem(k, "write PostgreSQL as postgres://user:password@host:5432/database")
	}
}

// postgresDSN keeps the parser's own words out: they quote parts of the DSN.
func (c *checker) postgresDSN(k key, dsn string) {
	if _, err := pgx.ParseConfig(dsn); err != nil {
		c.problem(k, "is not a PostgreSQL DSN; write postgres://user:password@host:5432/database, "+
			"special characters percent-encoded, and check that its sslmode and files exist")
	}
}

func (c *checker) artifacts() {
	a := c.cfg.Artifacts
	switch {
	case a.Dir != "" && a.S3 != "":
		c.problem(key{"artifacts"}, "give either dir or s3, not both")
	case a.S3 == "" && a.Prefix != "":
		c.problem(key{"artifacts", "prefix"}, "goes with artifacts.s3 only")
	case a.S3 != "":
		if _, ok := c.cfg.Targets.S3[a.S3]; !ok {
			c.problem(key{"artifacts", "s3"}, "there is no target %q under targets.s3%s",
				a.S3, yamldoc.Hint(a.S3, names(c.cfg.Targets.S3)))
		}
	}
}

func (c *checker) commands() {
	for _, name := range slices.Sorted(maps.Keys(c.cfg.Exec)) {
		k, command := key{"exec", name}, c.cfg.Exec[name]
		c.name(k, name)
		switch {
		case len(command.Argv) == 0:
			c.problem(k.at("argv"), "is missing; give the program and its fixed arguments as a list")
		case !filepath.IsAbs(command.Argv[0]):
			c.problem(k.at("argv"), "the first has to be the program's absolute path; there is no shell and no search path")
		}
		if command.MaxArgs < 0 {
			c.problem(k.at("max_args"), "can't be negative; 0 means that a step may append nothing")
		}
		if command.Timeout <= 0 {
			c.problem(k.at("timeout"), "has to be longer than nothing")
		}
		for _, variable := range slices.Sorted(maps.Keys(command.Env)) {
			if variable == "" || strings.ContainsAny(variable, "= \t") {
				c.problem(k.at("env", variable), "is no name for an environment variable")
			}
		}
	}
}

func (c *checker) notify() {
	n := c.cfg.Notify
	if n.Slack != nil {
		c.required(key{"notify", "slack", "token"}, !n.Slack.Token.IsZero())
		c.httpURL(key{"notify", "slack", "api_url"}, n.Slack.APIURL)
	}
	if n.Webhook != nil {
		c.required(key{"notify", "webhook", "secret"}, !n.Webhook.Secret.IsZero())
	}
	if n.Email != nil {
		c.email(key{"notify", "email"}, n.Email)
	}
}

func (c *checker) email(k key, e *Email) {
	c.required(k.at("host"), e.Host != "")
	if e.Port < 1 || e.Port > 65535 {
		c.problem(k.at("port"), "has to be a number from 1 to 65535")
	}
	if e.From == "" {
		c.required(k.at("from"), false)
	} else if _, err := mail.ParseAddress(e.From); err != nil {
		c.problem(k.at("from"), "is not an e-mail address")
	}
	c.together(k, "username", "password")
	if e.TLS == "none" && !e.Password.IsZero() {
		c.problem(k.at("tls"), "a password would be sent in clear; use starttls or tls")
	}
	if e.TLS == "none" && e.CA != "" {
		c.problem(k.at("ca"), "means nothing with tls: none")
	}
}

// required says that a key is missing, or has an empty value.
func (c *checker) required(k key, given bool) {
	if !given {
		c.problem(k, "is missing or empty")
	}
}

// together says that of two keys that belong together one is missing.
func (c *checker) together(k key, first, second string) {
	switch hasFirst, hasSecond := c.given(k.at(first)), c.given(k.at(second)); {
	case hasFirst && !hasSecond:
		c.problem(k.at(first), "goes together with %s; give both, or neither", k.at(second))
	case hasSecond && !hasFirst:
		c.problem(k.at(second), "goes together with %s; give both, or neither", k.at(first))
	}
}

// given says whether the file has a key, with whatever value.
func (c *checker) given(k key) bool {
	n := c.places.Node(c.cfg)
	for _, name := range k {
		var value *yaml.Node
		for key, v := range yamldoc.Pairs(n) {
			if key.Value == name {
				value = v
			}
		}
		if value == nil {
			return false
		}
		n = value
	}
	return true
}
