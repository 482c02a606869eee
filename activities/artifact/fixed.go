package artifact

import (
	"context"
	"io"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/artifacts"
)

// KeepAt keeps what write writes as it is under a key of the caller's, in place of what is there: for what
// another run has to find without being told where. Runs' own folders are <procedure>/<key or run>; the key
// must lie elsewhere.
func (k *Keeper) KeepAt(ctx context.Context, key string, write func(io.Writer) error) (Saved, error) {
	s, err := k.store("keep " + key)
	if err != nil {
		return Saved{}, err
	}
	if err := artifacts.CheckKey(key); err != nil {
		return Saved{}, action.Permanent(action.ErrInput, "%v", err)
	}
	kept, err := s.Put(ctx, key, write)
	if err != nil {
		return Saved{}, err
	}
	return Saved{Key: kept.Key, SHA256: kept.SHA256, Bytes: kept.Bytes}, nil
}
