package config

import (
	"path/filepath"
	"strings"
	"time"
)

// fillIn gives what the file leaves out its default.
func (c *Config) fillIn() {
	c.Temporal.TaskQueue = or(c.Temporal.TaskQueue, "orderly")
	c.HTTP.Listen = or(c.HTTP.Listen, "127.0.0.1:8080")
	if c.Journal.DSN.IsZero() {
		c.Journal.DSN = NewSecret("data/journal.db")
	}
	if c.Artifacts.S3 == "" {
		c.Artifacts.Dir = or(c.Artifacts.Dir, "data/artifacts")
	}
	for name, target := range c.Targets.S3 {
		target.Checksums = or(target.Checksums, "when_supported")
		c.Targets.S3[name] = target
	}
	for name, command := range c.Exec {
		command.Timeout = or(command.Timeout, time.Minute)
		c.Exec[name] = command
	}
	for name, area := range c.Clean {
		area.MinAge, area.How = or(area.MinAge, 24*time.Hour), or(area.How, CleanDelete)
		c.Clean[name] = area
	}
	if c.Worker.Watchdog != nil {
		c.Worker.Watchdog.Every = or(c.Worker.Watchdog.Every, 30*time.Second)
	}
	c.Notify.fillIn()
}

func (n *Notify) fillIn() {
	if n.Slack != nil {
		n.Slack.APIURL = or(n.Slack.APIURL, "https://slack.com/api/")
	}
	if n.Email != nil {
		n.Email.TLS = or(n.Email.TLS, "starttls")
		n.Email.Port = or(n.Email.Port, map[string]int{"starttls": 587, "tls": 465, "none": 25}[n.Email.TLS])
	}
}

// or is value unless it is zero.
func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// relativeTo makes the paths of a file in base usable from the working directory.
func (c *Config) relativeTo(base string) {
	for i, folder := range c.Procedures {
		c.Procedures[i] = from(base, folder)
	}
	if dsn := c.Journal.DSN.Reveal(); !isURL(dsn) {
		c.Journal.DSN = NewSecret(from(base, dsn))
	}
	c.Artifacts.Dir = from(base, c.Artifacts.Dir)
	for name, command := range c.Exec {
		command.Dir = from(base, command.Dir)
		c.Exec[name] = command
	}
	for name, target := range c.Targets.Postgres {
		target.Tools, target.Spool = from(base, target.Tools), from(base, target.Spool)
		c.Targets.Postgres[name] = target
	}
	for _, target := range c.Targets.Docker {
		if target.TLS != nil {
			target.TLS.CA = from(base, target.TLS.CA)
			target.TLS.Cert = from(base, target.TLS.Cert)
			target.TLS.Key = from(base, target.TLS.Key)
		}
	}
	if c.Notify.Email != nil {
		c.Notify.Email.CA = from(base, c.Notify.Email.CA)
	}
}

// from is path as seen from base. No path stays none.
func from(base, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(base, path)
}

func isURL(s string) bool { return strings.Contains(s, "://") }
