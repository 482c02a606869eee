package connect

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/orderly-ops/orderly/internal/config"
)

// patience is how long the first answer of the server may take.
const patience = 5 * time.Second

// Option changes the client options before the connection is made.
type Option func(*client.Options)

// Logger sends what the SDK has to say to l. The default is slog's default logger.
func Logger(l *slog.Logger) Option {
	return func(o *client.Options) { o.Logger = sdklog.NewStructuredLogger(l) }
}

// Metrics gives the SDK's metrics to h.
func Metrics(h client.MetricsHandler) Option {
	return func(o *client.Options) { o.MetricsHandler = h }
}

// Identity is the name under which the process appears in histories and among a queue's pollers.
func Identity(name string) Option {
	return func(o *client.Options) { o.Identity = name }
}

// Dial connects to Temporal and waits, at most five seconds, until the server has answered once. The
// caller closes the client.
func Dial(ctx context.Context, cfg config.Temporal, opts ...Option) (client.Client, error) {
	o, err := Options(cfg)
	if err != nil {
		return nil, err
	}
	return dial(ctx, o, opts...)
}

// DialPlain connects to a server of our own at address, without TLS or credentials and whatever the
// environment says: what is set there is meant for another server.
func DialPlain(ctx context.Context, address, namespace string, opts ...Option) (client.Client, error) {
	return dial(ctx, withDefaults(client.Options{HostPort: address, Namespace: namespace}), opts...)
}

func dial(ctx context.Context, o client.Options, opts ...Option) (client.Client, error) {
	for _, opt := range opts {
		opt(&o)
	}
	if o.ConnectionOptions.GetSystemInfoTimeout == 0 {
		o.ConnectionOptions.GetSystemInfoTimeout = patience
	}
	if isLoopback(o.HostPort) { // there the answer is known at once; elsewhere a proxy may be in between
		if err := probe(ctx, o.HostPort); err != nil {
			return nil, explain(ctx, o, err)
		}
	}
	c, err := client.DialContext(ctx, o)
	if err != nil {
		return nil, explain(ctx, o, err)
	}
	return c, nil
}

// explain turns an error of the first call into one that an operator can act on.
func explain(ctx context.Context, o client.Options, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("temporal at %s: %w", o.HostPort, context.Cause(ctx))
	}
	if isRefusal(err) {
		return fmt.Errorf("temporal at %s refused the credentials for namespace %q: "+
			"check TEMPORAL_API_KEY, TEMPORAL_TLS_CLIENT_CERT_PATH and the namespace", o.HostPort, o.Namespace)
	}
	if down := probe(ctx, o.HostPort); down != nil {
		return fmt.Errorf("is Temporal running at %s? `make run` starts one; "+
			"temporal.address in orderly.yaml or TEMPORAL_ADDRESS names another: %w", o.HostPort, down)
	}
	return fmt.Errorf("%s does not answer as Temporal (%s): %w", o.HostPort, security(o.ConnectionOptions), err)
}

// isRefusal recognises a server that answers but does not let us in. The SDK has no type of its own for
// "unauthenticated".
func isRefusal(err error) bool {
	var denied *serviceerror.PermissionDenied
	return errors.As(err, &denied) || status.Code(err) == codes.Unauthenticated
}

// probe makes a bare TCP connection: the SDK tells a dead server and failed TLS alike, as a time-out.
func probe(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func security(o client.ConnectionOptions) string {
	if o.TLS == nil || o.TLSDisabled {
		return "TLS is off here; TEMPORAL_TLS=true switches it on"
	}
	return "TLS is on here; check TEMPORAL_TLS_SERVER_CA_CERT_PATH, TEMPORAL_TLS_SERVER_NAME and the client certificate"
}
