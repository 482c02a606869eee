package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/client"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/orderly-ops/orderly/internal/config"
)

const (
	// dialWithin bounds how long a connection to an engine may take.
	dialWithin = 5 * time.Second
	// answerWithin bounds one question to an engine that should answer at once. An engine can accept
	// connections and hang, for instance on a stuck disk.
	answerWithin = 10 * time.Second
)

// engine is a Docker Engine. The files called engine… alone know the client library, so that changing it is
// changing them.
type engine struct {
	name     string        // the target's
	host     string        // its address
	patience time.Duration // for one question that should be answered at once
	api      *client.Client
}

// summary is what listing tells of a container.
type summary struct {
	id, name, image, imageID, state string
	labels                          map[string]string
	networkMode                     string   // "container:<id>" for one that uses another's network
	networks, volumes               []string // by name
}

// detail is what inspecting tells of a container. A time is zero when it has not come.
type detail struct {
	id, name, state, health       string
	startedAt                     time.Time
	restarts, exitCode            int
	oomKilled, tty, memoryLimited bool
	cpus                          float64 // processors it may use, 0 is all
}

// nobodyThere says that an error means that the engine could not be reached.
func nobodyThere(err error) bool { return client.IsErrConnectionFailed(err) }

// openEngine makes the client of a target. It does not connect.
func openEngine(name string, s config.Docker) (*engine, error) {
	opts, host, err := address(s)
	if err != nil {
		return nil, err
	}
	opts = append(opts, client.WithAPIVersionNegotiation()) // Debian's engine is years older than the library
	api, err := client.NewClientWithOpts(opts...)
	if err != nil {
		return nil, err
	}
	return &engine{name: name, host: host, patience: answerWithin, api: api}, nil
}

// address says where a target's engine is: its own host, DOCKER_HOST or the default socket.
func address(s config.Docker) ([]client.Opt, string, error) {
	host, opts := s.Host, []client.Opt(nil)
	switch {
	case s.TLS != nil:
		opts = append(opts, client.WithTLSClientConfig(s.TLS.CA, s.TLS.Cert, s.TLS.Key))
	case host == "":
		opts = append(opts, client.WithTLSClientConfigFromEnv())
	}
	if host == "" {
		host = os.Getenv(client.EnvOverrideHost)
	}
	if host == "" {
		host = client.DefaultDockerHost
	}
	url, err := client.ParseHostURL(host)
	if err != nil {
		return nil, "", err
	}
	opts = append(opts, client.WithHost(host))
	switch url.Scheme {
	case "unix", "tcp", "http", "https":
		network := url.Scheme
		if network != "unix" {
			network = "tcp"
		}
		dialer := net.Dialer{Timeout: dialWithin}
		opts = append(opts, client.WithDialContext(func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, url.Host)
		}))
	case "npipe": // Windows: the library's own dialer
	default:
		return nil, "", fmt.Errorf("host %s: %s is not supported; use unix:// or tcp://, over an SSH tunnel if need be", host, url.Scheme)
	}
	return opts, host, nil
}

func (e *engine) close() error { return e.api.Close() }

// list tells of every container, or only of those that have been started and not ended.
func (e *engine) list(ctx context.Context, all bool) ([]summary, error) {
	found, err := e.everyContainer(ctx, all)
	if err != nil {
		return nil, e.failed("list containers", err)
	}
	return found, nil
}

// everyContainer is list with the library's own error.
func (e *engine) everyContainer(ctx context.Context, all bool) ([]summary, error) {
	ctx, cancel := context.WithTimeout(ctx, e.patience)
	defer cancel()
	found, err := e.api.ContainerList(ctx, container.ListOptions{All: all})
	if err != nil {
		return nil, err
	}
	summaries := make([]summary, len(found))
	for i, c := range found {
		summaries[i] = summary{id: c.ID, name: c.ID, image: c.Image, imageID: c.ImageID, state: c.State, labels: c.Labels}
		summaries[i].networkMode = c.HostConfig.NetworkMode
		if c.NetworkSettings != nil {
			summaries[i].networks = slices.Sorted(maps.Keys(c.NetworkSettings.Networks))
		}
		for _, m := range c.Mounts {
			if m.Type == mount.TypeVolume {
				summaries[i].volumes = append(summaries[i].volumes, m.Name)
			}
		}
		// A linked container has further names, "/other/alias": the shortest is its own.
		if len(c.Names) > 0 {
			own := slices.MinFunc(c.Names, func(a, b string) int { return len(a) - len(b) })
			summaries[i].name = strings.TrimPrefix(own, "/")
		}
	}
	return summaries, nil
}

// inspect looks closely at one container, by name or id. The error is the library's: see missing and failed.
func (e *engine) inspect(ctx context.Context, id string) (detail, error) {
	ctx, cancel := context.WithTimeout(ctx, e.patience)
	defer cancel()
	c, err := e.api.ContainerInspect(ctx, id)
	if err != nil {
		return detail{}, err
	}
	if c.ContainerJSONBase == nil || c.State == nil {
		return detail{}, errors.New("the engine's answer has no state")
	}
	d := detail{
		id: c.ID, name: strings.TrimPrefix(c.Name, "/"), state: c.State.Status, health: container.NoHealthcheck,
		startedAt: moment(c.State.StartedAt), restarts: c.RestartCount, exitCode: c.State.ExitCode,
		oomKilled: c.State.OOMKilled, tty: c.Config != nil && c.Config.Tty,
	}
	if c.State.Health != nil && c.State.Health.Status != "" {
		d.health = c.State.Health.Status
	}
	if c.HostConfig != nil {
		d.cpus = processors(c.HostConfig.Resources)
		d.memoryLimited = c.HostConfig.Memory > 0
	}
	return d, nil
}

// processors is how many processors a container may use, 0 for all.
func processors(r container.Resources) float64 {
	switch {
	case r.NanoCPUs > 0:
		return float64(r.NanoCPUs) / 1e9
	case r.CPUQuota > 0 && r.CPUPeriod > 0:
		return float64(r.CPUQuota) / float64(r.CPUPeriod)
	case r.CPUQuota > 0:
		const kernelPeriod = 100_000
		return float64(r.CPUQuota) / kernelPeriod
	default:
		return 0
	}
}

// moment reads the engine's times; the year 1 stands for never.
func moment(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.Year() <= 1 {
		return time.Time{}
	}
	return t.UTC()
}

// logs writes what a container printed, both streams in the order of printing.
func (e *engine) logs(ctx context.Context, d detail, want logsWanted, to io.Writer) error {
	opts := container.LogsOptions{
		ShowStdout: want.stdout, ShowStderr: want.stderr, Timestamps: want.times, Tail: strconv.Itoa(want.tail),
	}
	if want.tail < 0 {
		opts.Tail = "all"
	}
	if !want.since.IsZero() {
		opts.Since = strconv.FormatFloat(float64(want.since.UnixMilli())/1000, 'f', 3, 64)
	}
	out, err := e.api.ContainerLogs(ctx, d.id, opts)
	if err != nil {
		return err
	}
	defer out.Close()
	if d.tty { // a terminal has one stream, sent as it is
		_, err = io.Copy(to, out)
		return err
	}
	_, err = stdcopy.StdCopy(to, to, out)
	return err
}

// restart stops a container, which has grace to end by itself, and starts it again.
func (e *engine) restart(ctx context.Context, id string, grace time.Duration) error {
	seconds := int((grace + time.Second - 1) / time.Second)
	ctx, cancel := context.WithTimeout(ctx, grace+3*e.patience)
	defer cancel()
	return e.api.ContainerRestart(ctx, id, container.StopOptions{Timeout: &seconds})
}
