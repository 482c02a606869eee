package enterprise

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"
	"github.com/jackc/pgx/v5"

	"github.com/orderly-ops/orderly/internal/testenv"
)

// State is what of a platform has to be the same after something was undone: compare two with
// require.Equal. What changes by itself, such as a container's id or when it started, is left out.
type State struct {
	Containers map[string]Container
	Tables     map[string]Table
	// Databases are the names of the server's databases: a leftover of a restore would be among them.
	Databases []string
}

// Container is how a container is run.
type Container struct {
	// Image is the id of the image in use, Ref the name it was asked for by.
	Image, Ref string
	// Status is as in "running", Health as in "healthy" or "".
	Status, Health string
	Paused         bool
	Env, Command   []string
	Labels         map[string]string
	Networks       []string
	Mounts         []string
	Ports          []string
	Restart        string
}

// Table is the contents of a table.
type Table struct {
	Rows     int64
	Checksum string // of all rows, whatever their order
}

// State looks at the platform as it is now.
func (p *Platform) State(t testing.TB) State {
	t.Helper()
	s := State{Containers: map[string]Container{}, Tables: map[string]Table{}}
	engine := testenv.DockerClient(t)
	found, err := engine.ContainerList(t.Context(), container.ListOptions{
		All: true, Filters: filters.NewArgs(filters.Arg("label", "com.docker.compose.project="+p.Name)),
	})
	if err != nil {
		t.Fatalf("list the platform's containers: %v", err)
	}
	for _, one := range found {
		name, c := look(t, engine, one.ID)
		s.Containers[name] = c
	}
	p.contents(t, &s)
	return s
}

func look(t testing.TB, engine *client.Client, id string) (string, Container) {
	t.Helper()
	seen, err := engine.ContainerInspect(t.Context(), id)
	if err != nil {
		t.Fatalf("inspect container %s: %v", id, err)
	}
	c := Container{
		Image: seen.Image, Ref: seen.Config.Image, Status: seen.State.Status, Paused: seen.State.Paused,
		Env: slices.Sorted(slices.Values(seen.Config.Env)), Command: slices.Concat(seen.Config.Entrypoint, seen.Config.Cmd),
		Labels: seen.Config.Labels, Networks: slices.Sorted(maps.Keys(seen.NetworkSettings.Networks)),
		Restart: string(seen.HostConfig.RestartPolicy.Name),
	}
	if seen.State.Health != nil {
		c.Health = seen.State.Health.Status
	}
	for _, m := range seen.Mounts {
		c.Mounts = append(c.Mounts, fmt.Sprintf("%s %s%s → %s %t", m.Type, m.Name, m.Source, m.Destination, m.RW))
	}
	for port, bound := range seen.HostConfig.PortBindings {
		c.Ports = append(c.Ports, fmt.Sprint(port, bound))
	}
	slices.Sort(c.Mounts)
	slices.Sort(c.Ports)
	return strings.TrimPrefix(seen.Name, "/"), c
}

// contents adds what the database holds.
func (p *Platform) contents(t testing.TB, s *State) {
	t.Helper()
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, p.Database)
	if err != nil {
		t.Fatalf("connect to the platform's database: %v", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	names := func(query string) []string {
		rows, _ := conn.Query(ctx, query) // its error is in rows
		found, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatalf("look at the platform's database: %v", err)
		}
		return found
	}
	s.Databases = names("SELECT datname FROM pg_database ORDER BY 1")
	for _, table := range names("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace") {
		var found Table
		query := fmt.Sprintf("SELECT count(*), coalesce(md5(string_agg(md5(r::text), '' ORDER BY md5(r::text))), '') FROM %s r",
			pgx.Identifier{table}.Sanitize())
		if err := conn.QueryRow(ctx, query).Scan(&found.Rows, &found.Checksum); err != nil {
			t.Fatalf("read table %s of the platform's database: %v", table, err)
		}
		s.Tables[table] = found
	}
}
