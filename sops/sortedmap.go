package sops

import (
	"cmp"
	"reflect"
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// sortedMap is a CEL map that iterates in the order of its keys. CEL's own maps range over a Go map, in
// another order each time, which would let a replayed workflow go another way.
type sortedMap struct {
	traits.Mapper
	keys []ref.Val
}

func newSortedMap(values map[ref.Val]ref.Val) *sortedMap {
	return sortMap(types.NewRefValMap(adapter{}, values))
}

// sortMap gives another map an order.
func sortMap(m traits.Mapper) *sortedMap {
	if sorted, ok := m.(*sortedMap); ok {
		return sorted
	}
	out := &sortedMap{Mapper: m}
	for it := m.Iterator(); it.HasNext() == types.True; {
		out.keys = append(out.keys, it.Next())
	}
	slices.SortFunc(out.keys, compareKeys)
	return out
}

// compareKeys orders keys by kind, then by value.
func compareKeys(a, b ref.Val) int {
	switch x := a.(type) {
	case types.String:
		if y, ok := b.(types.String); ok {
			return cmp.Compare(x, y)
		}
	case types.Int:
		if y, ok := b.(types.Int); ok {
			return cmp.Compare(x, y)
		}
	case types.Uint:
		if y, ok := b.(types.Uint); ok {
			return cmp.Compare(x, y)
		}
	case types.Bool:
		if y, ok := b.(types.Bool); ok && x != y {
			if y {
				return -1
			}
			return 1
		}
	}
	return cmp.Compare(a.Type().TypeName(), b.Type().TypeName())
}

// ConvertToNative implements ref.Val.
func (m *sortedMap) ConvertToNative(want reflect.Type) (any, error) { return nativeOf(m, want) }

// ConvertToType implements ref.Val; without it the embedded map would lose its order.
func (m *sortedMap) ConvertToType(want ref.Type) ref.Val {
	if want == types.MapType {
		return m
	}
	return m.Mapper.ConvertToType(want)
}

// Iterator implements traits.Iterable.
func (m *sortedMap) Iterator() traits.Iterator {
	return types.NewRefValList(adapter{}, m.keys).Iterator()
}

// Fold implements traits.Foldable, which comprehensions with two variables use.
func (m *sortedMap) Fold(f traits.Folder) {
	for _, k := range m.keys {
		if !f.FoldEntry(k, m.Get(k)) {
			return
		}
	}
}
