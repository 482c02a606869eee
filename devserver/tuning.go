package main

import (
	"maps"

	"go.temporal.io/server/common/dynamicconfig"
)

// pragmas are SQLite's settings. Without write-ahead log and normal sync each of a workflow's many small
// transactions waits for the disk twice (7 instead of 37 workflows a second were measured); normal sync
// with a write-ahead log can't damage the file, and a process killed loses nothing. The server's plugin
// hands them to SQLite sorted by name, so busy_timeout (ms) holds before the log is switched.
func pragmas() map[string]string {
	return map[string]string{
		"busy_timeout": "10000",
		"journal_mode": "wal",
		"synchronous":  "normal",
	}
}

// tuned are the server settings for one history shard and one machine. The server's own defaults are
// made for hundreds of shards: each may look for due work only 20 times a second, so with one shard
// every step waits up to 50 ms for each of its dispatches.
func tuned() dynamicconfig.StaticClient {
	return dynamicconfig.StaticClient{
		dynamicconfig.TransferProcessorMaxPollRPS.Key():   5000,
		dynamicconfig.TimerProcessorMaxPollRPS.Key():      5000,
		dynamicconfig.VisibilityProcessorMaxPollRPS.Key(): 100,
		// SQLite has one connection, and whoever waits for it is served at random. With 512 tasks of each kind
		// at once, as is the default, a burst of deadlines fires all its timers before the first pages leave, and
		// what waits longer than the sticky timeout is made twice: a tail. Lists of runs, which cost most, must
		// not take the turns of pages. Fewer timers than 16 hold up whoever has many activities.
		dynamicconfig.TimerProcessorSchedulerWorkerCount.Key():      16,
		dynamicconfig.VisibilityProcessorSchedulerWorkerCount.Key(): 1,
		// One partition a queue: with four, a task and a waiting poller often meet by forwarding only.
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,
	}
}

// common are the settings that hold without tuning too: an operator's tools ask for lists more often
// than the default of 10 a second lets them, and 8,096 open runs stay in memory.
func common() dynamicconfig.StaticClient {
	return dynamicconfig.StaticClient{
		dynamicconfig.FrontendMaxNamespaceVisibilityRPSPerInstance.Key(): 100,
		dynamicconfig.HistoryCacheHostLevelMaxSize.Key():                 8096,
	}
}

// dynamicConfig is what the server is told.
func dynamicConfig(untuned bool) dynamicconfig.StaticClient {
	settings := common()
	if !untuned {
		maps.Copy(settings, tuned())
	}
	return settings
}
