// Command temporal is a Temporal server as a cluster has it, in one process: its data in PostgreSQL, and
// several history shards. Benchmarks start it, to show how Orderly scales beyond the dev server.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence"
	persistencesql "go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	_ "go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql" // the driver
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/common/resolver"
	"go.temporal.io/server/schema"
	postgresqlschema "go.temporal.io/server/schema/postgresql/v12"
	"go.temporal.io/server/temporal"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/orderly-ops/orderly/internal/connect"
	"github.com/orderly-ops/orderly/internal/setup"
)

const (
	loopback    = "127.0.0.1"
	clusterName = "active"
	plugin      = "postgres12_pgx"
	schemas     = "postgresql/v12/"
	// patience is how long the server may take to know its namespace.
	patience  = time.Minute
	retention = 24 * time.Hour
)

// settings are the command line: two empty databases, where to listen, how many shards.
type settings struct {
	store, visibility string
	port, shards      int
}

func main() { os.Exit(run()) }

func run() int {
	var s settings
	flag.StringVar(&s.store, "store", "", "URL of an empty database for runs")
	flag.StringVar(&s.visibility, "visibility", "", "URL of an empty database for lists of runs")
	flag.IntVar(&s.port, "port", 7233, "the first of four ports to listen on")
	flag.IntVar(&s.shards, "shards", 16, "history shards")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// serve prepares the databases and runs the server until ctx ends. It says "ready" once the namespace
// "default" can be used.
func serve(ctx context.Context, s settings) error {
	cfg, err := s.config()
	if err != nil {
		return err
	}
	if err := prepare(cfg.Persistence.DataStores["store"].SQL, "temporal", postgresqlschema.Version); err != nil {
		return fmt.Errorf("make the tables for runs: %w", err)
	}
	if err := prepare(cfg.Persistence.DataStores["visibility"].SQL, "visibility", postgresqlschema.VisibilityVersion); err != nil {
		return fmt.Errorf("make the tables for lists: %w", err)
	}
	server, err := temporal.NewServer(
		temporal.WithConfig(cfg),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(hosts(cfg)),
		temporal.WithLogger(log.NewNoopLogger()),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithDynamicConfigClient(dynamicconfig.StaticClient{
			dynamicconfig.TransferProcessorMaxPollRPS.Key(): 5000,
			dynamicconfig.TimerProcessorMaxPollRPS.Key():    5000,
		}),
	)
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return err
	}
	if err := settle(ctx, s); err != nil {
		return err
	}
	fmt.Println("ready")
	<-ctx.Done()
	return server.Stop()
}

// prepare makes the tables of an empty database, as temporal-sql-tool does.
func prepare(cfg *config.SQL, name, version string) error {
	db, err := persistencesql.NewSQLAdminDB(sqlplugin.DbKindUnknown, cfg, resolver.NewNoopResolver(), log.NewNoopLogger(), metrics.NoopMetricsHandler)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	text, err := fs.ReadFile(schema.Assets(), schemas+name+"/schema.sql")
	if err != nil {
		return err
	}
	statements, err := persistence.LoadAndSplitQueryFromReaders([]io.Reader{bytes.NewReader(text)})
	if err != nil {
		return err
	}
	for _, statement := range statements {
		if err := db.Exec(statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	if err := db.CreateSchemaVersionTables(); err != nil {
		return err
	}
	return db.UpdateSchemaVersion(cfg.DatabaseName, version, version)
}

// settle makes the namespace and its search attributes, over the API like an operator.
func settle(ctx context.Context, s settings) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		err := namespace(ctx, s)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

func namespace(ctx context.Context, s settings) error {
	c, err := connect.DialPlain(ctx, fmt.Sprintf("%s:%d", loopback, s.port), connect.DefaultNamespace)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: connect.DefaultNamespace, WorkflowExecutionRetentionPeriod: durationpb.New(retention),
	})
	if _, described := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: connect.DefaultNamespace}); described != nil {
		return fmt.Errorf("namespace: %w", err)
	}
	_, err = setup.Attributes(ctx, c, connect.DefaultNamespace)
	return err
}

// config is what would be the server's YAML file.
func (s settings) config() (*config.Config, error) {
	stores := map[string]config.DataStore{}
	for name, dsn := range map[string]string{"store": s.store, "visibility": s.visibility} {
		db, err := database(dsn)
		if err != nil {
			return nil, err
		}
		stores[name] = config.DataStore{SQL: db}
	}
	cfg := &config.Config{
		Persistence: config.Persistence{
			DefaultStore: "store", VisibilityStore: "visibility", NumHistoryShards: int32(s.shards), DataStores: stores,
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10, MasterClusterName: clusterName, CurrentClusterName: clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: fmt.Sprintf("%s:%d", loopback, s.port)},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		PublicClient:        config.PublicClient{HostPort: fmt.Sprintf("%s:%d", loopback, s.port)},
		Services:            map[string]config.Service{},
	}
	cfg.Global.Membership = config.Membership{MaxJoinDuration: 30 * time.Second, BroadcastAddress: loopback}
	cfg.Archival.History.State, cfg.Archival.Visibility.State = "disabled", "disabled"
	cfg.NamespaceDefaults.Archival.History.State, cfg.NamespaceDefaults.Archival.Visibility.State = "disabled", "disabled"
	for i, name := range []primitives.ServiceName{
		primitives.FrontendService, primitives.HistoryService, primitives.MatchingService, primitives.WorkerService,
	} {
		cfg.Services[string(name)] = config.Service{RPC: config.RPC{GRPCPort: s.port + i, BindOnIP: loopback}}
	}
	return cfg, nil
}

// database is a URL as the server's configuration has it.
func database(dsn string) (*config.SQL, error) {
	u, err := url.Parse(dsn)
	if err != nil || u.User == nil {
		return nil, errors.New("--store and --visibility have to be URLs of databases, with a user")
	}
	password, _ := u.User.Password()
	return &config.SQL{
		PluginName: plugin, DatabaseName: u.Path[1:], ConnectAddr: u.Host, ConnectProtocol: "tcp",
		User: u.User.Username(), Password: password, MaxConns: 20, MaxIdleConns: 20, MaxConnLifetime: time.Hour,
	}, nil
}

func hosts(cfg *config.Config) map[primitives.ServiceName]static.Hosts {
	at := map[primitives.ServiceName]static.Hosts{}
	for name, service := range cfg.Services {
		at[primitives.ServiceName(name)] = static.SingleLocalHost(net.JoinHostPort(loopback, strconv.Itoa(service.RPC.GRPCPort)))
	}
	return at
}
