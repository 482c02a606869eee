// Package config reads orderly.yaml: where things are. It is the only file that may hold ${ENV}, and so
// the only place where secrets come in.
package config

import (
	"time"
)

// Config is orderly.yaml with its defaults filled in and every path made absolute or relative to the
// working directory. Load makes it; it is not changed afterwards and safe for concurrent use.
type Config struct {
	Temporal   Temporal           `yaml:"temporal"`
	Procedures []string           `yaml:"procedures"` // folders; none = the embedded library
	HTTP       HTTP               `yaml:"http"`
	Journal    Journal            `yaml:"journal"`
	Artifacts  Artifacts          `yaml:"artifacts"`
	Targets    Targets            `yaml:"targets"`
	Exec       map[string]Command `yaml:"exec"`
	Notify     Notify             `yaml:"notify"`
	Worker     Worker             `yaml:"worker"`

	// File is where this was read from; "" means the embedded defaults.
	File string `yaml:"-"`

	redactor *redactor // nil in a Config that Load did not make
}

// Temporal says how to reach Temporal. What is empty here comes from the SDK's environment
// configuration (TEMPORAL_ADDRESS, TEMPORAL_API_KEY, TEMPORAL_TLS_…, a profile in temporal.toml).
type Temporal struct {
	Address   string `yaml:"address"`
	Namespace string `yaml:"namespace"`
	TaskQueue string `yaml:"task_queue"` // default "orderly"
	Profile   string `yaml:"profile"`    // of the SDK's environment configuration
}

// HTTP is the worker's own listener: health, readiness, metrics.
type HTTP struct {
	Listen string `yaml:"listen"` // default 127.0.0.1:8080
}

// Journal is where records, measurements and findings are kept.
type Journal struct {
	DSN Secret `yaml:"dsn"` // a path = SQLite (default data/journal.db), postgres://… = PostgreSQL
}

// Artifacts is where large outputs are kept: a folder, or a prefix in an S3 target.
type Artifacts struct {
	Dir    string `yaml:"dir"` // default data/artifacts
	S3     string `yaml:"s3"`
	Prefix string `yaml:"prefix"`
}

// Targets are the named outside systems, by kind and name.
type Targets struct {
	Docker   map[string]Docker   `yaml:"docker"`
	Postgres map[string]Postgres `yaml:"postgres"`
	Redis    map[string]Redis    `yaml:"redis"`
	HTTP     map[string]Endpoint `yaml:"http"`
	S3       map[string]S3       `yaml:"s3"`
}

// Docker is a Docker host. All empty: DOCKER_HOST or the default socket.
type Docker struct {
	Host string `yaml:"host"`
	TLS  *TLS   `yaml:"tls"`
}

// TLS is client certificates by file.
type TLS struct {
	CA   string `yaml:"ca"`
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// Postgres is a database.
type Postgres struct {
	DSN Secret `yaml:"dsn"`
}

// Redis is a Redis server.
type Redis struct {
	URL Secret `yaml:"url"`
}

// Endpoint is an HTTP service.
type Endpoint struct {
	URL     Secret            `yaml:"url"`
	Health  string            `yaml:"health"` // path of the health endpoint, appended to URL
	Headers map[string]Secret `yaml:"headers"`
}

// S3 is a bucket.
type S3 struct {
	Bucket       string `yaml:"bucket"`
	Region       string `yaml:"region"`
	Endpoint     string `yaml:"endpoint"`
	PathStyle    bool   `yaml:"path_style"`
	AccessKey    Secret `yaml:"access_key"` // empty: the AWS SDK's default chain
	SecretKey    Secret `yaml:"secret_key"`
	SessionToken Secret `yaml:"session_token"`
	Checksums    string `yaml:"checksums" enum:"when_supported,when_required"` // default when_supported
}

// Command is one command that exec.run may start. There is no shell; a step's args are appended to Argv.
type Command struct {
	Argv    []string          `yaml:"argv"`     // the first is an absolute path
	MaxArgs int               `yaml:"max_args"` // how many args a step may append; default none
	Timeout time.Duration     `yaml:"timeout"`  // default 1m
	Dir     string            `yaml:"dir"`
	Env     map[string]Secret `yaml:"env"`
}

// Notify is the transports that reach people.
type Notify struct {
	Slack   *Slack   `yaml:"slack"`
	Email   *Email   `yaml:"email"`
	Webhook *Webhook `yaml:"webhook"`
	Console *Console `yaml:"console"`
}

// Slack is the Slack Web API.
type Slack struct {
	Token  Secret `yaml:"token"`
	APIURL string `yaml:"api_url"` // default https://slack.com/api/
}

// Email is an SMTP server.
type Email struct {
	Host     string `yaml:"host"`
	Port     int    `yaml:"port"` // default 587; 465 with tls: tls, 25 with tls: none
	From     string `yaml:"from"`
	Username Secret `yaml:"username"`
	Password Secret `yaml:"password"`
	TLS      string `yaml:"tls" enum:"starttls,tls,none"` // default starttls
}

// Webhook signs outgoing webhooks.
type Webhook struct {
	Secret Secret `yaml:"secret"`
}

// Console prints pages on the worker's stderr.
type Console struct{}

// Worker tunes the worker process.
type Worker struct {
	Deployment string `yaml:"deployment"` // worker deployment name; with BuildID: versioning is on
	BuildID    string `yaml:"build_id"`   // default: the binary's version
}
