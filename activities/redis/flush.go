package redis

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/orderly-ops/orderly/activities/action"
)

const (
	scanStep = 1000
	// freedWithin is how long the server may take to free the memory of what it has unlinked, in the
	// background, before its size is measured.
	freedWithin = 30 * time.Second
	lookEvery   = 100 * time.Millisecond
)

// FlushInput is the input of redis.flush.
type FlushInput struct {
	Target  string `json:"target" target:"redis" doc:"The server."`
	Confirm string `json:"confirm,omitempty" doc:"The target's name once more: keys are not flushed by mistake. Without it only a dry run is made."`
	Pattern string `json:"pattern,omitempty" doc:"Only keys like this, as in session:*, found step by step while the server serves others." default:"all keys"`
	All     bool   `json:"all,omitempty" doc:"Every database of the server." default:"false: only the database that the target's url names"`
	DryRun  bool   `json:"dry_run,omitempty" doc:"Count, and delete nothing."`
}

// Flush is the output of redis.flush.
type Flush struct {
	Target      string `json:"target" doc:"The server."`
	DryRun      bool   `json:"dry_run" doc:"Nothing was deleted."`
	Scope       string `json:"scope" doc:"What was looked at: db 0, keys session:* of db 0, or all databases."`
	KeysBefore  int64  `json:"keys_before" doc:"Keys there were, in that database or in all."`
	Matched     int64  `json:"matched" doc:"Keys that were to go."`
	Deleted     int64  `json:"deleted" doc:"Keys that were deleted. Others may have expired meanwhile."`
	KeysAfter   int64  `json:"keys_after" doc:"Keys there are now: what clients have written since is among them."`
	BytesBefore int64  `json:"bytes_before" doc:"Bytes the server had allocated."`
	BytesAfter  int64  `json:"bytes_after" doc:"Bytes it has now."`
	Recovered   int64  `json:"recovered" doc:"Bytes recovered; 0 when it grew meanwhile."`
}

// flush is the action redis.flush. The server frees memory in the background, so that nobody waits.
func (s *servers) flush(ctx context.Context, in FlushInput) (Flush, error) {
	switch {
	case !in.DryRun && in.Confirm != in.Target:
		return Flush{}, action.Permanent(action.ErrDenied, "redis.flush: confirm has to be %q, the target's name: put an approve step before it, or make a dry_run", in.Target)
	case in.All && in.Pattern != "":
		return Flush{}, action.Permanent(action.ErrInput, "redis.flush: a pattern is looked for in one database: leave out all")
	}
	client, err := s.Get(in.Target)
	if err != nil {
		return Flush{}, err
	}
	f := &flusher{client: client, in: in}
	defer action.Report(ctx, f.progress)()
	if err := f.before(ctx); err != nil {
		return Flush{}, err
	}
	if err := f.delete(ctx); err != nil {
		return Flush{}, err
	}
	if err := f.after(ctx); err != nil {
		return Flush{}, err
	}
	return f.out, nil
}

// flusher flushes once.
type flusher struct {
	client *redis.Client
	in     FlushInput
	mu     sync.Mutex // guards out, which heartbeats read
	out    Flush
}

func (f *flusher) progress() []any {
	f.mu.Lock()
	defer f.mu.Unlock()
	return []any{f.out}
}

func (f *flusher) change(by func(*Flush)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	by(&f.out)
}

// before looks whether this server can be flushed, and at what it holds.
func (f *flusher) before(ctx context.Context) error {
	all, err := f.info(ctx)
	if err != nil {
		return err
	}
	if all["redis_mode"] == "cluster" {
		return action.Permanent(action.ErrInput, "redis %q: is one node of a cluster, which holds a part of the keys: flush each primary as a target of its own, through redis-cli --cluster call", f.in.Target)
	}
	if all["role"] == "slave" {
		return action.Permanent(action.ErrInput, "redis %q: is a replica: name its master", f.in.Target)
	}
	keys, err := f.keys(ctx, all)
	if err != nil {
		return err
	}
	f.change(func(o *Flush) {
		*o = Flush{Target: f.in.Target, DryRun: f.in.DryRun, Scope: f.scope(), KeysBefore: keys, BytesBefore: all.int("used_memory")}
	})
	return nil
}

func (f *flusher) scope() string {
	db := fmt.Sprintf("db %d", f.client.Options().DB)
	switch {
	case f.in.All:
		return "all databases"
	case f.in.Pattern != "":
		return "keys " + f.in.Pattern + " of " + db
	default:
		return db
	}
}

func (f *flusher) info(ctx context.Context) (fields, error) {
	text, err := f.client.Info(ctx).Result()
	if err != nil {
		return nil, failure(f.in.Target, "info", err)
	}
	return readFields(text), nil
}

func (f *flusher) keys(ctx context.Context, all fields) (int64, error) {
	if f.in.All {
		return countKeys(all), nil
	}
	n, err := f.client.DBSize(ctx).Result()
	if err != nil {
		return 0, failure(f.in.Target, "count keys", err)
	}
	return n, nil
}

func (f *flusher) delete(ctx context.Context) error {
	if f.in.Pattern != "" {
		return f.deleteMatching(ctx)
	}
	f.change(func(o *Flush) { o.Matched = o.KeysBefore })
	if f.in.DryRun {
		return nil
	}
	flush := f.client.FlushDBAsync
	if f.in.All {
		flush = f.client.FlushAllAsync
	}
	if err := flush(ctx).Err(); err != nil {
		return failure(f.in.Target, "flush "+f.scope(), err)
	}
	f.change(func(o *Flush) { o.Deleted = o.Matched })
	return nil
}

// deleteMatching goes through all keys in small steps. A key that is there all the time is found; the same
// one may be found twice, so a dry run may count a little more.
func (f *flusher) deleteMatching(ctx context.Context) error {
	var cursor uint64
	for {
		keys, next, err := f.client.Scan(ctx, cursor, f.in.Pattern, scanStep).Result()
		if err != nil {
			return failure(f.in.Target, "look for keys", err)
		}
		var deleted int64
		if !f.in.DryRun && len(keys) > 0 {
			if deleted, err = f.client.Unlink(ctx, keys...).Result(); err != nil {
				return failure(f.in.Target, "delete keys", err)
			}
		}
		f.change(func(o *Flush) {
			o.Deleted += deleted
			if f.in.DryRun {
				o.Matched += int64(len(keys))
			} else {
				o.Matched += deleted
			}
		})
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// after measures what is left, once the server has freed what it unlinked.
func (f *flusher) after(ctx context.Context) error {
	for end := time.Now().Add(freedWithin); ; {
		all, err := f.info(ctx)
		if err != nil {
			return err
		}
		if f.in.DryRun || all.int("lazyfree_pending_objects") == 0 || time.Now().After(end) {
			keys, err := f.keys(ctx, all)
			if err != nil {
				return err
			}
			f.change(func(o *Flush) {
				o.KeysAfter, o.BytesAfter = keys, all.int("used_memory")
				if !o.DryRun {
					o.Recovered = max(0, o.BytesBefore-o.BytesAfter)
				}
			})
			return nil
		}
		if err := pause(ctx, lookEvery); err != nil {
			return failure(f.in.Target, "wait for memory to be freed", err)
		}
	}
}

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// isBusy tells the answer that another save, or another child process, is at work.
func isBusy(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "already in progress") || strings.Contains(err.Error(), "another child process is active"))
}
