package config

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"filippo.io/age"
	"github.com/redis/go-redis/v9"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

// targetName keeps names fit for messages, metrics and keys.
var targetName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

func (c *checker) name(k key, name string) {
	if !targetName.MatchString(name) {
		c.problem(k, "a name is made of letters, digits, dot, dash and underscore, at most 63")
	}
}

func (c *checker) targets() {
	t := c.cfg.Targets
	each(c, "docker", t.Docker, c.docker)
	each(c, "postgres", t.Postgres, c.postgres)
	each(c, "redis", t.Redis, func(k key, r Redis) {
		if r.URL.IsZero() {
			c.required(k.at("url"), false)
			return
		}
		if _, err := redis.ParseURL(r.URL.Reveal()); err != nil { // its words may quote the URL
			c.problem(k.at("url"), "is not a Redis URL; write redis://user:password@host:6379/0, or rediss:// for TLS")
		}
	})
	each(c, "http", t.HTTP, c.endpoint)
	each(c, "s3", t.S3, c.s3)
}

// each checks the targets of one kind in the order of their names.
func each[T any](c *checker, kind string, targets map[string]T, check func(key, T)) {
	for _, name := range slices.Sorted(maps.Keys(targets)) {
		k := key{"targets", kind, name}
		c.name(k, name)
		check(k, targets[name])
	}
}

func (c *checker) postgres(k key, p Postgres) {
	if _, ok := c.cfg.Targets.S3[p.Backups]; p.Backups != "" && !ok {
		c.problem(k.at("backups"), "there is no target %q under targets.s3%s",
			p.Backups, yamldoc.Hint(p.Backups, names(c.cfg.Targets.S3)))
	}
	if p.DSN.IsZero() {
		c.required(k.at("dsn"), false)
		return
	}
	c.postgresDSN(k.at("dsn"), p.DSN.Reveal())
}

func (c *checker) docker(k key, d Docker) {
	if d.Host != "" {
		scheme, rest, ok := strings.Cut(d.Host, "://")
		if !ok || rest == "" || !slices.Contains([]string{"unix", "tcp", "http", "https", "npipe"}, scheme) {
			c.problem(k.at("host"), "has to be like unix:///var/run/docker.sock or tcp://host:2376")
		}
	}
	if d.TLS != nil {
		c.together(k.at("tls"), "cert", "key")
		if d.TLS.CA == "" && d.TLS.Cert == "" && d.TLS.Key == "" {
			c.problem(k.at("tls"), "names no file; give ca, cert and key, or remove it")
		}
	}
}

// headerName is what HTTP allows as one (RFC 9110, token).
var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

func (c *checker) endpoint(k key, e Endpoint) {
	if e.URL.IsZero() {
		c.required(k.at("url"), false)
	} else {
		c.httpURL(k.at("url"), e.URL.Reveal())
	}
	if e.Health != "" && !strings.HasPrefix(e.Health, "/") {
		c.problem(k.at("health"), "is a path and begins with /")
	}
	for _, name := range slices.Sorted(maps.Keys(e.Headers)) {
		if !headerName.MatchString(name) {
			c.problem(k.at("headers", name), "is no name for a header")
		}
		if strings.ContainsAny(e.Headers[name].Reveal(), "\r\n\x00") {
			c.problem(k.at("headers", name), "a header's value is one line")
		}
	}
}

func (c *checker) httpURL(k key, raw string) {
	u, err := url.Parse(raw) // whose words quote the URL
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		c.problem(k, "has to be a whole URL, as in https://host:8443/path, special characters percent-encoded")
		return
	}
	if u.Fragment != "" {
		c.problem(k, "a URL's #fragment is never sent; remove it")
	}
}

func (c *checker) s3(k key, s S3) {
	if len(s.Bucket) < 3 || len(s.Bucket) > 63 {
		c.problem(k.at("bucket"), "is missing, or not of 3 to 63 characters")
	}
	if s.Endpoint != "" {
		c.httpURL(k.at("endpoint"), s.Endpoint)
	}
	c.together(k, "access_key", "secret_key")
	if !s.SessionToken.IsZero() && !c.given(k.at("secret_key")) {
		c.problem(k.at("session_token"), "goes with %s and %s", k.at("access_key"), k.at("secret_key"))
	}
	c.encryption(k.at("encrypt"), s.Encrypt)
}

// encryption checks keys as age reads them. Its own words may quote a key.
func (c *checker) encryption(k key, e *Encryption) {
	if e == nil {
		return
	}
	if len(e.Recipients) == 0 {
		c.required(k.at("recipients"), false)
	}
	for i, recipient := range e.Recipients {
		if strings.HasPrefix(recipient, "AGE-SECRET-KEY-") {
			c.problem(k.at("recipients"), "%s is a private key; give the public one, age1…", ordinal(i))
		} else if _, err := age.ParseRecipients(strings.NewReader(recipient)); err != nil {
			c.problem(k.at("recipients"), "%s is no public key of age, as in age1…", ordinal(i))
		}
	}
	if e.Identity.IsZero() {
		return
	}
	if _, err := age.ParseIdentities(strings.NewReader(e.Identity.Reveal())); err != nil {
		c.problem(k.at("identity"), "is no private key of age, as in AGE-SECRET-KEY-1…")
	}
}

// ordinal names an item of a list for people.
func ordinal(i int) string { return "item " + strconv.Itoa(i+1) }
