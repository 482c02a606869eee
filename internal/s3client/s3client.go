// Package s3client connects to S3 and to what speaks its protocol. It is the one place that knows how a
// bucket of orderly.yaml becomes a client.
package s3client

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/orderly-ops/orderly/internal/config"
)

const (
	connectTimeout = 5 * time.Second  // to connect, and for the TLS handshake
	answerTimeout  = 30 * time.Second // until an answer begins; its body may take as long as it needs
	attempts       = 3                // of one request; Temporal retries the whole
	maxBackoff     = 2 * time.Second
	idleTimeout    = 30 * time.Second // until an unused connection is closed
	defaultRegion  = "us-east-1"      // what servers that know no regions expect
)

// New makes a client for a bucket. It reads the AWS SDK's own configuration (environment, ~/.aws) where
// c gives no credentials or region, and does not talk to the bucket yet. The client needs no closing:
// connections nobody uses end by themselves.
func New(ctx context.Context, c config.S3) (*s3.Client, error) {
	options := []func(*awsconfig.LoadOptions) error{
		awsconfig.WithHTTPClient(httpClient()),
		awsconfig.WithRetryer(func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = attempts, maxBackoff })
		}),
	}
	if c.Region != "" {
		options = append(options, awsconfig.WithRegion(c.Region))
	}
	if !c.AccessKey.IsZero() || !c.SecretKey.IsZero() {
		options = append(options, awsconfig.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(c.AccessKey.Reveal(), c.SecretKey.Reveal(), c.SessionToken.Reveal())))
	}
	settings, err := awsconfig.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("read the AWS configuration: %w", err)
	}
	if settings.Region == "" {
		settings.Region = defaultRegion
	}
	return s3.NewFromConfig(settings, func(o *s3.Options) {
		if c.Endpoint != "" {
			o.BaseEndpoint = aws.String(c.Endpoint)
		}
		o.UsePathStyle = c.PathStyle
		o.DisableLogOutputChecksumValidationSkipped = true // it says so at each part of an object that is read
		o.RequestChecksumCalculation, o.ResponseChecksumValidation = checksums(c.Checksums)
	}), nil
}

// checksums says when bodies carry a checksum. Older servers refuse those they don't know, so it can be
// narrowed to when_required.
func checksums(setting string) (aws.RequestChecksumCalculation, aws.ResponseChecksumValidation) {
	if setting == "when_required" {
		return aws.RequestChecksumCalculationWhenRequired, aws.ResponseChecksumValidationWhenRequired
	}
	return aws.RequestChecksumCalculationWhenSupported, aws.ResponseChecksumValidationWhenSupported
}

// httpClient is a client of its own with every wait for the network bounded.
func httpClient() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = connectTimeout }).
		WithTransportOptions(func(t *http.Transport) {
			t.TLSHandshakeTimeout = connectTimeout
			t.ResponseHeaderTimeout = answerTimeout
			t.IdleConnTimeout = idleTimeout
		})
}
