package redis

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// fields is an INFO answer: name to value. What a server does not tell reads as zero.
type fields map[string]string

func readFields(text string) fields {
	f := fields{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && !strings.HasPrefix(name, "#") {
			f[name] = value
		}
	}
	return f
}

func (f fields) int(name string) int64 {
	n, _ := strconv.ParseInt(f[name], 10, 64)
	return n
}

func (f fields) float(name string) float64 {
	n, err := strconv.ParseFloat(f[name], 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) { // neither is JSON
		return 0
	}
	return n
}

// parse reads the answer to INFO.
func parse(text string, now time.Time) Info {
	f := readFields(text)
	hits, misses := f.int("keyspace_hits"), f.int("keyspace_misses")
	return Info{
		Version: f["redis_version"], Mode: f["redis_mode"], Role: f["role"], Uptime: f.int("uptime_in_seconds"),
		Memory: parseMemory(f),
		Clients: Clients{
			Connected: f.int("connected_clients"), Blocked: f.int("blocked_clients"),
			Max: f.int("maxclients"), Rejected: f.int("rejected_connections"),
		},
		OpsPerSecond: f.int("instantaneous_ops_per_sec"),
		Hits:         hits, Misses: misses, HitRate: hitRate(hits, misses),
		Evicted: f.int("evicted_keys"), Expired: f.int("expired_keys"), Keys: countKeys(f),
		Persistence: parsePersistence(f, now),
		Replication: parseReplication(f),
	}
}

func parseMemory(f fields) Memory {
	m := Memory{
		Used: f.int("used_memory"), Resident: f.int("used_memory_rss"), Max: f.int("maxmemory"),
		Policy: f["maxmemory_policy"], Fragmentation: f.float("mem_fragmentation_ratio"),
	}
	limit := m.Max
	if limit == 0 {
		limit = f.int("total_system_memory")
	}
	m.Percent = percent(m.Used, limit)
	return m
}

func hitRate(hits, misses int64) float64 {
	if hits+misses == 0 {
		return 100
	}
	return percent(hits, hits+misses)
}

func percent(part, whole int64) float64 {
	if whole <= 0 {
		return 0
	}
	return math.Round(10000*float64(part)/float64(whole)) / 100
}

// countKeys adds up the keyspace lines: db0:keys=12,expires=3,avg_ttl=0.
func countKeys(f fields) int64 {
	var sum int64
	for name, value := range f {
		digits, ok := strings.CutPrefix(name, "db")
		if _, err := strconv.Atoi(digits); !ok || err != nil {
			continue
		}
		sum += pairs(value).int("keys")
	}
	return sum
}

// pairs reads a=1,b=2.
func pairs(value string) fields {
	f := fields{}
	for pair := range strings.SplitSeq(value, ",") {
		if k, v, ok := strings.Cut(pair, "="); ok {
			f[k] = v
		}
	}
	return f
}

func parsePersistence(f fields, now time.Time) Persistence {
	saved := time.Unix(f.int("rdb_last_save_time"), 0).UTC()
	ok := func(name string) bool { return f[name] == "" || f[name] == "ok" }
	return Persistence{
		Loading:  f["loading"] == "1",
		LastSave: saved, LastSaveAge: max(0, int64(now.Sub(saved).Seconds())), LastSaveOK: ok("rdb_last_bgsave_status"),
		Unsaved: f.int("rdb_changes_since_last_save"),
		AOF:     f["aof_enabled"] == "1", AOFOK: ok("aof_last_write_status") && ok("aof_last_bgrewrite_status"),
	}
}

func parseReplication(f fields) Replication {
	r := Replication{LinkUp: true, Replicas: f.int("connected_slaves"), Behind: []Replica{}}
	if f["role"] == "slave" {
		r.LinkUp = f["master_link_status"] == "up"
		r.Lag = max(f.int("master_last_io_seconds_ago"), f.int("master_link_down_since_seconds"))
	}
	offset := f.int("master_repl_offset")
	const most = 64 // of a server that claims any number
	for i := range min(r.Replicas, most) {
		line, told := f[fmt.Sprintf("slave%d", i)]
		if !told {
			continue
		}
		p := pairs(line)
		r.Behind = append(r.Behind, Replica{
			Address: p["ip"] + ":" + p["port"], State: p["state"], Lag: p.int("lag"), Bytes: max(0, offset-p.int("offset")),
		})
	}
	return r
}
