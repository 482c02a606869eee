package postgres

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/config"
)

// applicationName is how servers see us.
const applicationName = "orderly"

// openDatabase reads a target's dsn. It does not connect. Its errors never show the dsn, which may hold a
// password in a place where the parser does not expect one.
func openDatabase(name string, target config.Postgres) (*database, error) {
	settings, err := pgx.ParseConfig(target.DSN.Reveal())
	if err != nil {
		return nil, errors.New("the dsn can't be read: want postgres://user:password@host:port/database or host=… dbname=…")
	}
	settings.RuntimeParams["application_name"] = applicationName
	// Nothing is prepared, so a connection pooler may stand in between.
	settings.DefaultQueryExecMode = pgx.QueryExecModeExec
	return &database{name: name, place: place(settings), settings: settings, target: target}, nil
}

// place is where a database is, fit for messages: host:port/database.
func place(s *pgx.ConnConfig) string {
	host := net.JoinHostPort(s.Host, strconv.Itoa(int(s.Port)))
	if strings.HasPrefix(s.Host, "/") { // a folder with a socket
		host = s.Host + ":" + strconv.Itoa(int(s.Port))
	}
	name := s.Database
	if name == "" {
		name = s.User // what PostgreSQL takes then
	}
	return host + "/" + name
}

// connect opens a connection within patience. Close it with shut.
func (d *database) connect(ctx context.Context, patience time.Duration) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, d.settings.Copy())
	if err != nil {
		return nil, d.failed("connect", patience, err)
	}
	return conn, nil
}

// shut says good-bye to the server, shortly even when our own caller has gone.
func shut(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = conn.Close(ctx) // what was wanted is read; the server notices a lost connection by itself
}

// read runs queries in one read-only transaction. All of them together, and on the server each of them,
// may take as long as patience.
func (d *database) read(ctx context.Context, conn *pgx.Conn, patience time.Duration, queries func(context.Context, pgx.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		// LOCAL, because behind a pooler the session is not ours. The server goes on with a query whose
		// client has gone, unless it is told when to stop. With this path nobody's functions stand in for
		// PostgreSQL's own.
		if _, err := tx.Exec(ctx, "SET LOCAL search_path = pg_catalog; SET LOCAL statement_timeout = "+strconv.FormatInt(patience.Milliseconds(), 10)); err != nil {
			return err
		}
		return queries(ctx, tx)
	})
	if err != nil {
		return d.failed("query", patience, err)
	}
	return nil
}

// failed words an error and says, by its kind, whether trying again can help.
func (d *database) failed(doing string, patience time.Duration, err error) error {
	where := fmt.Sprintf("postgres %q (%s): %s", d.name, d.place, doing)
	var refused *pgconn.PgError
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.As(err, &refused):
		return answered(where, refused)
	case errors.As(err, &untrusted):
		return action.Permanent(action.ErrDenied, "%s: the server's certificate is not trusted: %v", where, untrusted.Err)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", where, context.Canceled)
	case errors.Is(err, context.DeadlineExceeded), pgconn.Timeout(err):
		return fmt.Errorf("%s: no answer within %s", where, patience)
	default:
		return fmt.Errorf("%s: %s", where, cause(err))
	}
}

// errFull says that the server, or our role or database on it, has no connection left.
var errFull = errors.New("every connection is taken")

// answered words what the server itself said. It may change its mind when it is starting, full or
// stopping, but not about who we are and what there is.
func answered(where string, e *pgconn.PgError) error {
	const (
		noSuchDatabase    = "3D000"
		classNotAllowed   = "28" // wrong password, no such user, not allowed from here
		classWrongQuery   = "42" // no permission, or a server that does not know a view or column
		cancelledBecause  = "57014"
		tooManyConnection = "53300"
	)
	text := fmt.Sprintf("%s: %s (SQLSTATE %s)", where, e.Message, e.Code)
	switch {
	case e.Code == noSuchDatabase:
		return action.Permanent(action.ErrNotFound, "%s", text)
	case strings.HasPrefix(e.Code, classNotAllowed), strings.HasPrefix(e.Code, classWrongQuery):
		return action.Permanent(action.ErrDenied, "%s", text)
	case e.Code == tooManyConnection:
		return fmt.Errorf("%s: %w; see postgres.activity of a superuser", text, errFull)
	case e.Code == cancelledBecause:
		return fmt.Errorf("%s: it took too long", text)
	default:
		return errors.New(text)
	}
}

// cause is what the network said, without the user and database that the driver puts before it.
func cause(err error) string {
	var op *net.OpError
	var dns *net.DNSError
	var connecting *pgconn.ConnectError
	switch {
	case errors.As(err, &dns):
		return "no address for " + dns.Name + ": " + dns.Err
	case errors.As(err, &op):
		return op.Err.Error()
	case errors.As(err, &connecting):
		return connecting.Unwrap().Error()
	default:
		return err.Error()
	}
}
