package postgres

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// TestAsAWS is no test: started by a restore line as `aws`, this program does what the AWS CLI would for
// `aws s3 cp --endpoint-url URL [--recursive --only-show-errors] s3://bucket/key -|folder`.
func TestAsAWS(t *testing.T) {
	if os.Getenv("ORDERLY_TEST_AS_AWS") == "" {
		return
	}
	args := os.Args
	for i, arg := range args {
		if arg == "--" {
			args = args[i+1:]
			break
		}
	}
	if err := copyAsAWS(t.Context(), args); err != nil {
		fmt.Fprintln(os.Stderr, "aws:", err)
		os.Exit(1)
	}
	os.Exit(0) // before the testing package prints anything
}

func copyAsAWS(ctx context.Context, args []string) error {
	if len(args) < 6 || strings.Join(args[:3], " ") != "s3 cp --endpoint-url" {
		return fmt.Errorf("unexpected arguments %q", args)
	}
	client := s3.New(s3.Options{
		BaseEndpoint: &args[3], Region: os.Getenv("AWS_REGION"), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), ""),
	})
	from, to := args[len(args)-2], args[len(args)-1]
	bucket, key, _ := strings.Cut(strings.TrimPrefix(from, "s3://"), "/")
	if to == "-" {
		return fetchAsAWS(ctx, client, &s3.GetObjectInput{Bucket: &bucket, Key: &key}, os.Stdout)
	}
	found, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: aws.String(key + "/")})
	if err != nil {
		return err
	}
	for _, o := range found.Contents {
		path := filepath.Join(to, strings.TrimPrefix(*o.Key, key+"/"))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		if err := fetchAsAWS(ctx, client, &s3.GetObjectInput{Bucket: &bucket, Key: o.Key}, f); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

func fetchAsAWS(ctx context.Context, client *s3.Client, what *s3.GetObjectInput, to io.Writer) error {
	got, err := client.GetObject(ctx, what)
	if err != nil {
		return err
	}
	defer got.Body.Close()
	_, err = io.Copy(to, got.Body)
	return err
}
