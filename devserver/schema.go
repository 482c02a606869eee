package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"

	"github.com/blang/semver/v4"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence"
	persistencesql "go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/resolver"
	"go.temporal.io/server/schema"
	"go.temporal.io/server/schema/sqlite"
)

// versioned is where the server's module keeps the steps from one schema version to the next.
const versioned = "sqlite/v3/temporal/versioned"

// The two halves of the schema, as rows of schema_version. The server itself keeps no versions in SQLite.
const (
	mainSchema       = "temporal"
	visibilitySchema = "visibility"
)

// prepareSchema makes the tables of a new database and brings an older one up to the linked server's
// version. Each is one transaction, so that a kill in the middle leaves a database that can be prepared
// again. A database of a newer server is refused, and so is one that something else made.
func prepareSchema(cfg *config.SQL) (err error) {
	db, err := persistencesql.NewSQLAdminDB(sqlplugin.DbKindUnknown, cfg, resolver.NewNoopResolver(), log.NewNoopLogger(), metrics.NoopMetricsHandler)
	if err != nil {
		return fmt.Errorf("open %s: %w", cfg.DatabaseName, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tables, err := db.ListTables("")
	if err != nil {
		return fmt.Errorf("read %s: %w", cfg.DatabaseName, err)
	}
	if len(tables) == 0 {
		err = inTransaction(db, createSchema)
	} else {
		err = upgradeSchema(db, tables)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", cfg.DatabaseName, err)
	}
	return nil
}

// inTransaction works because the server's SQLite pool has exactly one connection.
func inTransaction(db sqlplugin.AdminDB, do func(sqlplugin.AdminDB) error) error {
	if err := db.Exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := do(db); err != nil {
		return errors.Join(err, db.Exec("ROLLBACK"))
	}
	return db.Exec("COMMIT")
}

func createSchema(db sqlplugin.AdminDB) error {
	if err := sqlite.SetupSchemaOnDB(db); err != nil {
		return fmt.Errorf("make the tables: %w", err)
	}
	if err := db.CreateSchemaVersionTables(); err != nil {
		return fmt.Errorf("make the tables: %w", err)
	}
	if err := db.UpdateSchemaVersion(mainSchema, sqlite.Version, sqlite.Version); err != nil {
		return err
	}
	return db.UpdateSchemaVersion(visibilitySchema, sqlite.VisibilityVersion, sqlite.VisibilityVersion)
}

func upgradeSchema(db sqlplugin.AdminDB, tables []string) error {
	if !slices.Contains(tables, "schema_version") {
		return errors.New("not made by this devserver: move it away, or give another --data")
	}
	if err := checkVisibility(db); err != nil {
		return err
	}
	have, err := readVersion(db, mainSchema)
	if err != nil {
		return err
	}
	want := semver.MustParse(sqlite.Version + ".0")
	switch {
	case have.EQ(want):
		return nil
	case have.GT(want):
		return fmt.Errorf("has schema %s and this devserver knows %s: a newer devserver used it, run that one", have, want)
	}
	steps, err := stepsSince(have)
	if err != nil {
		return err
	}
	return inTransaction(db, func(db sqlplugin.AdminDB) error { return apply(db, steps) })
}

// checkVisibility insists on the one version there is: the server's module has no steps for that half.
func checkVisibility(db sqlplugin.AdminDB) error {
	have, err := readVersion(db, visibilitySchema)
	if err != nil {
		return err
	}
	if !have.EQ(semver.MustParse(sqlite.VisibilityVersion + ".0")) {
		return fmt.Errorf("has visibility schema %s, this devserver needs %s, and no way leads there: move it away, or give another --data",
			have, sqlite.VisibilityVersion)
	}
	return nil
}

func readVersion(db sqlplugin.AdminDB, half string) (semver.Version, error) {
	text, err := db.ReadSchemaVersion(half)
	if errors.Is(err, sql.ErrNoRows) {
		return semver.Version{}, fmt.Errorf("does not say its %s schema version: move it away, or give another --data", half)
	}
	if err != nil {
		return semver.Version{}, err
	}
	return semver.ParseTolerant(text)
}

// schemaStep leads to one schema version.
type schemaStep struct {
	version    semver.Version
	statements []string
}

// stepsSince lists the steps after a version, oldest first.
func stepsSince(have semver.Version) ([]schemaStep, error) {
	dirs, err := fs.ReadDir(schema.Assets(), versioned)
	if err != nil {
		return nil, err
	}
	var steps []schemaStep
	for _, dir := range dirs {
		step, err := readStep(path.Join(versioned, dir.Name()))
		if err != nil {
			return nil, fmt.Errorf("schema step %s: %w", dir.Name(), err)
		}
		if step.version.GT(have) {
			steps = append(steps, step)
		}
	}
	slices.SortFunc(steps, func(a, b schemaStep) int { return a.version.Compare(b.version) })
	return steps, nil
}

// readStep reads one folder of the server's module: a manifest and the files it names.
func readStep(dir string) (schemaStep, error) {
	raw, err := fs.ReadFile(schema.Assets(), path.Join(dir, "manifest.json"))
	if err != nil {
		return schemaStep{}, err
	}
	var manifest struct {
		CurrVersion          string
		SchemaUpdateCqlFiles []string
	}
	if err := json.Unmarshal(raw, &manifest); err != nil {
		return schemaStep{}, err
	}
	version, err := semver.ParseTolerant(manifest.CurrVersion)
	if err != nil {
		return schemaStep{}, err
	}
	step := schemaStep{version: version}
	for _, file := range manifest.SchemaUpdateCqlFiles {
		text, err := fs.ReadFile(schema.Assets(), path.Join(dir, file))
		if err != nil {
			return schemaStep{}, err
		}
		statements, err := persistence.LoadAndSplitQueryFromReaders([]io.Reader{bytes.NewReader(text)})
		if err != nil {
			return schemaStep{}, err
		}
		step.statements = append(step.statements, statements...)
	}
	return step, nil
}

func apply(db sqlplugin.AdminDB, steps []schemaStep) error {
	for _, step := range steps {
		for _, statement := range step.statements {
			if err := db.Exec(statement); err != nil {
				return fmt.Errorf("upgrade to schema %s: %w", step.version, err)
			}
		}
	}
	return db.UpdateSchemaVersion(mainSchema, sqlite.Version, sqlite.Version)
}
