package postgres

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestNormaliseTakesOutLiterals(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ query, want string }{
		"Strings":                {`SELECT * FROM users WHERE name = 'O''Brien' AND x='a'`, `SELECT * FROM users WHERE name = ? AND x=?`},
		"EscapeStrings":          {`SELECT E'it\'s secret', e'\\', 1`, `SELECT ?, ?, ?`},
		"PrefixedStrings":        {`SELECT B'01', x'ff', N'n', U&'d\0061t', u&'x'`, `SELECT ?, ?, ?, ?, ?`},
		"DollarQuotes":           {`DO $$ secret $$; SELECT $a$ it's $$ $a$, $1`, `DO ?; SELECT ?, $1`},
		"Numbers":                {`SELECT 1, -2.5, .5, 1e-9, 0xFF, 1_000, 12::int LIMIT 5`, `SELECT ?, -?, ?, ?, ?, ?, ?::int LIMIT ?`},
		"NamesWithDigits":        {`SELECT t1.c2, "3col" FROM t1, tab$1`, `SELECT t1.c2, "3col" FROM t1, tab$1`},
		"Comments":               {"SELECT 1 -- secret\n, 2 /* secret /* nested */ still */ + 3", `SELECT ? , ? + ?`},
		"WhiteSpace":             {"  SELECT\n\t a  ,b ", `SELECT a ,b`},
		"Passwords":              {`ALTER ROLE ann PASSWORD 'hunter2'`, `ALTER ROLE ann PASSWORD ?`},
		"CutOffInAString":        {`SELECT 'secr`, `SELECT ?`},
		"CutOffInADollarQuote":   {`SELECT $x$ secr`, `SELECT ?`},
		"CutOffInADollarTag":     {`SELECT $secr`, `SELECT ?`},
		"CutOffInAName":          {`SELECT "nam`, `SELECT ?`},
		"CutOffInAComment":       {`SELECT a /* secr`, `SELECT a`},
		"BackslashBeforeAQuote":  {`SELECT 'a\' OR secret = 'b'`, `SELECT ?`},
		"OtherAlphabets":         {`SELECT größe FROM 表 WHERE straße = 'ß'`, `SELECT größe FROM 表 WHERE straße = ?`},
		"BytesThatAreNotText":    {"SELECT a\xff", `SELECT a?`},
		"Nothing":                {"", ""},
		"NameThatLooksLikeAType": {`SELECT e, x, b FROM n`, `SELECT e, x, b FROM n`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, normalise(c.query))
		})
	}
}

func TestShortenKeepsWholeCharacters(t *testing.T) {
	t.Parallel()
	short := shorten(strings.Repeat("ü", 500))
	require.Equal(t, maxQuery, utf8.RuneCountInString(short))
	require.True(t, strings.HasSuffix(short, "…"))
	require.Equal(t, "SELECT a", shorten("SELECT a"))
}

func FuzzNormaliseShowsNoLiteral(f *testing.F) {
	f.Add("SELECT ", " FROM t")
	f.Add(`SELECT "a`, `" -- x`)
	f.Add("/* ", " */ E'")
	f.Fuzz(func(t *testing.T, before, after string) {
		out := normalise(before)
		require.True(t, utf8.ValidString(out))
		require.LessOrEqual(t, len(out), len(before)*2+1)
		// Whatever else the query holds, a literal in its own statement is never shown.
		require.NotContains(t, normalise("SELECT 'hidden literal';"+after), "hidden literal")
	})
}
