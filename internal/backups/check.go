package backups

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// CheckSizes looks whether every file of the backup is there and as long as the manifest says, without
// reading any. ErrCorrupt: one is not.
func (b *Backup) CheckSizes(ctx context.Context) error {
	there := map[string]int64{}
	err := b.store.each(ctx, b.Key+"/", func(o types.Object) {
		there[strings.TrimPrefix(aws.ToString(o.Key), b.Key+"/")] = aws.ToInt64(o.Size)
	})
	if err != nil {
		return err
	}
	for _, f := range b.Files {
		size, ok := there[f.Name]
		if !ok {
			return fmt.Errorf("%w: %s of %s is gone", ErrCorrupt, f.Name, b.Key)
		}
		if size != f.Bytes {
			return fmt.Errorf("%w: %s of %s has %d bytes, want %d", ErrCorrupt, f.Name, b.Key, size, f.Bytes)
		}
	}
	return nil
}

// CheckContents reads every file to its end and compares it with the manifest.
func (b *Backup) CheckContents(ctx context.Context) error {
	for _, f := range b.Files {
		if err := b.checkFile(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

func (b *Backup) checkFile(ctx context.Context, f File) error {
	from, err := b.Open(ctx, f)
	if err != nil {
		return err
	}
	defer from.Close()
	_, err = io.Copy(io.Discard, from)
	return err
}

// Note notes beside the manifest that the backup has been restored and compared.
func (b *Backup) Note(ctx context.Context, v Verified) error { return b.store.PutVerified(ctx, v) }
