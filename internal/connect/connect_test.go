package connect

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/orderly-ops/orderly/internal/config"
)

const apiKey = "sk-do-not-print-me"

// environ is an environment of its own for each test.
type environ map[string]string

func (e environ) Environ() []string {
	var all []string
	for k, v := range e {
		all = append(all, k+"="+v)
	}
	return all
}

func (e environ) LookupEnv(k string) (string, bool) { v, ok := e[k]; return v, ok }

// with adds variables; the settings file is always one that the test wrote, never the developer's own.
func (e environ) with(pairs ...string) environ {
	for i := 0; i < len(pairs); i += 2 {
		e[pairs[i]] = pairs[i+1]
	}
	return e
}

func emptyEnv(t *testing.T) environ {
	return environ{"TEMPORAL_CONFIG_FILE": filepath.Join(t.TempDir(), "none.toml")}
}

func TestOptions(t *testing.T) {
	t.Parallel()

	t.Run("FallBackToALocalServer", func(t *testing.T) {
		t.Parallel()
		o, err := options(config.Temporal{}, emptyEnv(t))
		require.NoError(t, err)
		require.Equal(t, "localhost:7233", o.HostPort)
		require.Equal(t, "default", o.Namespace)
		require.Nil(t, o.ConnectionOptions.TLS)
	})

	t.Run("TakeWhatTheFileLeavesEmptyFromTheEnvironment", func(t *testing.T) {
		t.Parallel()
		env := emptyEnv(t).with("TEMPORAL_ADDRESS", "cloud:7233", "TEMPORAL_NAMESPACE", "prod")
		o, err := options(config.Temporal{Namespace: "staging"}, env)
		require.NoError(t, err)
		require.Equal(t, "cloud:7233", o.HostPort)
		require.Equal(t, "staging", o.Namespace)
	})

	t.Run("ReadAProfileOfTemporalTOML", func(t *testing.T) {
		t.Parallel()
		env := settings(t, "[profile.ops]\naddress = \"ops:7233\"\nnamespace = \"ops\"\napi_key = \""+apiKey+"\"\n")
		o, err := options(config.Temporal{Profile: "ops"}, env)
		require.NoError(t, err)
		require.Equal(t, "ops:7233", o.HostPort)
		require.NotNil(t, o.Credentials)
		require.NotNil(t, o.ConnectionOptions.TLS, "an API key never travels in the clear unless told")
	})

	t.Run("NameAProfileThatDoesNotExist", func(t *testing.T) {
		t.Parallel()
		_, err := options(config.Temporal{Profile: "nope"}, emptyEnv(t))
		require.ErrorContains(t, err, "nope")
	})

	t.Run("NeverQuoteABrokenSettingsFile", func(t *testing.T) {
		t.Parallel()
		env := settings(t, "[profile.default]\naddress = \"a:1\"\napi_key = "+apiKey+"\n")
		_, err := options(config.Temporal{}, env)
		require.ErrorContains(t, err, "temporal.toml:3: not valid TOML")
		require.NotContains(t, err.Error(), "sk-")
	})

	t.Run("NameACertificateThatIsMissing", func(t *testing.T) {
		t.Parallel()
		env := emptyEnv(t).with("TEMPORAL_TLS_CLIENT_CERT_PATH", "/nowhere/client.pem", "TEMPORAL_TLS_CLIENT_KEY_PATH", "/nowhere/client.key")
		_, err := options(config.Temporal{}, env)
		require.ErrorContains(t, err, "/nowhere/client.pem")
	})
}

func settings(t *testing.T, text string) environ {
	t.Helper()
	file := filepath.Join(t.TempDir(), "temporal.toml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return environ{"TEMPORAL_CONFIG_FILE": file}
}

func TestDial(t *testing.T) {
	t.Parallel()

	t.Run("ProvesItselfByCertificateAndSendsTheAPIKey", func(t *testing.T) {
		t.Parallel()
		ca := newAuthority(t)
		server := ca.serve(t, nil)
		env := emptyEnv(t).with(
			"TEMPORAL_API_KEY", apiKey,
			"TEMPORAL_TLS_SERVER_CA_CERT_PATH", ca.file,
			"TEMPORAL_TLS_CLIENT_CERT_PATH", ca.clientCert,
			"TEMPORAL_TLS_CLIENT_KEY_PATH", ca.clientKey,
		)
		c, err := dialWith(t, config.Temporal{Address: server.address}, env)
		require.NoError(t, err)
		c.Close()
		seen := <-server.seen
		require.Equal(t, []string{"Bearer " + apiKey}, seen.Get("authorization"))
		require.Equal(t, []string{"orderly test client"}, seen.Get("seen-common-name"))
	})

	t.Run("SaysThatTheCertificateIsNotTrusted", func(t *testing.T) {
		t.Parallel()
		server := newAuthority(t).serve(t, nil)
		env := emptyEnv(t).with("TEMPORAL_API_KEY", apiKey)
		_, err := dialWith(t, config.Temporal{Address: server.address}, env)
		require.ErrorContains(t, err, server.address)
		require.ErrorContains(t, err, "TEMPORAL_TLS_SERVER_CA_CERT_PATH")
		require.NotContains(t, err.Error(), apiKey)
	})

	t.Run("SaysThatTheServerRefusedTheKeyWithoutNamingIt", func(t *testing.T) {
		t.Parallel()
		ca := newAuthority(t)
		server := ca.serve(t, status.Error(codes.Unauthenticated, "bad key "+apiKey))
		env := emptyEnv(t).with(
			"TEMPORAL_API_KEY", apiKey,
			"TEMPORAL_TLS_SERVER_CA_CERT_PATH", ca.file,
			"TEMPORAL_TLS_CLIENT_CERT_PATH", ca.clientCert,
			"TEMPORAL_TLS_CLIENT_KEY_PATH", ca.clientKey,
		)
		_, err := dialWith(t, config.Temporal{Address: server.address, Namespace: "prod"}, env)
		require.ErrorContains(t, err, `refused the credentials for namespace "prod"`)
		require.NotContains(t, err.Error(), apiKey)
	})

	t.Run("SaysAtOnceThatNothingListens", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, l.Close())
		_, err = dialWith(t, config.Temporal{Address: l.Addr().String()}, emptyEnv(t))
		require.ErrorContains(t, err, fmt.Sprintf("is Temporal running at %s? `make run` starts one", l.Addr()))
	})

	t.Run("StopsWhenTheCallerDoes", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		o, err := options(config.Temporal{}, emptyEnv(t))
		require.NoError(t, err)
		_, err = dial(ctx, o)
		require.ErrorIs(t, err, context.Canceled)
	})
}

func dialWith(t *testing.T, cfg config.Temporal, env environ) (client.Client, error) {
	t.Helper()
	o, err := options(cfg, env)
	require.NoError(t, err)
	o.ConnectionOptions.GetSystemInfoTimeout = 2 * time.Second
	return dial(t.Context(), o)
}

// authority is a CA of the test's own, with one client certificate on disk.
type authority struct {
	cert                        *x509.Certificate
	key                         *ecdsa.PrivateKey
	file, clientCert, clientKey string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{cert: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "orderly test CA"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}}
	var der []byte
	der, a.key = a.issue(t, a.cert)
	a.file = writePEM(t, "ca.pem", "CERTIFICATE", der)
	der, key := a.issue(t, leaf("orderly test client", x509.ExtKeyUsageClientAuth))
	a.clientCert = writePEM(t, "client.pem", "CERTIFICATE", der)
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	a.clientKey = writePEM(t, "client.key", "PRIVATE KEY", raw)
	return a
}

func leaf(name string, use x509.ExtKeyUsage) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{use}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
}

// issue signs a certificate; the CA's own is signed by itself.
func (a *authority) issue(t *testing.T, template *x509.Certificate) ([]byte, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	signer := a.key
	if signer == nil {
		signer = key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, signer)
	require.NoError(t, err)
	return der, key
}

func writePEM(t *testing.T, name, kind string, der []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	return file
}

// frontend answers GetSystemInfo only, over TLS with client certificates, and hands out what it was sent.
type frontend struct {
	workflowservice.UnimplementedWorkflowServiceServer
	address string
	refuse  error
	seen    chan metadata.MD
}

func (a *authority) serve(t *testing.T, refuse error) *frontend {
	t.Helper()
	der, key := a.issue(t, leaf("127.0.0.1", x509.ExtKeyUsageServerAuth))
	clients := x509.NewCertPool()
	pool, err := os.ReadFile(a.file)
	require.NoError(t, err)
	require.True(t, clients.AppendCertsFromPEM(pool))
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    clients,
		MinVersion:   tls.VersionTLS13,
	})))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f := &frontend{address: listener.Addr().String(), refuse: refuse, seen: make(chan metadata.MD, 8)}
	workflowservice.RegisterWorkflowServiceServer(server, f)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return f
}

func (f *frontend) GetSystemInfo(ctx context.Context, _ *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	if p, ok := peer.FromContext(ctx); ok {
		certs := p.AuthInfo.(credentials.TLSInfo).State.PeerCertificates
		md.Set("seen-common-name", certs[0].Subject.CommonName)
	}
	f.seen <- md
	if f.refuse != nil {
		return nil, f.refuse
	}
	return &workflowservice.GetSystemInfoResponse{}, nil
}
