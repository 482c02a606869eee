package webhook_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities/notify/webhook"
)

func TestASignatureProvesBodySecretAndTime(t *testing.T) {
	t.Parallel()
	now, body := time.Unix(1_800_000_000, 0), []byte(`{"id":"x"}`)
	good := webhook.Sign(secret, body, now)
	// echo -n '1800000000.{"id":"x"}' | openssl dgst -sha256 -hmac signing-secret-1
	require.Equal(t, "t=1800000000,v1=f5c5b025381600e8673d6117546149f060b077eab5a707fc8a5d51a74bf3b110", good)
	_, v1, _ := strings.Cut(good, ",")
	for name, tc := range map[string]struct {
		secret, header string
		body           []byte
		now            time.Time
		want           error
	}{
		"good":                      {secret, good, body, now, nil},
		"at the edge":               {secret, good, body, now.Add(webhook.Tolerance), nil},
		"a clock that is behind":    {secret, good, body, now.Add(-time.Minute), nil},
		"replayed":                  {secret, good, body, now.Add(webhook.Tolerance + time.Second), webhook.ErrTime},
		"from the future":           {secret, good, body, now.Add(-time.Hour), webhook.ErrTime},
		"another body":              {secret, good, []byte(`{"id":"y"}`), now, webhook.ErrSignature},
		"another secret":            {"other", good, body, now, webhook.ErrSignature},
		"another time":              {secret, "t=1800000001," + v1, body, now, webhook.ErrSignature},
		"one of two secrets":        {secret, good + ",v1=00", body, now, nil},
		"the other of two":          {secret, "v1=00, " + good, body, now, nil},
		"a later version beside it": {secret, good + ",v2=zz", body, now, nil},
		"no header":                 {secret, "", body, now, webhook.ErrNoSignature},
		"no time":                   {secret, v1, body, now, webhook.ErrNoSignature},
		"no signature":              {secret, "t=1800000000", body, now, webhook.ErrNoSignature},
		"not hexadecimal":           {secret, "t=1800000000,v1=zz", body, now, webhook.ErrSignature},
	} {
		err := webhook.Verify(tc.secret, tc.header, tc.body, tc.now, webhook.Tolerance)
		require.ErrorIs(t, err, tc.want, name)
		if tc.want == nil {
			require.NoError(t, err, name)
		}
	}
}

// A receiver verifies the signature of the body as it came, then reads the event.
func ExampleVerify() {
	receive := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, "too long", http.StatusRequestEntityTooLarge)
			return
		}
		if err := webhook.Verify("our secret", r.Header.Get(webhook.Header), body, time.Now(), webhook.Tolerance); err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		var event webhook.Event
		if err := json.Unmarshal(body, &event); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		// Seen before? Then r.Header.Get("Idempotency-Key") says so.
		fmt.Println(event.EventAction, event.DedupKey)
	}

	body := `{"event_action":"trigger","dedup_key":"emergency-response/api"}`
	request := httptest.NewRequest(http.MethodPost, "/orderly", strings.NewReader(body))
	request.Header.Set(webhook.Header, webhook.Sign("our secret", []byte(body), time.Now()))
	receive(httptest.NewRecorder(), request)
	// Output: trigger emergency-response/api
}
