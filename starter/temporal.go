package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc/codes"

	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/connect"
	"github.com/orderly-ops/orderly/workflows"
)

// cluster is the Temporal namespace that the command talks to.
type cluster struct {
	client.Client
	namespace string
	queue     string
	ui        string // address of the web UI, "" when unknown
}

// dial connects to Temporal as the settings and flags say.
func (a *app) dial(ctx context.Context, cfg *config.Config) (*cluster, error) {
	settings := a.temporal(cfg)
	opts, err := connect.Options(settings)
	if err != nil {
		return nil, exit(exitUsage, "%w", err)
	}
	c, err := connect.Dial(ctx, settings, connect.Logger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	if err != nil {
		return nil, unreachable(err)
	}
	queue := settings.TaskQueue
	if queue == "" {
		queue = workflows.DefaultTaskQueue
	}
	return &cluster{Client: c, namespace: opts.Namespace, queue: queue, ui: a.uiAddress(cfg.Temporal.UI, opts.HostPort)}, nil
}

// temporal is the settings with the flags laid over them.
func (a *app) temporal(cfg *config.Config) config.Temporal {
	t := cfg.Temporal
	if a.address != "" {
		t.Address = a.address
	}
	if a.namespace != "" {
		t.Namespace = a.namespace
	}
	return t
}

// uiAfter is how far behind Temporal's port development servers put their UI, ours and the Temporal CLI's.
const uiAfter = 1000

// uiAddress is where the Temporal UI is: --ui, temporal.ui of orderly.yaml, TEMPORAL_UI_URL, or the
// development server's beside a Temporal on this machine.
func (a *app) uiAddress(configured, hostPort string) string {
	if said := cmp.Or(a.ui, configured, a.getenv("TEMPORAL_UI_URL")); said != "" {
		return strings.TrimRight(said, "/")
	}
	host, portText, err := net.SplitHostPort(hostPort)
	port, notNumber := strconv.Atoi(portText)
	if err != nil || notNumber != nil {
		return ""
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return "http://127.0.0.1:" + strconv.Itoa(port+uiAfter)
	}
	return ""
}

// link is a run's page in the Temporal UI, "" when it is not known where that is.
func (c *cluster) link(workflowID, runID string) string {
	if c.ui == "" {
		return ""
	}
	return c.ui + "/namespaces/" + url.PathEscape(c.namespace) + "/workflows/" +
		url.PathEscape(workflowID) + "/" + url.PathEscape(runID) + "/history"
}

// unreachable gives the exit code of errors that say that Temporal is not there for us.
func unreachable(err error) error {
	var e *exitError
	if err == nil || errors.As(err, &e) {
		return err
	}
	return &exitError{code: exitUnreachable, err: err}
}

// failed gives an answer of the server that is not a matter of the network the general code, and one
// that is the code for an unreachable Temporal.
func failed(what string, err error) error {
	var e *exitError
	if errors.As(err, &e) {
		return err
	}
	if errors.Is(err, errNoWorker) {
		return exit(exitUnreachable, "%s: %w", what, err)
	}
	var noNamespace *serviceerror.NamespaceNotFound
	if errors.As(err, &noNamespace) {
		return exit(exitUnreachable, "%s: there is no namespace %q on this Temporal; --namespace, temporal.namespace in "+
			"orderly.yaml or TEMPORAL_NAMESPACE names one: %w", what, noNamespace.Namespace, err)
	}
	switch serviceerror.ToStatus(err).Code() {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Unauthenticated, codes.PermissionDenied:
		return exit(exitUnreachable, "%s: %w", what, err)
	}
	return exit(exitFailed, "%s: %w", what, err)
}
