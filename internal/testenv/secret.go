package testenv

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/encoding/protojson"
)

// AssertNoSecret checks that a secret is in none of the values, in whatever way each may reach a person:
// an error as it prints and as the failure that Temporal would keep of it with all its causes; anything
// else as it prints and as JSON. The secret's URL-escaped and base64 forms count as the secret.
func AssertNoSecret(t testing.TB, secret string, values ...any) {
	t.Helper()
	if len(secret) < 4 {
		t.Fatalf("a secret of %d characters proves nothing: use a longer one", len(secret))
	}
	for i, value := range values {
		for _, text := range shown(value) {
			for _, form := range forms(secret) {
				if strings.Contains(text, form) {
					t.Errorf("value %d (%T) shows the secret: %s", i, value, strings.ReplaceAll(text, form, "<SECRET>"))
				}
			}
		}
	}
}

// shown lists the ways in which a value can be seen.
func shown(value any) []string {
	ways := []string{fmt.Sprint(value), fmt.Sprintf("%+v", value), fmt.Sprintf("%#v", value)}
	switch v := value.(type) {
	case nil:
		return nil
	case error:
		// Not %#v: it prints the insides of a chain's errors, which no message shows. The failure does.
		ways = []string{v.Error(), fmt.Sprintf("%+v", v)}
		failure := temporal.GetDefaultFailureConverter().ErrorToFailure(v)
		if kept, err := protojson.Marshal(failure); err == nil {
			ways = append(ways, string(kept))
		}
	case []byte:
		ways = []string{string(v)}
	default:
		if kept, err := json.Marshal(v); err == nil {
			ways = append(ways, string(kept))
		}
	}
	return ways
}

// forms lists the ways in which a secret is commonly written.
func forms(secret string) []string {
	inJSON, _ := json.Marshal(secret) // a string can't fail
	return []string{
		secret,
		url.QueryEscape(secret),
		url.PathEscape(secret),
		strings.Trim(string(inJSON), `"`),
		base64.StdEncoding.EncodeToString([]byte(secret)),
	}
}
