package yamldoc_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/orderly-ops/orderly/internal/yamldoc"
)

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ src, want string }{
		"AnEmptyFile":        {"", "f.yaml: the file is empty"},
		"OnlyComments":       {"# nothing\n", "f.yaml: the file is empty"},
		"ASecondDocument":    {"a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document begins here; a file holds one"},
		"BytesThatAreNoText": {"a: 1\nb: \xff\n", "f.yaml:2:4: byte 0xff is not UTF-8; save the file as UTF-8"},
		"NUL":                {"a: \x00\n", "f.yaml:1:4: a NUL byte: this is not a text file"},
		"ControlCharacters":  {"a: b\n\x07\n", "f.yaml:2:1: control character U+0007; remove it"},
		"TabsAsIndent":       {"a:\n\tb: 1\n", "f.yaml:2:1: a tab indents this line; YAML wants spaces"},
		"DuplicateKeys":      {"a: 1\nb: {c: 1, c: 2}\na: 2\n", "f.yaml:2:11: key \"c\" is given twice, first in line 2\nf.yaml:3:1: key \"a\" is given twice, first in line 1"},
		"Anchors":            {"a: &x 1\nb: *x\n", "f.yaml:1:4: anchor &x: anchors and aliases are not supported; write the value out\nf.yaml:2:4: alias *x: anchors and aliases are not supported; write the value out"},
		"MergeKeys":          {"a: &x {b: 1}\nc:\n  <<: *x\n", "f.yaml:1:4: anchor &x: anchors and aliases are not supported; write the value out\nf.yaml:3:3: merge key <<: not supported; write the values out\nf.yaml:3:7: alias *x: anchors and aliases are not supported; write the value out"},
		"Tags":               {"a: !!str 1\n", "f.yaml:1:4: tag !!str: tags are not supported; use quotes for text"},
		"KeysThatAreNoText":  {"[a]: 1\n", "f.yaml:1:1: a key has to be text, not a list"},
		"Depth":              {strings.Repeat("[", 60) + strings.Repeat("]", 60), "f.yaml:1:41: nested more than 40 deep"},
		"ATowerOfBrackets":   {strings.Repeat("[", 100_000), "f.yaml:1:4001: nested more than 40 deep"},
		"TooManyNodes":       {"[" + strings.Repeat("1,", 30_000) + "]", "f.yaml:1:40000: more than 20000 keys and values; split the file"},
		"BrokenSyntax":       {"a: [1\nb: 2\n", "f.yaml:1:1: not YAML: did not find expected ',' or ']'; between brackets, text with one of ? : , # { } [ ] has to be in quotes"},
		"AHugeFile":          {strings.Repeat("# x\n", 3<<20), "f.yaml: the file is longer than 256 KiB, the most that is read; split it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			node, ps := yamldoc.Parse("f.yaml", []byte(tc.src), yamldoc.Limits{})
			require.Nil(t, node)
			require.Equal(t, tc.want, ps.Error())
		})
	}
}

type house struct {
	Name  string            `yaml:"name" required:"true"`
	Rooms []room            `yaml:"rooms"`
	Rent  float64           `yaml:"rent"`
	Alarm bool              `yaml:"alarm"`
	Lease time.Duration     `yaml:"lease"`
	Notes map[string]string `yaml:"notes"`
	Any   any               `yaml:"any"`
	Built time.Time         `yaml:"built"`
	Next  *house            `yaml:"next"`
	Half  half              `yaml:"half"`
	Pos   yamldoc.Pos       `yaml:"-"`
}

type room struct {
	Kind  string      `yaml:"kind" enum:"kitchen,bath" required:"true"`
	Floor int         `yaml:"floor"`
	Pos   yamldoc.Pos `yaml:"-"`
}

// half reads itself: a number, or a room.
type half struct {
	N    int
	Room *room
}

func (h *half) DecodeYAML(d *yamldoc.Decoder, n *yaml.Node) {
	if n.Kind == yaml.MappingNode {
		d.Decode(n, &h.Room)
		return
	}
	d.Decode(n, &h.N)
}

func decode(t *testing.T, src string) (*house, yamldoc.Places, yamldoc.Problems) {
	t.Helper()
	node, ps := yamldoc.Parse("f.yaml", []byte(src), yamldoc.Limits{})
	require.Empty(t, ps)
	h := new(house)
	places, ps := yamldoc.DecodePlaces(node, "f.yaml", h)
	return h, places, ps
}

func TestDecodeFillsEveryKindOfValue(t *testing.T) {
	t.Parallel()
	h, places, ps := decode(t, `
name: mill
rooms: [{kind: bath, floor: 2}, {kind: kitchen}]
rent: 12
alarm: true
lease: 1w2d
notes: {a: b}
any: {n: 1, f: 1.5, l: [true, null, 2026-01-01]}
built: 1820-05-01T00:00:00Z
next: {name: barn}
half: {kind: bath}
`)
	require.Empty(t, ps)
	require.Equal(t, 2, h.Rooms[0].Floor)
	require.Equal(t, yamldoc.Pos{File: "f.yaml", Line: 3, Col: 33}, h.Rooms[1].Pos)
	require.Equal(t, 9*24*time.Hour, h.Lease)
	require.Equal(t, map[string]any{"n": int64(1), "f": 1.5, "l": []any{true, nil, "2026-01-01"}}, h.Any)
	require.Equal(t, 1820, h.Built.Year())
	require.Equal(t, "barn", h.Next.Name)
	require.Equal(t, "bath", h.Half.Room.Kind)
	require.Equal(t, "f.yaml:3:16", places.Value(&h.Rooms[0], "kind").String())
	require.Equal(t, "f.yaml:3:22", places.Key(&h.Rooms[0], "floor").String())
	require.Equal(t, "f.yaml:3:33", places.Item(h, "rooms", 1).String())
	require.False(t, places.Has(&h.Rooms[1], "floor"))
}

func TestDecodeReportsEveryProblemAtItsPlace(t *testing.T) {
	t.Parallel()
	_, _, ps := decode(t, `
rooms: [{kind: kitchn, flor: 2}, {floor: upstairs}]
rent: [1]
alarm: yes
lease: 5 minutes
notes: {a: 5}
built: yesterday
next:
half: {kind: bath, x: 1}
`)
	require.Equal(t, strings.TrimSpace(`
f.yaml:2:1: the key "name" is missing
f.yaml:2:16: "kitchn" is not one of kitchen, bath; did you mean "kitchen"?
f.yaml:2:24: unknown key "flor"; did you mean "floor"?
f.yaml:2:34: the key "kind" is missing
f.yaml:2:42: want a whole number, found the text "upstairs"
f.yaml:3:7: want a number, found a list
f.yaml:4:8: want true or false, found the text "yes"
f.yaml:5:8: "5 minutes" is not a duration; write it like 90s, 5m, 1h30m, 2d or 1w
f.yaml:6:12: want text, found the number 5; put it in quotes: "5"
f.yaml:7:8: "yesterday" is not a time; write it like 2026-11-21T02:14:00Z
f.yaml:8:6: has no value; give one or remove the key
f.yaml:9:20: unknown key "x"; known: floor, kind`), ps.Error())
}

func TestSuggestFindsSlips(t *testing.T) {
	t.Parallel()
	words := []string{"key", "steps", "on_failure", "postgres.vacuum", "docs-db", "id", "if"}
	for word, want := range map[string]string{
		"kye": "key", "stpes": "steps", "onfailure": "on_failure", "on-failure": "on_failure",
		"postgres.vacum": "postgres.vacuum", "vacuum": "postgres.vacuum", "Docs_DB": "docs-db",
		"zebra": "", "": "", strings.Repeat("x", 1<<20): "",
	} {
		require.Equal(t, want, yamldoc.Suggest(word, words), word)
	}
}

func TestDurationsAreReadAsWritten(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "1h30m": 90 * time.Minute, "2d": 48 * time.Hour, "1w2d12h": 228 * time.Hour, "0s": 0,
	} {
		d, err := yamldoc.ParseDuration(s)
		require.NoError(t, err)
		require.Equal(t, want, d)
		again, err := yamldoc.ParseDuration(yamldoc.FormatDuration(d))
		require.NoError(t, err)
		require.Equal(t, d, again)
	}
	for _, s := range []string{"", "5", "d", "-5m", "1d-5m", "1d+5m", "99999999999999999999w", "40000d", "1h2d"} {
		_, err := yamldoc.ParseDuration(s)
		require.Error(t, err, s)
	}
}
