package simulate

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/orderly-ops/orderly/sops"
)

// plausible is a value of a type as an action answers it when all is well. It is made of the type, the words
// that outputs are named with, and the action's input: what is named alike is the same. path is the field's name
// with those around it.
func plausible(c *call, t *sops.Type, path string) any {
	switch t.Kind {
	case sops.TypeObject:
		out := map[string]any{}
		for _, f := range t.Fields {
			if f.Optional && !wanted(f.Name) {
				continue
			}
			out[f.Name] = field(c, f, join(path, f.Name))
		}
		return out
	case sops.TypeList:
		return []any{}
	case sops.TypeMap:
		return map[string]any{}
	case sops.TypeAny:
		return nil
	}
	return scalar(c, sops.Field{Type: t}, path)
}

func join(path, name string) string { return strings.TrimPrefix(path+"."+name, ".") }

// field is a member of an object.
func field(c *call, f sops.Field, path string) any {
	if same, ok := c.with[f.Name]; ok && path == f.Name && same != nil && f.Type.Check(same) == nil && f.Type.Kind != sops.TypeList {
		return same
	}
	if f.Type.Kind == sops.TypeObject || f.Type.Kind == sops.TypeList || f.Type.Kind == sops.TypeMap || f.Type.Kind == sops.TypeAny {
		return plausible(c, f.Type, path)
	}
	return scalar(c, f, path)
}

func scalar(c *call, f sops.Field, path string) any {
	name := path[strings.LastIndex(path, ".")+1:]
	switch f.Type.Kind {
	case sops.TypeBool:
		return name == "dry_run" && c.dry || slices.Contains(good, name) || !c.dry && slices.Contains(did, name)
	case sops.TypeInt:
		return whole(c, name)
	case sops.TypeNumber:
		return number(name)
	case sops.TypeDuration:
		return "1s"
	case sops.TypeTime:
		return c.at.UTC().Format(time.RFC3339)
	default:
		return text(c, f, name)
	}
}

// wanted are the fields that an answer may leave out and a good one has.
func wanted(name string) bool { return slices.Contains([]string{"write", "at", "verified_at"}, name) }

// good are the bools that are true when all is well; others are false.
var good = []string{
	"ok", "healthy", "reachable", "valid", "verified", "intact", "complete", "met", "rto_met", "rpo_met", "link_up",
	"last_save_ok", "aof_ok", "streaming", "sees_all", "estimated", "available",
}

// did are the bools that are true when an action has done what it is for. A dry run has not.
var did = []string{
	"restarted", "started", "sent", "posted", "stored", "swapped", "replaced", "dropped", "changed", "unpaused", "paused",
	"updated", "deleted", "kept",
}

// whole is a whole number. Most of them count something that is wrong or to be cleaned up: zero.
func whole(c *call, name string) int {
	switch name {
	case "status", "code":
		return 200
	case "samples", "succeeded":
		return intOf(c.with["samples"], 1)
	case "cores":
		return 4
	case "max", "max_connections":
		return 100
	case "days_left":
		return 90
	case "bytes", "size", "rows":
		return 1 << 20
	case "used", "tables":
		return 12
	case "uptime", "age":
		return 3600
	case "kept":
		if figures, ok := c.with["figures"].([]any); ok {
			return len(figures)
		}
	}
	return 0
}

func intOf(v any, otherwise int) int {
	if n, ok := v.(float64); ok && n > 0 {
		return int(n)
	}
	return otherwise
}

// number is a figure: shares that are good when they are high are, others are low.
func number(name string) float64 {
	switch {
	case strings.Contains(name, "hit"):
		return 99
	case strings.HasSuffix(name, "percent"):
		return 20
	case strings.HasSuffix(name, "per_core"), name == "one", name == "five", name == "fifteen":
		return 0.2
	case strings.HasPrefix(name, "change") || name == "slope" || name == "lag_seconds" || strings.HasPrefix(name, "wraparound"):
		return 0
	}
	return 10
}

// best are the enum values that say that all is well.
var best = []string{"running", "healthy", "succeeded", "current", "done", "steady", "primary", "enabled", "none", "ok", "custom"}

func text(c *call, f sops.Field, name string) string {
	for _, b := range best {
		if slices.Contains(f.Enum, b) {
			return b
		}
	}
	if len(f.Enum) > 0 {
		return f.Enum[0]
	}
	switch name {
	case "reason", "problem", "why", "error", "stderr", "locked", "after", "next", "wait_event", "retention", "version", "worst", "rule":
		return ""
	case "amcheck":
		return "ok"
	case "key", "manifest", "newest", "restored_as", "previous", "memory":
		return "simulated/" + c.stepName()
	case "sha256", "manifest_sha256":
		return digest(c)
	case "url":
		return "https://simulated.invalid/" + c.stepName()
	case "state":
		return "running"
	case "hostname", "target", "database", "container", "bucket", "id", "name", "image", "ref", "summary", "text":
		return "simulated " + strings.ReplaceAll(name, "_", " ")
	}
	return ""
}

func (c *call) stepName() string {
	step, _, _ := strings.Cut(c.step, "#")
	return step
}

// digest is 64 hex digits that are the same for the same step.
func digest(c *call) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(c.run.ID + c.stepName())) // it can't fail
	return strings.Repeat(fmt.Sprintf("%016x", h.Sum64()), 4)
}

// merge lays what a scenario gives over an answer. What it gives in part is completed.
func merge(c *call, t *sops.Type, answer, given map[string]any) map[string]any {
	out := map[string]any{}
	for name, v := range answer {
		out[name] = v
	}
	for name, v := range given {
		f, ok := t.Field(name)
		if !ok {
			out[name] = v
			continue
		}
		out[name] = complete(c, f.Type, out[name], v, name)
	}
	return out
}

// complete is a given value with what its type wants besides.
func complete(c *call, t *sops.Type, base, given any, path string) any {
	switch v := given.(type) {
	case map[string]any:
		if t.Kind != sops.TypeObject {
			return v
		}
		under, ok := base.(map[string]any)
		if !ok {
			under, _ = plausible(c, t, path).(map[string]any)
		}
		return merge(c, t, under, v)
	case []any:
		if t.Kind != sops.TypeList {
			return v
		}
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = complete(c, t.Elem, nil, item, path)
		}
		return out
	}
	return given
}

// clone is a copy of a JSON-shaped value.
func clone(v map[string]any) map[string]any {
	data, err := json.Marshal(v)
	if err != nil {
		return v
	}
	var out map[string]any
	if json.Unmarshal(data, &out) != nil {
		return v
	}
	return out
}
