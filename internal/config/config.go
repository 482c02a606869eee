// Package config reads orderly.yaml: where things are. It is the only file that may hold ${ENV}, and so
// the only place where secrets come in.
package config

import "time"

// Config is orderly.yaml with its defaults filled in and the paths in it usable from the working
// directory. Load makes it; it is not changed afterwards and safe for concurrent use.
type Config struct {
	Temporal   Temporal           `yaml:"temporal" doc:"How to reach Temporal."`
	Procedures []string           `yaml:"procedures" doc:"Folders of procedures; none means the embedded library."`
	HTTP       HTTP               `yaml:"http" doc:"The worker's own listener: health, readiness, metrics."`
	Journal    Journal            `yaml:"journal" doc:"Where records, measurements and findings are kept."`
	Artifacts  Artifacts          `yaml:"artifacts" doc:"Where large outputs are kept: a folder, or a prefix in an S3 target."`
	Targets    Targets            `yaml:"targets" doc:"The named outside systems, by kind and name."`
	Exec       map[string]Command `yaml:"exec" doc:"The only commands that exec.run may start, by name."`
	Clean      map[string]Clean   `yaml:"clean" doc:"The only folders that host.clean may clean, by name."`
	Notify     Notify             `yaml:"notify" doc:"The transports that reach people."`
	Worker     Worker             `yaml:"worker" doc:"Tunes the worker process."`

	// File is where this was read from; "" means the embedded defaults.
	File string `yaml:"-"`

	redactor *redactor // nil in a Config that Load did not make
}

// Temporal says how to reach Temporal. What is empty here comes from the SDK's environment
// configuration (TEMPORAL_ADDRESS, TEMPORAL_API_KEY, TEMPORAL_TLS_…, a profile in temporal.toml).
type Temporal struct {
	Address   string `yaml:"address" doc:"host:port. Default: TEMPORAL_ADDRESS, the profile, or 127.0.0.1:7233."`
	Namespace string `yaml:"namespace" doc:"Default: TEMPORAL_NAMESPACE, the profile, or default."`
	TaskQueue string `yaml:"task_queue" doc:"Where workers listen. Default: orderly."`
	UI        string `yaml:"ui" doc:"Address of Temporal's web UI, for links to runs. Default: TEMPORAL_UI_URL, or port + 1000 of a Temporal on this machine."`
	Profile   string `yaml:"profile" doc:"A profile of temporal.toml, the SDK's own configuration file, for mTLS and API keys."`
}

// HTTP is the worker's own listener: health, readiness, metrics.
type HTTP struct {
	Listen string `yaml:"listen" doc:"host:port. Default: 127.0.0.1:8080."`
}

// Journal is where records, measurements and findings are kept.
type Journal struct {
	DSN Secret `yaml:"dsn" doc:"A path means an SQLite file, postgres://user:password@host:5432/database PostgreSQL. Default: data/journal.db."`
}

// Artifacts is where large outputs are kept: a folder, or a prefix in an S3 target.
type Artifacts struct {
	Dir    string `yaml:"dir" doc:"A folder. Default: data/artifacts, unless s3 is given."`
	S3     string `yaml:"s3" doc:"Name of a target under targets.s3, in place of dir."`
	Prefix string `yaml:"prefix" doc:"What the keys in the bucket begin with."`
}

// Worker tunes the worker process.
type Worker struct {
	Deployment string    `yaml:"deployment" doc:"Name of the worker deployment. With it, worker versioning is on."`
	BuildID    string    `yaml:"build_id" doc:"Version within the deployment. Default: the program's own version."`
	Watchdog   *Watchdog `yaml:"watchdog" doc:"Pings a URL as long as timers are served, so that an outage is noticed outside."`
}

// Watchdog pings a URL as long as timers are served, so that an outage is noticed outside.
type Watchdog struct {
	URL   Secret        `yaml:"url" doc:"What to GET: a check of healthchecks.io or the like." required:"true"`
	Every time.Duration `yaml:"every" doc:"How often, at least 5s. Default: 30s."`
}
