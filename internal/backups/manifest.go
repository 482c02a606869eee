package backups

import "time"

// Version is the version of the manifest's form. A reader refuses those it does not know.
const Version = 1

// Manifest is what a backup holds. It is written when everything else is in the bucket.
type Manifest struct {
	Version      int       `json:"version"`
	Key          string    `json:"key"`           // the backup's folder in the bucket
	Database     string    `json:"database"`      // the target's name in orderly.yaml
	DatabaseName string    `json:"database_name"` // the database's own name on its server
	Size         int64     `json:"size"`          // bytes of the database on its server, indexes included
	Server       string    `json:"server"`        // version of the server
	PgDump       string    `json:"pg_dump"`       // version of pg_dump
	Started      time.Time `json:"started"`
	Finished     time.Time `json:"finished"`
	Snapshot     Snapshot  `json:"snapshot"`
	Format       string    `json:"format"`               // FormatCustom or FormatDirectory
	Compression  string    `json:"compression"`          // how, in words: "zstd:1 by pg_dump"
	Encrypted    bool      `json:"encrypted"`            // by age
	Recipients   []string  `json:"recipients,omitempty"` // public keys it is encrypted for
	Bytes        int64     `json:"bytes"`                // of all files as they are stored
	Files        []File    `json:"files"`
	Tables       []Table   `json:"tables"` // what the snapshot held
	Rows         int64     `json:"rows"`   // of all tables
	Restore      string    `json:"restore"`
}

// Snapshot is the moment that a backup shows.
type Snapshot struct {
	ID    string    `json:"id"`  // as pg_export_snapshot named it
	LSN   string    `json:"lsn"` // write-ahead log position just before the snapshot was taken
	Taken time.Time `json:"taken"`
}

// File is one data file of a backup.
type File struct {
	Name   string `json:"name"`  // below the backup's folder
	Bytes  int64  `json:"bytes"` // as stored
	SHA256 string `json:"sha256"`
	// Zstd says that Orderly compressed it. (A newer pg_dump itself gives files that end in .zst.)
	Zstd bool `json:"zstd,omitempty"`
	// Plain is what pg_dump wrote; absent where that is what is stored.
	Plain *Sum `json:"plain,omitempty"`
}

// Sum is the size and checksum of some bytes.
type Sum struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // in hex
}

// Table is what a table held in the snapshot.
type Table struct {
	Schema string `json:"schema"`
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
	// Checksum of the contents whatever their order; "" when it was not asked for. See Census.
	Checksum string `json:"checksum,omitempty"`
}

// Verified says that a backup has been restored and compared with its manifest.
type Verified struct {
	Key            string    `json:"key"`
	ManifestSHA256 string    `json:"manifest_sha256"` // of the manifest that it was compared with
	At             time.Time `json:"at"`
	Run            string    `json:"run"`             // workflow id of the run that did it
	Server         string    `json:"server"`          // version of the server it was restored on
	RestoreSeconds float64   `json:"restore_seconds"` // how long restoring took: what a real one would take
	Tables         int       `json:"tables"`          // compared
	Rows           int64     `json:"rows"`
	Checksums      int       `json:"checksums"` // tables of which the contents were compared too
	Checks         []string  `json:"checks"`    // what else was looked at, as "amcheck: 41 indexes"
}
