package testenv_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/docker/docker/api/types/container"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/testenv"
)

func TestEveryTestGetsADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	one, other := testenv.Postgres(t), testenv.Postgres(t)
	require.NotEqual(t, one, other)
	conn, err := pgx.Connect(t.Context(), one)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.Background())) }()
	_, err = conn.Exec(t.Context(), "CREATE TABLE mine (n int)")
	require.NoError(t, err)
}

func TestStandbyIsInRecovery(t *testing.T) {
	t.Parallel()
	conn, err := pgx.Connect(t.Context(), testenv.PostgresStandby(t))
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.Background())) }()
	var recovering bool
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT pg_is_in_recovery()").Scan(&recovering))
	require.True(t, recovering)
}

func TestEveryTestGetsARedisOfItsOwn(t *testing.T) {
	t.Parallel()
	opts, err := redis.ParseURL(testenv.Redis(t))
	require.NoError(t, err)
	client := redis.NewClient(opts)
	defer func() { require.NoError(t, client.Close()) }()
	require.NoError(t, client.Set(t.Context(), "a", "b", 0).Err())
	require.EqualValues(t, 1, client.DBSize(t.Context()).Val())
}

func TestBucketKeepsWhatIsPutIntoIt(t *testing.T) {
	t.Parallel()
	bucket := testenv.S3(t)
	client, key := bucket.Client(), "a/b"
	_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket.Name, Key: &key, Body: strings.NewReader("text")})
	require.NoError(t, err)
	got, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket.Name, Key: &key})
	require.NoError(t, err)
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	require.NoError(t, err)
	require.Equal(t, "text", string(text))
}

func TestPublishedContainerIsReachedAndBecomesHealthy(t *testing.T) {
	t.Parallel()
	c := testenv.RunContainer(t, testenv.ContainerSpec{Publish: true, Health: true})
	testenv.AwaitContainer(t, c.ID, func(s *container.State) bool {
		return s.Health != nil && s.Health.Status == container.Healthy
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+c.Address+"/health", nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
}

func TestContainerEndsAsItIsTold(t *testing.T) {
	t.Parallel()
	c := testenv.RunContainer(t, testenv.ContainerSpec{Args: []string{"-exit", "3"}})
	ended := testenv.AwaitContainer(t, c.ID, func(s *container.State) bool { return s.Status == container.StateExited })
	require.Equal(t, 3, ended.ExitCode)
}

// spy is a test that notes whether it failed.
type spy struct {
	testing.TB
	failed bool
}

func (s *spy) Helper()               {}
func (s *spy) Errorf(string, ...any) { s.failed = true }

func TestAssertNoSecret(t *testing.T) {
	t.Parallel()
	const secret = "s3cr/et+word"
	cases := map[string]struct {
		value any
		leaks bool
	}{
		"InAnErrorsText":      {fmt.Errorf("dial %s", secret), true},
		"InAWrappedCause":     {fmt.Errorf("connect: %w", errors.New(secret)), true},
		"InAField":            {struct{ Password string }{secret}, true},
		"InAnUnexportedField": {struct{ password string }{secret}, true},
		"EscapedInAURL":       {"redis://:s3cr%2Fet%2Bword@host", true},
		"InBase64":            {"Basic czNjci9ldCt3b3Jk", true},
		"InBytes":             {[]byte("x" + secret), true},
		"Nowhere":             {errors.New("connect to db.example.org:5432: refused"), false},
		"InNothing":           {nil, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &spy{TB: t}
			testenv.AssertNoSecret(s, secret, c.value)
			require.Equal(t, c.leaks, s.failed)
		})
	}
}
