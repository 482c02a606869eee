package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/sops"
)

const (
	defaultSave = 5 * time.Minute
	maxSave     = 25 * time.Minute
)

// SaveInput is the input of redis.save.
type SaveInput struct {
	Target     string        `json:"target" target:"redis" doc:"The server."`
	RewriteAOF bool          `json:"rewrite_aof,omitempty" doc:"Afterwards also write the append-only file anew, where it is on."`
	Timeout    sops.Duration `json:"timeout,omitempty" doc:"How long each may take, at most 25m." default:"5m"`
}

// Save is the output of redis.save.
type Save struct {
	Target       string        `json:"target" doc:"The server."`
	SavedAt      time.Time     `json:"saved_at" doc:"When the snapshot was complete on disk, by the server's clock, to the second."`
	Before       time.Time     `json:"last_save_before" doc:"The snapshot before; the start of the server if there was none."`
	Duration     sops.Duration `json:"duration" doc:"How long it took, waiting included."`
	Joined       bool          `json:"joined" doc:"Another save was under way and was waited for first: it would not have held the newest changes."`
	AOFRewritten bool          `json:"aof_rewritten" doc:"The append-only file was written anew; false where that is off."`
	AOFDuration  sops.Duration `json:"aof_duration" doc:"How long that took."`
}

// save is the action redis.save. It answers when the snapshot is on disk, not when it was asked for.
func (s *servers) save(ctx context.Context, in SaveInput) (Save, error) {
	patience := cmp.Or(in.Timeout.D(), defaultSave)
	if patience < 0 || patience > maxSave {
		return Save{}, action.Permanent(action.ErrInput, "redis.save: timeout is %s, want at most %s", in.Timeout, maxSave)
	}
	client, err := s.Get(in.Target)
	if err != nil {
		return Save{}, err
	}
	defer action.KeepAlive(ctx)()
	v := &saver{client: client, target: in.Target, patience: patience, out: Save{Target: in.Target}}
	if err := v.snapshot(ctx); err != nil {
		return Save{}, err
	}
	if in.RewriteAOF {
		if err := v.rewrite(ctx); err != nil {
			return Save{}, err
		}
	}
	return v.out, nil
}

// saver makes one snapshot.
type saver struct {
	client   *redis.Client
	target   string
	patience time.Duration
	out      Save
}

// errLate says that something did not end in time.
var errLate = errors.New("not within the time given")

// snapshot has the server write one and waits until LASTSAVE moved.
func (v *saver) snapshot(ctx context.Context) error {
	start := time.Now()
	before, err := v.quiet(ctx)
	if err != nil {
		return err
	}
	for {
		// SCHEDULE: where an append-only file is being rewritten, it begins right after that.
		err = v.client.Do(ctx, "BGSAVE", "SCHEDULE").Err()
		if !isBusy(err) {
			break
		}
		v.out.Joined = true // begun between our look and our command
		if before, err = v.quiet(ctx); err != nil {
			return err
		}
	}
	if err != nil {
		return failure(v.target, "BGSAVE", err)
	}
	var begun bool
	err = v.until(ctx, "wait for the snapshot", func(f fields) (bool, error) {
		writing := f.int("rdb_bgsave_in_progress") == 1
		begun = begun || writing
		switch saved := f.int("rdb_last_save_time"); {
		case writing:
			return false, nil
		case saved > before:
			v.out.SavedAt = time.Unix(saved, 0).UTC()
			return true, nil
		case (begun || f.int("aof_rewrite_in_progress") == 0) && f["rdb_last_bgsave_status"] == "err":
			return false, fmt.Errorf("redis %q: the server could not write its snapshot: see its log, and whether its disk is full", v.target)
		}
		return false, nil
	})
	v.out.Before, v.out.Duration = time.Unix(before, 0).UTC(), sops.Duration(time.Since(start).Round(time.Millisecond))
	return err
}

// quiet waits until no save is under way, and until the server's clock has left the second of the last
// one: LASTSAVE counts in seconds, and has to be seen to move. It gives the last save.
func (v *saver) quiet(ctx context.Context) (last int64, err error) {
	err = v.until(ctx, "wait for another save", func(f fields) (bool, error) {
		if f.int("rdb_bgsave_in_progress") == 1 {
			v.out.Joined = true
			return false, nil
		}
		now, err := v.client.Time(ctx).Result()
		if err != nil {
			return false, failure(v.target, "time", err)
		}
		last = f.int("rdb_last_save_time")
		return now.Unix() != last, nil
	})
	return last, err
}

// rewrite has the append-only file written anew.
func (v *saver) rewrite(ctx context.Context) error {
	text, err := v.client.Info(ctx, "persistence").Result()
	if err != nil {
		return failure(v.target, "info", err)
	}
	if readFields(text)["aof_enabled"] != "1" {
		return nil
	}
	start := time.Now()
	if err := v.client.BgRewriteAOF(ctx).Err(); err != nil && !isBusy(err) {
		return failure(v.target, "BGREWRITEAOF", err)
	}
	err = v.until(ctx, "wait for the append-only file", func(f fields) (bool, error) {
		if f.int("aof_rewrite_in_progress") == 1 || f.int("aof_rewrite_scheduled") == 1 {
			return false, nil
		}
		if f["aof_last_bgrewrite_status"] == "err" {
			return false, fmt.Errorf("redis %q: the server could not rewrite its append-only file: see its log, and whether its disk is full", v.target)
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	v.out.AOFRewritten, v.out.AOFDuration = true, sops.Duration(time.Since(start).Round(time.Millisecond))
	return nil
}

// until asks the server until done says so, at most for v.patience.
func (v *saver) until(ctx context.Context, doing string, done func(fields) (bool, error)) error {
	for end := time.Now().Add(v.patience); ; {
		text, err := v.client.Info(ctx, "persistence").Result()
		if err != nil {
			return failure(v.target, doing, err)
		}
		if ok, err := done(readFields(text)); ok || err != nil {
			return err
		}
		if time.Now().After(end) {
			return failure(v.target, doing, fmt.Errorf("%w, %s; the server may still be writing", errLate, v.patience))
		}
		if err := pause(ctx, lookEvery); err != nil {
			return failure(v.target, doing, err)
		}
	}
}
