package email

import (
	"bufio"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/internal/testenv"
	"github.com/orderly-ops/orderly/internal/testenv/smtpserver"
)

const password = "correct-horse-battery"

// users is the one user there is.
func users() map[string]string { return map[string]string{"orderly": password} }

func as(c config.Email, user, pass string) config.Email {
	c.Username, c.Password = config.NewSecret(user), config.NewSecret(pass)
	return c
}

func TestARefusalIsPermanentAndABusyServerIsNot(t *testing.T) {
	t.Parallel()
	for stage, kind := range map[smtpserver.Stage]string{
		smtpserver.Hello: action.ErrDenied, smtpserver.Auth: action.ErrDenied, smtpserver.From: action.ErrDenied,
		smtpserver.To: action.ErrNotFound, smtpserver.Data: action.ErrDenied,
	} {
		t.Run(string(stage), func(t *testing.T) {
			t.Parallel()
			server := smtpserver.Start(t, smtpserver.Options{TLS: "starttls", Users: users()})
			e := transport(t, as(server.Config(), "orderly", password))
			server.Script(stage, -1, smtpserver.Answer{Code: 554, Text: "never " + password})
			_, err := e.Send(t.Context(), delivery(1))
			testenv.RequirePermanent(t, err, kind)
			require.ErrorContains(t, err, "554")
			testenv.AssertNoSecret(t, password, err)

			server.Forgive()
			server.Script(stage, -1, smtpserver.Answer{Code: 451, Text: "later"})
			_, err = e.Send(t.Context(), delivery(1))
			testenv.RequireTransient(t, err)
			require.ErrorContains(t, err, "451")

			server.Forgive()
			_, err = e.Send(t.Context(), delivery(1))
			require.NoError(t, err)
			require.Len(t, server.Messages(), 1)
		})
	}
}

// talk is a server that begins each connection with the first answer and gives the next to each line of
// the client.
func talk(t *testing.T, answers ...string) config.Email {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			lines := bufio.NewScanner(conn)
			for _, answer := range answers {
				if _, err := conn.Write([]byte(answer + "\r\n")); err != nil || !lines.Scan() {
					break
				}
			}
			_ = conn.Close()
		}
	}()
	addr, ok := l.Addr().(*net.TCPAddr)
	require.True(t, ok)
	return config.Email{Host: "127.0.0.1", Port: addr.Port, From: "orderly@example.org", TLS: "none"}
}

func TestARefusalBeforeTheMessageIsUnderstoodToo(t *testing.T) {
	t.Parallel()
	_, err := transport(t, talk(t, "554 no service for you")).Send(t.Context(), delivery(1))
	testenv.RequirePermanent(t, err, action.ErrDenied)
	_, err = transport(t, talk(t, "421 too busy")).Send(t.Context(), delivery(1))
	testenv.RequireTransient(t, err)
	_, err = transport(t, talk(t, "220 hi", "250 hello", "250 ok", "250 ok", "250 ok", "554 no valid recipients")).Send(t.Context(), delivery(1))
	testenv.RequirePermanent(t, err, action.ErrDenied)
	_, err = transport(t, talk(t, "220 hi", "250 hello", "250 ok", "250 ok", "250 ok", "452 disk full")).Send(t.Context(), delivery(1))
	testenv.RequireTransient(t, err)
	_, err = transport(t, talk(t, "nonsense")).Send(t.Context(), delivery(1))
	testenv.RequireTransient(t, err)
}

func TestWrongCredentialsSayWhatToDo(t *testing.T) {
	t.Parallel()
	server := smtpserver.Start(t, smtpserver.Options{TLS: "tls", Users: users()})
	_, err := transport(t, as(server.Config(), "orderly", "wrong-password")).Send(t.Context(), delivery(1))
	testenv.RequirePermanent(t, err, action.ErrDenied)
	require.ErrorContains(t, err, "535")
	require.ErrorContains(t, err, "check notify.email.username and password")
	testenv.AssertNoSecret(t, "wrong-password", err)

	_, err = transport(t, server.Config()).Send(t.Context(), delivery(1))
	testenv.RequirePermanent(t, err, action.ErrDenied)
	require.ErrorContains(t, err, "check notify.email.username and password")

	open := smtpserver.Start(t, smtpserver.Options{TLS: "tls"})
	_, err = transport(t, as(open.Config(), "orderly", password)).Send(t.Context(), delivery(1))
	testenv.RequirePermanent(t, err, action.ErrNotConfigured)
}

func TestAPasswordNeverTravelsInClear(t *testing.T) {
	t.Parallel()
	server := smtpserver.Start(t, smtpserver.Options{Users: users()})
	_, err := New(as(server.Config(), "orderly", password))
	require.ErrorContains(t, err, "would be sent in clear")
	testenv.AssertNoSecret(t, password, err)

	c := as(server.Config(), "orderly", password)
	c.TLS = "starttls"
	_, err = transport(t, c).Send(t.Context(), delivery(1))
	testenv.RequirePermanent(t, err, action.ErrNotConfigured)
	require.ErrorContains(t, err, "the server offers no STARTTLS")
}

func TestAServerThatCanNotBeTrustedGetsNothing(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"starttls", "tls"} {
		server := smtpserver.Start(t, smtpserver.Options{TLS: kind})
		c := server.Config()
		c.CA = ""
		_, err := transport(t, c).Send(t.Context(), delivery(1))
		testenv.RequireTransient(t, err)
		require.ErrorContains(t, err, "notify.email.ca")
		require.Empty(t, server.Messages())
	}
}

func TestAnAuthorityThatCanNotBeReadIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	c := config.Email{Host: "h", Port: 25, From: "a@b.c", TLS: "tls", CA: filepath.Join(t.TempDir(), "none.pem")}
	_, err := New(c)
	require.ErrorContains(t, err, "notify.email.ca")
	require.NoError(t, os.WriteFile(c.CA, []byte("no certificate"), 0o600))
	_, err = New(c)
	require.ErrorContains(t, err, "holds no certificate")
	_, err = New(config.Email{Host: "h", Port: 25, From: "nobody", TLS: "tls"})
	require.ErrorContains(t, err, "notify.email.from")
}

func TestAnAddressThatIsNoneIsPermanent(t *testing.T) {
	t.Parallel()
	_, e := setup(t, smtpserver.Options{})
	for _, address := range []string{"nobody", "a@b.c\r\nRCPT TO:<evil@example.org>", "a@b.c, d@e.f"} {
		d := delivery(1)
		d.To.Email = address
		_, err := e.Send(t.Context(), d)
		testenv.RequirePermanent(t, err, action.ErrInput)
	}
}

func TestAServerThatIsDownIsTriedAgain(t *testing.T) {
	t.Parallel()
	server, e := setup(t, smtpserver.Options{TLS: "starttls"})
	_, err := e.Send(t.Context(), delivery(1))
	require.NoError(t, err)
	server.Down()
	_, err = e.Send(t.Context(), delivery(2))
	testenv.RequireTransient(t, err)
	require.ErrorContains(t, err, "connection refused")
	server.Up()
	_, err = e.Send(t.Context(), delivery(2))
	require.NoError(t, err)
	require.Len(t, server.Messages(), 2)
}

func TestALostAnswerIsAmbiguousAndTheCopyTheSameMail(t *testing.T) {
	t.Parallel()
	server, e := setup(t, smtpserver.Options{})
	server.Script(smtpserver.Data, 1, smtpserver.Answer{Break: true, Keep: true})
	_, err := e.Send(t.Context(), delivery(1))
	testenv.RequireTransient(t, err)
	require.ErrorContains(t, err, "may have arrived")
	again := delivery(1)
	again.Again = true
	_, err = e.Send(t.Context(), again)
	require.NoError(t, err)
	got := server.Await(t.Context(), 2)
	first, _, _ := parts(t, got[0].Data)
	second, _, _ := parts(t, got[1].Data)
	require.Equal(t, first.Get("Message-ID"), second.Get("Message-ID"))
}

func TestWhatWasAcceptedIsSentEvenIfTheConnectionBreaksThen(t *testing.T) {
	t.Parallel()
	// go-smtp can't end a connection after its last answer: this is a server that does.
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		in := bufio.NewReader(conn)
		for _, answer := range []string{"220 hi", "250 hello", "250 ok", "250 ok", "250 ok", "354 go"} {
			if _, err := conn.Write([]byte(answer + "\r\n")); err != nil {
				return
			}
			if answer == "354 go" {
				break
			}
			if _, err := in.ReadString('\n'); err != nil {
				return
			}
		}
		for line := ""; line != ".\r\n"; {
			if line, err = in.ReadString('\n'); err != nil {
				return
			}
		}
		_, _ = conn.Write([]byte("250 queued\r\n"))
	}()
	addr, ok := l.Addr().(*net.TCPAddr)
	require.True(t, ok)
	_, err = transport(t, config.Email{Host: "127.0.0.1", Port: addr.Port, From: "o@example.org", TLS: "none"}).Send(t.Context(), delivery(1))
	require.NoError(t, err)
}

func TestATarpitHoldsNobodyLongerThanTheContext(t *testing.T) {
	t.Parallel()
	for _, stage := range []smtpserver.Stage{smtpserver.Hello, smtpserver.Auth, smtpserver.From, smtpserver.To, smtpserver.Data} {
		t.Run(string(stage), func(t *testing.T) {
			t.Parallel()
			server := smtpserver.Start(t, smtpserver.Options{TLS: "starttls", Users: users()})
			e := transport(t, as(server.Config(), "orderly", password))
			ctx, cancel := context.WithCancel(t.Context())
			server.Script(stage, -1, smtpserver.Answer{Hold: make(chan struct{}), Held: cancel})
			_, err := e.Send(ctx, delivery(1))
			require.ErrorIs(t, err, context.Canceled)
			testenv.RequireTransient(t, err)
			testenv.AssertNoSecret(t, password, err)
		})
	}
}

func TestASilentPortHoldsNobodyEither(t *testing.T) {
	t.Parallel()
	host, port, ok := strings.Cut(testenv.Silent(t), ":")
	require.True(t, ok)
	number, err := net.LookupPort("tcp", port)
	require.NoError(t, err)
	for _, kind := range []string{"starttls", "tls"} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err = transport(t, config.Email{Host: host, Port: number, From: "a@b.c", TLS: kind}).Send(ctx, delivery(1))
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
}

func TestWhoWaitsForAConnectionStopsWhenToldTo(t *testing.T) {
	t.Parallel()
	server, e := setup(t, smtpserver.Options{})
	release := make(chan struct{})
	server.Script(smtpserver.Data, maxConnections, smtpserver.Answer{Hold: release, Keep: true})
	done := make(chan error, maxConnections)
	for i := range maxConnections {
		go func() {
			_, err := e.Send(t.Context(), delivery(i))
			done <- err
		}()
	}
	server.Await(t.Context(), maxConnections) // all are held now
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := e.Send(ctx, delivery(100))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	close(release)
	for range maxConnections {
		require.NoError(t, <-done)
	}
}
