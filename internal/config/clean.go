package config

import (
	"errors"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Clean is a folder that host.clean may clean, on the machine of the worker. Nothing outside is touched.
type Clean struct {
	Dir    string        `yaml:"dir" doc:"The folder's absolute path. Links in it are not followed, and other file systems mounted in it are not entered." required:"true"`
	Match  []string      `yaml:"match" doc:"Which files, as glob patterns of their names: *.log. Default: every file, and folders that have become empty."`
	MinAge time.Duration `yaml:"min_age" doc:"Files that changed since stay, whatever a step says. Default: 1d."`
	How    string        `yaml:"how" enum:"delete,truncate" doc:"Delete files, but none that a program has open; or empty them and keep their names, for logs that programs keep open. Default: delete."`
	MaxMB  int64         `yaml:"max_mb" doc:"With how: truncate, files of more megabytes are emptied whatever their age. Default: age alone counts."`
}

// What Clean.How says.
const (
	CleanDelete   = "delete"
	CleanTruncate = "truncate"
)

// CleanNames lists the folders that host.clean may clean by their names, sorted.
func (c *Config) CleanNames() []string { return names(c.Clean) }

func (c *checker) cleaning() {
	for _, name := range slices.Sorted(maps.Keys(c.cfg.Clean)) {
		k, area := key{"clean", name}, c.cfg.Clean[name]
		c.name(k, name)
		if area.Dir == "" {
			c.required(k.at("dir"), false)
		} else if err := Cleanable(area.Dir); err != nil {
			c.problem(k.at("dir"), "%v", err)
		}
		for _, pattern := range area.Match {
			if _, err := path.Match(pattern, ""); err != nil || pattern == "" || strings.Contains(pattern, "/") {
				c.problem(k.at("match"), "%q is no pattern of a file's name, as *.log is", pattern)
			}
		}
		if area.MinAge < time.Minute {
			c.problem(k.at("min_age"), "has to be at least 1m")
		}
		if area.MaxMB < 0 || area.MaxMB > 0 && area.How != CleanTruncate {
			c.problem(k.at("max_mb"), "goes with how: truncate, and can't be negative")
		}
	}
}

// system is where an operating system keeps itself: nothing below may be cleaned.
var system = []string{"/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr"}

// Cleanable says why a folder can't be one that is cleaned, nil when it can.
func Cleanable(dir string) error {
	if !filepath.IsAbs(dir) {
		return errors.New("has to be an absolute path")
	}
	clean := filepath.ToSlash(filepath.Clean(dir))
	for _, s := range system {
		if clean == s || strings.HasPrefix(clean, s+"/") {
			return errors.New("is part of the operating system; name a folder of temporary files or logs")
		}
	}
	// /var or /home as a whole, or /, is never meant.
	if strings.Count(clean, "/") < 2 && clean != "/tmp" || clean == "/var/lib" {
		return errors.New("is too large a part of the machine; name a folder of temporary files or logs")
	}
	return nil
}
