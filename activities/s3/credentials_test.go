package s3

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/internal/config"
)

// Not parallel: it changes the environment.
func TestCheckSaysWhenThereAreNoCredentials(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "", "AWS_WEB_IDENTITY_TOKEN_FILE": "",
		"AWS_SHARED_CREDENTIALS_FILE": nowhere, "AWS_CONFIG_FILE": nowhere,
		"AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	b := setup(t, config.S3{Bucket: "bucket", Endpoint: "http://127.0.0.1:1", PathStyle: true})
	_, err := b.check(t.Context(), CheckInput{Target: "backups"})
	require.ErrorContains(t, err, `s3 "backups": bucket bucket: reach it: no credentials were found`)
}
