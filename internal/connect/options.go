// Package connect reaches Temporal: address, namespace, TLS and API key from orderly.yaml and from the
// SDK's environment configuration, and errors that say what to do next.
package connect

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/BurntSushi/toml"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	sdklog "go.temporal.io/sdk/log"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/orderly-ops/orderly/internal/config"
)

// What is used when neither orderly.yaml nor the environment says anything.
const (
	DefaultAddress   = client.DefaultHostPort
	DefaultNamespace = client.DefaultNamespace
)

// Options makes the client options for a Temporal server. What orderly.yaml says wins; what it leaves
// empty comes from the SDK's environment configuration: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE,
// TEMPORAL_API_KEY, TEMPORAL_TLS_…, or the profile in temporal.toml that cfg.Profile or TEMPORAL_PROFILE
// names. An API key switches TLS on unless TEMPORAL_TLS=false.
func Options(cfg config.Temporal) (client.Options, error) {
	return options(cfg, envconfig.EnvLookupOS)
}

func options(cfg config.Temporal, env envconfig.EnvLookup) (client.Options, error) {
	profile, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{
		ConfigFileProfile: cfg.Profile,
		EnvLookup:         env,
	})
	if err != nil {
		return client.Options{}, fileError(err, env)
	}
	if cfg.Address != "" {
		profile.Address = cfg.Address
	}
	if cfg.Namespace != "" {
		profile.Namespace = cfg.Namespace
	}
	opts, err := profile.ToClientOptions(envconfig.ToClientOptionsRequest{})
	if err != nil {
		return client.Options{}, fmt.Errorf("temporal client settings (TEMPORAL_… or temporal.toml): %w", err)
	}
	return withDefaults(opts), nil
}

// withDefaults fills in what nobody said, and what nobody is asked.
func withDefaults(o client.Options) client.Options {
	o.HostPort = cmp.Or(o.HostPort, DefaultAddress)
	o.Namespace = cmp.Or(o.Namespace, DefaultNamespace)
	o.Logger = sdklog.NewStructuredLogger(slog.Default())
	o.ConnectionOptions.DialOptions = []grpc.DialOption{
		grpc.WithConnectParams(reconnect()),
		grpc.WithDisableServiceConfig(), // Temporal has none in DNS, and asking waits where no outer DNS answers
		grpc.WithChainUnaryInterceptor(patientPolls),
	}
	return o
}

// reconnect says how a lost connection is tried again. The SDK waits up to 10 s between attempts; after
// an outage every overdue deadline would wait that long too. At most half a second costs a server that
// is down two TCP connects a second for each process.
func reconnect() grpc.ConnectParams {
	return grpc.ConnectParams{
		Backoff: backoff.Config{
			BaseDelay:  100 * time.Millisecond,
			Multiplier: 1.6,
			Jitter:     0.2,
			MaxDelay:   500 * time.Millisecond,
		},
		MinConnectTimeout: 5 * time.Second,
	}
}

// fileError says which settings file can't be used. A syntax error is told by its place only, because
// its text quotes the file, and the file may hold an API key.
func fileError(err error, env envconfig.EnvLookup) error {
	file, _ := env.LookupEnv("TEMPORAL_CONFIG_FILE")
	if file == "" {
		file = envconfig.DefaultConfigFilePath()
	}
	var syntax toml.ParseError
	var path *os.PathError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("%s:%d: not valid TOML", file, syntax.Position.Line)
	case errors.As(err, &path):
		return fmt.Errorf("temporal client settings: %w", path)
	default:
		return fmt.Errorf("temporal client settings (TEMPORAL_… and %s): %w", file, err)
	}
}
