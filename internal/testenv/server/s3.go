package server

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// startS3 serves buckets from a folder through versitygw, chosen because it checks checksums and enforces
// object locks; friendlier fakes accept both wrong.
func startS3(ctx context.Context, dir string) (*server, error) {
	path, err := program("versitygw", tools()...)
	if err != nil {
		return nil, err
	}
	// Versions must not be kept below the buckets' folder.
	buckets, versions := filepath.Join(dir, "buckets"), filepath.Join(dir, "versions")
	for _, folder := range []string{buckets, versions} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, err
		}
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	access, secret := "orderly", password()
	cmd := exec.CommandContext(context.WithoutCancel(ctx), path, "--port", "127.0.0.1:"+port,
		"--health", "/health", "--quiet", "posix", "--versioning-dir", versions, buckets)
	// By environment, not by argument: arguments show in the process list.
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+access, "ROOT_SECRET_KEY="+secret)
	proc, err := launch(dir, cmd, syscall.SIGTERM)
	if err != nil {
		return nil, err
	}
	endpoint := "http://127.0.0.1:" + port
	if err := proc.ready(ctx, func(ctx context.Context) error { return healthy(ctx, endpoint+"/health") }); err != nil {
		return nil, err
	}
	return &server{stop: proc.stop, env: map[string]string{
		leaders["s3"]:                endpoint,
		"ORDERLY_TEST_S3_DIR":        buckets,
		"ORDERLY_TEST_S3_REGION":     "us-east-1",
		"ORDERLY_TEST_S3_ACCESS_KEY": access,
		"ORDERLY_TEST_S3_SECRET_KEY": secret,
	}}, nil
}

func healthy(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, resp.Status)
	}
	return nil
}

// tools is where .ci/tool puts programs: .cache/bin of the module that the working directory is in.
func tools() []string {
	dir, err := os.Getwd()
	if err != nil {
		return nil
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return []string{filepath.Join(dir, ".cache", "bin")}
		}
		up := filepath.Dir(dir)
		if up == dir {
			return nil
		}
		dir = up
	}
}
