// Package redis looks at Redis servers (and those that speak its protocol), flushes them and has them save
// their data, through go-redis.
package redis

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/config"
)

const networkTimeout = 5 * time.Second // to connect, and for each answer

// Actions declares the actions of this package for the Redis targets of orderly.yaml.
func Actions(targets map[string]config.Redis) []action.Definition {
	s := newServers(targets)
	closed := action.ClosedBy(s.Close)
	return []action.Definition{
		action.Define("redis.info",
			"How a Redis server stands: answer time, memory, clients, hit rate, persistence and replication, from one PING and one INFO.",
			s.info, action.Timeout(30*time.Second), closed),
		action.Define("redis.flush",
			"Deletes the keys of a database, or those like a pattern, and measures the memory that comes back. What a cache holds can be made again; anything else is lost for good, so the target's name has to be given twice.",
			s.flush, action.Destructive(), action.Timeout(30*time.Minute), action.Heartbeat(30*time.Second), closed),
		action.Define("redis.save",
			"Has a server write a snapshot and waits until it is on disk; on request its append-only file is written anew as well.",
			s.save, action.Timeout(55*time.Minute), action.Heartbeat(30*time.Second), closed),
	}
}

// servers asks through one client a target.
type servers struct {
	*action.Clients[config.Redis, *redis.Client]
}

func newServers(targets map[string]config.Redis) *servers {
	return &servers{action.NewClients("redis", targets, connect, (*redis.Client).Close)}
}

// connect prepares a client; nothing is sent yet. Its errors never show the URL: it may hold a password.
func connect(_ string, c config.Redis) (*redis.Client, error) {
	opts, err := redis.ParseURL(c.URL.Reveal())
	if err != nil {
		return nil, errors.New("the url is not like redis://user:password@host:6379/0 or rediss://…")
	}
	opts.DialTimeout, opts.ReadTimeout, opts.WriteTimeout = networkTimeout, networkTimeout, networkTimeout
	opts.PoolTimeout = networkTimeout
	opts.ContextTimeoutEnabled = true
	opts.MaxRetries, opts.DialerRetries = 1, 1 // Temporal retries; here only a stale connection is replaced
	opts.PoolSize, opts.ConnMaxIdleTime = 2, 10*time.Minute
	opts.DisableIdentity = true
	opts.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return redis.NewClient(opts), nil
}

// InfoInput is the input of redis.info.
type InfoInput struct {
	Target string `json:"target" target:"redis" doc:"The server."`
}

// Info is the output of redis.info.
type Info struct {
	Target       string      `json:"target" doc:"The server."`
	Ping         float64     `json:"ping" doc:"Milliseconds a PING took on an open connection."`
	Version      string      `json:"version" doc:"Server version."`
	Mode         string      `json:"mode" doc:"standalone, sentinel or cluster."`
	Role         string      `json:"role" doc:"master or slave, in Redis's own words."`
	Uptime       int64       `json:"uptime" doc:"Seconds since it started."`
	Memory       Memory      `json:"memory" doc:"Memory use."`
	Clients      Clients     `json:"clients" doc:"Connections."`
	OpsPerSecond int64       `json:"ops_per_second" doc:"Commands processed in a second, now."`
	Hits         int64       `json:"hits" doc:"Keys found since the start."`
	Misses       int64       `json:"misses" doc:"Keys not found since the start."`
	HitRate      float64     `json:"hit_rate" doc:"Share of look-ups that found their key since the start, 0 to 100; 100 when there was none."`
	Evicted      int64       `json:"evicted" doc:"Keys thrown out for lack of memory since the start."`
	Expired      int64       `json:"expired" doc:"Keys that expired since the start."`
	Keys         int64       `json:"keys" doc:"Keys in all databases."`
	Persistence  Persistence `json:"persistence" doc:"What is on disk."`
	Replication  Replication `json:"replication" doc:"Copies of the data."`
}

// Memory is memory use.
type Memory struct {
	Used          int64   `json:"used" doc:"Bytes allocated by the server."`
	Resident      int64   `json:"resident" doc:"Bytes the operating system gave it."`
	Max           int64   `json:"max" doc:"Bytes it may use; 0 means no limit is set."`
	Percent       float64 `json:"percent" doc:"Used share of max, or of the machine's memory when there is no max, 0 to 100; 0 when neither is known."`
	Policy        string  `json:"policy" doc:"What happens at max: noeviction, allkeys-lru, …"`
	Fragmentation float64 `json:"fragmentation" doc:"Resident over used. Above 1.5 memory is wasted, below 1 the server swaps; means little under some 100 MB."`
}

// Clients is connections.
type Clients struct {
	Connected int64 `json:"connected" doc:"Connections of clients."`
	Blocked   int64 `json:"blocked" doc:"Those waiting in a blocking command."`
	Max       int64 `json:"max" doc:"Connections allowed; 0 when the server does not tell."`
	Rejected  int64 `json:"rejected" doc:"Connections refused because of max, since the start."`
}

// Persistence is what is on disk.
type Persistence struct {
	Loading     bool      `json:"loading" doc:"The server is still loading its data."`
	LastSave    time.Time `json:"last_save" doc:"When a snapshot was last written; the start of the server if never."`
	LastSaveAge int64     `json:"last_save_age" doc:"Seconds since then."`
	LastSaveOK  bool      `json:"last_save_ok" doc:"The last attempt to write a snapshot ended well."`
	Unsaved     int64     `json:"unsaved" doc:"Changes since the last snapshot."`
	AOF         bool      `json:"aof" doc:"The append-only file is on."`
	AOFOK       bool      `json:"aof_ok" doc:"Its last write and rewrite ended well; true when it is off."`
}

// Replication is copies of the data.
type Replication struct {
	LinkUp   bool      `json:"link_up" doc:"A replica's link to its master is up; true for a master."`
	Lag      int64     `json:"lag" doc:"Seconds since a replica last heard of its master; 0 for a master."`
	Replicas int64     `json:"replicas" doc:"Replicas connected to this server."`
	Behind   []Replica `json:"behind" doc:"Each of those replicas."`
}

// Replica is one connected replica.
type Replica struct {
	Address string `json:"address" doc:"Host and port."`
	State   string `json:"state" doc:"online when it is up to date or nearly."`
	Lag     int64  `json:"lag" doc:"Seconds since it last confirmed."`
	Bytes   int64  `json:"bytes" doc:"Bytes of the replication stream it has not confirmed."`
}

// info is the action redis.info.
func (s *servers) info(ctx context.Context, in InfoInput) (Info, error) {
	client, err := s.Get(in.Target)
	if err != nil {
		return Info{}, err
	}
	if err := client.Ping(ctx).Err(); err != nil { // connects, where need be
		return Info{}, failure(in.Target, "connect", err)
	}
	start := time.Now()
	if err := client.Ping(ctx).Err(); err != nil {
		return Info{}, failure(in.Target, "ping", err)
	}
	ping := time.Since(start)
	text, err := client.Info(ctx).Result()
	if err != nil {
		return Info{}, failure(in.Target, "info", err)
	}
	out := parse(text, time.Now())
	out.Target, out.Ping = in.Target, math.Round(float64(ping)/float64(time.Microsecond))/1000
	return out, nil
}

// failure words an error and says whether trying again can help.
func failure(target, doing string, err error) error {
	if redis.IsAuthError(err) || redis.IsPermissionError(err) {
		return action.Permanent(action.ErrDenied, "redis %q: %s: %v", target, doing, err)
	}
	return fmt.Errorf("redis %q: %s: %w", target, doing, err)
}
