package s3

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/config"
)

func TestBadRequestsAreToldApart(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{ // "" is worth another attempt
		"RequestTimeout": "", "BadDigest": "", "IncompleteBody": "",
		"AuthorizationHeaderMalformed": action.ErrDenied,
		"InvalidArgument":              action.ErrInput,
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if r.Method == http.MethodHead {
					w.WriteHeader(http.StatusNotFound)
					return
				}
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprintf(w, "<Error><Code>%s</Code><Message>so it is</Message></Error>", code)
			}))
			defer server.Close()
			b := setup(t, config.S3{
				Bucket: "bucket", Region: "us-east-1", Endpoint: server.URL, PathStyle: true,
				AccessKey: config.NewSecret("key"), SecretKey: config.NewSecret("secret"),
			})
			_, err := b.put(t.Context(), PutInput{Target: "backups", Key: "a", Content: "x"})
			require.ErrorContains(t, err, code+": so it is")
			var app *temporal.ApplicationError
			if want == "" {
				require.False(t, errors.As(err, &app), err)
				return
			}
			require.ErrorAs(t, err, &app)
			require.Equal(t, want, app.Type())
			require.Equal(t, want == action.ErrDenied, strings.Contains(err.Error(), "check region"))
		})
	}
}
