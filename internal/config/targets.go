package config

import "time"

// Targets are the named outside systems, by kind and name.
type Targets struct {
	Docker   map[string]Docker   `yaml:"docker" doc:"Docker hosts."`
	Postgres map[string]Postgres `yaml:"postgres" doc:"PostgreSQL databases."`
	Redis    map[string]Redis    `yaml:"redis" doc:"Redis servers."`
	HTTP     map[string]Endpoint `yaml:"http" doc:"HTTP services."`
	S3       map[string]S3       `yaml:"s3" doc:"Buckets."`
}

// Docker is a Docker host. All empty: DOCKER_HOST or the default socket.
type Docker struct {
	Host string `yaml:"host" doc:"As in unix:///var/run/docker.sock or tcp://host:2376. Default: DOCKER_HOST, or the default socket."`
	TLS  *TLS   `yaml:"tls" doc:"Client certificates."`
}

// TLS is client certificates by file.
type TLS struct {
	CA   string `yaml:"ca" doc:"File of the authority that signed the server's certificate."`
	Cert string `yaml:"cert" doc:"File of our certificate."`
	Key  string `yaml:"key" doc:"File of our key."`
}

// Postgres is a database.
type Postgres struct {
	DSN     Secret `yaml:"dsn" doc:"postgres://user:password@host:5432/database" required:"true"`
	Backups string `yaml:"backups" doc:"Name of the target under targets.s3 where its backups are kept. Default: the only one there is."`
	Tools   string `yaml:"tools" doc:"Folder of pg_dump and pg_restore. Default: of those in PATH and below /usr/lib/postgresql the closest to the server's version that are not older."`
	Spool   string `yaml:"spool" doc:"Folder where a backup with jobs keeps files until they are uploaded. Default: the system's folder for temporary files."`
}

// Redis is a Redis server.
type Redis struct {
	URL Secret `yaml:"url" doc:"redis://user:password@host:6379/0, or rediss:// for TLS." required:"true"`
}

// Endpoint is an HTTP service.
type Endpoint struct {
	URL     Secret            `yaml:"url" doc:"Where the service is, as in https://host:8443/base." required:"true"`
	Health  string            `yaml:"health" doc:"Path of the health endpoint, appended to url."`
	Headers map[string]Secret `yaml:"headers" doc:"Sent with every request."`
}

// S3 is a bucket.
type S3 struct {
	Bucket       string `yaml:"bucket" doc:"Its name." required:"true"`
	Region       string `yaml:"region" doc:"Default: what the AWS SDK finds in the environment."`
	Endpoint     string `yaml:"endpoint" doc:"URL of a server other than AWS."`
	PathStyle    bool   `yaml:"path_style" doc:"Whether the bucket goes into the path, as most servers other than AWS want it."`
	AccessKey    Secret `yaml:"access_key" doc:"Default, with secret_key: the AWS SDK's chain of credentials."`
	SecretKey    Secret `yaml:"secret_key" doc:"Goes with access_key."`
	SessionToken Secret `yaml:"session_token" doc:"Of temporary credentials."`
	Checksums    string `yaml:"checksums" enum:"when_supported,when_required" doc:"When uploads carry checksums. Default: when_supported."`

	Encrypt *Encryption `yaml:"encrypt" doc:"Encrypts backups in this bucket, by age (https://age-encryption.org)."`
}

// Encryption is for whom backups are encrypted, and the key that reads them.
type Encryption struct {
	Recipients []string `yaml:"recipients" doc:"Public keys, each as age1…. Whoever has the private key of one of them can read a backup." required:"true"`
	Identity   Secret   `yaml:"identity" doc:"A private key, AGE-SECRET-KEY-1…, as ${file:/run/secrets/backup-key}. Verifying and restoring need it, backing up does not."`
}

// Command is one command that exec.run may start. There is no shell; a step's args are appended to Argv.
type Command struct {
	Argv    []string          `yaml:"argv" doc:"The program's absolute path and its fixed arguments." required:"true"`
	MaxArgs int               `yaml:"max_args" doc:"How many args a step may append. Default: none."`
	Timeout time.Duration     `yaml:"timeout" doc:"How long it may run. Default: 1m."`
	Dir     string            `yaml:"dir" doc:"Where it runs. Default: the worker's working directory."`
	Env     map[string]Secret `yaml:"env" doc:"Its environment, besides PATH and HOME."`
}
