package activities_test

import (
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orderly-ops/orderly/activities"
	"github.com/orderly-ops/orderly/activities/action"
	"github.com/orderly-ops/orderly/internal/config"
	"github.com/orderly-ops/orderly/sops"
)

// namePattern is `system.verb`.
var namePattern = regexp.MustCompile(`^[a-z][a-z0-9]*\.[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

func TestCatalogue(t *testing.T) {
	t.Parallel()
	defs := activities.Definitions(activities.Deps{})
	require.NotEmpty(t, defs)

	t.Run("IsSortedByName", func(t *testing.T) {
		t.Parallel()
		require.True(t, slices.IsSorted(names(defs)))
		require.Equal(t, names(defs), activities.Catalogue().Names())
	})

	t.Run("IsTheSameWhateverIsConfigured", func(t *testing.T) {
		t.Parallel()
		configured := activities.Definitions(activities.Deps{Config: &config.Config{
			Targets: config.Targets{HTTP: map[string]config.Endpoint{"api": {}}, Redis: map[string]config.Redis{"cache": {}}},
		}})
		require.Equal(t, names(defs), names(configured))
	})

	t.Run("IsMadeOnce", func(t *testing.T) {
		t.Parallel()
		require.Same(t, activities.Catalogue(), activities.Catalogue())
	})

	for _, def := range defs {
		t.Run(def.Name, func(t *testing.T) {
			t.Parallel()
			checkNames(t, def)
			checkManners(t, def)
			checkFields(t, def.Name+" input", def.Input)
			checkFields(t, def.Name+" output", def.Output)
			checkRoundTrip(t, def)
		})
	}
}

func names(defs []action.Definition) []string {
	out := make([]string, len(defs))
	for i, d := range defs {
		out[i] = d.Name
	}
	return out
}

// checkNames: an action is called system.verb, and its types live in the package of that system.
func checkNames(t *testing.T, def action.Definition) {
	t.Helper()
	require.Regexp(t, namePattern, def.Name)
	system, _, _ := strings.Cut(def.Name, ".")
	in, out := signature(t, def)
	require.Equal(t, system, lastPart(in.PkgPath()), "the input's package")
	require.Equal(t, system, lastPart(out.PkgPath()), "the output's package")
}

// checkManners: documented, bounded, and able to be rehearsed when it changes something.
func checkManners(t *testing.T, def action.Definition) {
	t.Helper()
	require.True(t, strings.HasSuffix(def.Doc, "."), "the doc is made of sentences")
	require.NotNil(t, def.Invoke)
	require.Positive(t, def.Timeout)
	require.LessOrEqual(t, def.Timeout, 12*time.Hour, "large databases take hours; nothing takes a day")
	require.Positive(t, def.Retry.Attempts)
	require.LessOrEqual(t, def.Retry.Attempts, 10)
	require.GreaterOrEqual(t, def.Retry.Backoff, 1.0)
	if def.Timeout > 3*time.Minute {
		require.Positive(t, def.Heartbeat, "a long action must be missed when its worker dies")
	}
	dry, ok := def.Input.Field("dry_run")
	// A backup takes nothing away, so a drill makes one; but it is long and large, and may be looked at first.
	require.Equal(t, def.Destructive || def.Name == "postgres.backup", ok, "dry_run is for destructive actions, all of them")
	if ok {
		require.Equal(t, sops.TypeBool, dry.Type.Kind)
		require.True(t, dry.Optional)
	}
}

// checkFields: every field is documented and named as in YAML, at any depth.
func checkFields(t *testing.T, where string, typ *sops.Type) {
	t.Helper()
	switch typ.Kind {
	case sops.TypeList, sops.TypeMap:
		checkFields(t, where+"[]", typ.Elem)
	case sops.TypeObject:
		for _, f := range typ.Fields {
			at := where + "." + f.Name
			require.Regexp(t, `^[a-z][a-z0-9]*(_[a-z0-9]+)*$`, f.Name, at)
			require.NotEmpty(t, f.Doc, "%s has no doc tag", at)
			checkFields(t, at, f.Type)
		}
	}
}

// checkRoundTrip: what is written as JSON reads back as the same value, and fits its declared type.
func checkRoundTrip(t *testing.T, def action.Definition) {
	t.Helper()
	in, out := signature(t, def)
	for typ, declared := range map[reflect.Type]*sops.Type{in: def.Input, out: def.Output} {
		value := reflect.New(typ)
		fill(value.Elem(), 0)
		raw, err := json.Marshal(value.Interface())
		require.NoError(t, err)
		again := reflect.New(typ)
		require.NoError(t, json.Unmarshal(raw, again.Interface()))
		require.Equal(t, value.Interface(), again.Interface(), "%s", typ)
		checkKeys(t, declared, raw)
	}
}

// checkKeys: JSON has exactly the keys that the type declares.
func checkKeys(t *testing.T, declared *sops.Type, raw json.RawMessage) {
	t.Helper()
	var shape map[string]any
	require.NoError(t, json.Unmarshal(raw, &shape))
	for key := range shape {
		_, ok := declared.Field(key)
		require.True(t, ok, "%s is written but not declared", key)
	}
	require.Len(t, shape, len(declared.Fields))
}

func signature(t *testing.T, def action.Definition) (in, out reflect.Type) {
	t.Helper()
	fn := reflect.TypeOf(def.Activity)
	require.Equal(t, reflect.Func, fn.Kind())
	return fn.In(1), fn.Out(0)
}

func lastPart(path string) string { return path[strings.LastIndex(path, "/")+1:] }

// fill puts something other than zero into everything.
func fill(v reflect.Value, depth int) {
	if depth > 8 {
		return
	}
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Date(2026, 11, 21, 2, 14, 0, 0, time.UTC)))
		return
	case v.Type() == reflect.TypeFor[sops.Duration]():
		v.SetInt(int64(90 * time.Second))
		return
	case v.Type() == reflect.TypeFor[json.RawMessage]():
		v.SetBytes([]byte(`{"a":1}`))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), depth+1)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), depth+1)
	case reflect.Map:
		item := reflect.New(v.Type().Elem()).Elem()
		fill(item, depth+1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("key").Convert(v.Type().Key()), item)
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(7)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(1.5)
	case reflect.Interface:
		v.Set(reflect.ValueOf("anything"))
	}
}
