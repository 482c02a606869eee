package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/membership/static"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
)

// loopback is where everything listens that nobody outside has to reach.
const loopback = "127.0.0.1"

// clusterName is the one cluster there is. It is written into the database: changing it makes old data
// unreadable.
const clusterName = "active"

// serverOptions says what the embedded Temporal server is.
type serverOptions struct {
	dir       string // data folder
	ip        string // of the frontend
	port      int    // of the frontend
	namespace string
	retention time.Duration // of closed runs in the namespace
	untuned   bool
	logger    *slog.Logger
}

// address is where clients on this machine reach the frontend.
func (o serverOptions) address() string {
	return join(reachable(o.ip), o.port)
}

// startServer starts the four Temporal services in this process on the database in the data folder and
// makes sure of the namespace. The returned function stops them.
func startServer(ctx context.Context, o serverOptions) (stop func() error, err error) {
	cfg, err := serverConfig(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := private(cfg.Persistence.DataStores[sqliteplugin.PluginName].SQL.DatabaseName); err != nil {
		return nil, err
	}
	if err := prepareSchema(cfg.Persistence.DataStores[sqliteplugin.PluginName].SQL); err != nil {
		return nil, err
	}
	if err := createNamespace(cfg.Persistence.DataStores[sqliteplugin.PluginName].SQL, o); err != nil {
		return nil, err
	}
	noise := noiseFilter{Handler: o.logger.Handler(), stopping: new(atomic.Bool)}
	server, err := temporal.NewServer(
		temporal.WithConfig(cfg),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(hosts(cfg)),
		temporal.WithLogger(serverLogger{slog.New(noise)}),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithDynamicConfigClient(dynamicConfig(o.untuned)),
	)
	if err != nil {
		return nil, fmt.Errorf("temporal server: %w", err)
	}
	stop = func() error {
		noise.stopping.Store(true)
		return server.Stop()
	}
	if err := server.Start(); err != nil {
		// Half a server can't be stopped in order; it ends with the process.
		return nil, fmt.Errorf("temporal server: %w", err)
	}
	if err := settleNamespace(ctx, o); err != nil {
		return nil, errors.Join(err, stop())
	}
	return stop, nil
}

// serverConfig is what would be the server's YAML file.
func serverConfig(ctx context.Context, o serverOptions) (*config.Config, error) {
	cfg := &config.Config{
		Persistence: config.Persistence{
			DefaultStore:     sqliteplugin.PluginName,
			VisibilityStore:  sqliteplugin.PluginName,
			NumHistoryShards: 1, // fixed for the life of a database
			DataStores:       map[string]config.DataStore{sqliteplugin.PluginName: {SQL: database(o.dir)}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: o.address()},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		PublicClient:        config.PublicClient{HostPort: o.address()},
		Services: map[string]config.Service{
			string(primitives.FrontendService): {RPC: config.RPC{GRPCPort: o.port, BindOnIP: o.ip}},
		},
	}
	cfg.Global.Membership = config.Membership{MaxJoinDuration: 30 * time.Second, BroadcastAddress: loopback}
	cfg.Archival.History.State, cfg.Archival.Visibility.State = "disabled", "disabled"
	cfg.NamespaceDefaults.Archival.History.State, cfg.NamespaceDefaults.Archival.Visibility.State = "disabled", "disabled"
	inner := []primitives.ServiceName{primitives.HistoryService, primitives.MatchingService, primitives.WorkerService}
	ports, err := freePorts(ctx, len(inner))
	if err != nil {
		return nil, err
	}
	for i, name := range inner {
		cfg.Services[string(name)] = config.Service{RPC: config.RPC{GRPCPort: ports[i], BindOnIP: loopback}}
	}
	return cfg, nil
}

// private makes the database's file, or takes an older one away from everybody else: histories hold what
// actions brought. SQLite gives its side files the same mode.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Close())
}

// database is the one SQLite file that holds everything Temporal knows.
func database(dir string) *config.SQL {
	attributes := pragmas()
	attributes["mode"] = "rwc"
	return &config.SQL{
		PluginName:        sqliteplugin.PluginName,
		DatabaseName:      filepath.Join(dir, "temporal.db"),
		ConnectAttributes: attributes,
	}
}

// hosts tells the services where the others are, which spares them the membership ring and its ports.
func hosts(cfg *config.Config) map[primitives.ServiceName]static.Hosts {
	at := make(map[primitives.ServiceName]static.Hosts, len(cfg.Services))
	for name, service := range cfg.Services {
		at[primitives.ServiceName(name)] = static.SingleLocalHost(
			join(reachable(service.RPC.BindOnIP), service.RPC.GRPCPort))
	}
	return at
}

// reachable is an address on which a listener at ip answers: 0.0.0.0 can be listened on, not called.
func reachable(ip string) string {
	if parsed := net.ParseIP(ip); parsed != nil && parsed.IsUnspecified() {
		return loopback
	}
	return ip
}
