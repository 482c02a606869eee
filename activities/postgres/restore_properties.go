package postgres

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// properties are what a database has beside its contents. A dump of one database does not hold them, so a
// restored one takes them from the one it replaces.
type properties struct {
	Owner      string
	Encoding   string
	Collate    string
	Ctype      string
	Provider   string // of the locale: c (libc), i (icu) or b (builtin)
	Locale     string // of icu and builtin
	Rules      string // of icu
	Tablespace string
	Limit      int // of connections; -1 is none
	Comment    string
	Grants     []grant
	Settings   []setting
}

// grant is a privilege on a database. An empty grantee is everybody.
type grant struct {
	Grantee   string
	Privilege string
	Pass      bool // with grant option
}

// setting is a default that sessions of the database begin with: for one role, or for all.
type setting struct {
	Role string
	Line string // name=value, as PostgreSQL keeps it
}

// properties reads those of a database. Its row is read as JSON: which columns there are depends on the
// server's version.
func (a *admin) properties(ctx context.Context, name string) (p properties, err error) {
	ctx, cancel := context.WithTimeout(ctx, adminPatience)
	defer cancel()
	err = a.conn.QueryRow(ctx, `
		SELECT pg_get_userbyid(d.datdba), pg_encoding_to_char(d.encoding), d.datcollate, d.datctype,
			coalesce(j->>'datlocprovider', 'c'), coalesce(j->>'datlocale', j->>'daticulocale', ''), coalesce(j->>'daticurules', ''),
			t.spcname, d.datconnlimit, coalesce(shobj_description(d.oid, 'pg_database'), '')
		FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace, to_jsonb(d) AS j WHERE d.datname = $1`, name,
	).Scan(&p.Owner, &p.Encoding, &p.Collate, &p.Ctype, &p.Provider, &p.Locale, &p.Rules, &p.Tablespace, &p.Limit, &p.Comment)
	if err != nil {
		return p, a.d.failed("read the properties of "+name, adminPatience, err)
	}
	p.Grants, err = collect[grant](ctx, a.conn, `
		SELECT CASE x.grantee WHEN 0 THEN '' ELSE pg_get_userbyid(x.grantee) END, x.privilege_type, x.is_grantable
		FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS x WHERE d.datname = $1 ORDER BY 1, 2`, name)
	if err == nil {
		p.Settings, err = collect[setting](ctx, a.conn, `
			SELECT CASE s.setrole WHEN 0 THEN '' ELSE pg_get_userbyid(s.setrole) END, line
			FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) AS line
			WHERE d.datname = $1 ORDER BY 1, 2`, name)
	}
	if err != nil {
		return p, a.d.failed("read the properties of "+name, adminPatience, err)
	}
	return p, nil
}

func collect[T any](ctx context.Context, conn *pgx.Conn, query, name string) ([]T, error) {
	rows, err := conn.Query(ctx, query, name)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[T])
}

// create is the statement that makes an empty database which sorts and stores text like the one that the
// properties are of. Without any it is as the server makes them.
func (p properties) create(name string) string {
	text := "CREATE DATABASE " + quoted(name) + " TEMPLATE template0"
	option := func(key, value string) {
		if value != "" {
			text += " " + key + " " + literal(value)
		}
	}
	option("ENCODING", p.Encoding)
	option("LC_COLLATE", p.Collate)
	option("LC_CTYPE", p.Ctype)
	switch p.Provider {
	case "i":
		option("LOCALE_PROVIDER", "icu")
		option("ICU_LOCALE", p.Locale)
		option("ICU_RULES", p.Rules)
	case "b":
		option("LOCALE_PROVIDER", "builtin")
		option("BUILTIN_LOCALE", p.Locale)
	}
	if p.Tablespace != "" && p.Tablespace != "pg_default" {
		text += " TABLESPACE " + quoted(p.Tablespace)
	}
	return text
}

// give is the statements that give a restored database the properties that can be given once it is there.
func (p properties) give(name string) []string {
	db := "DATABASE " + quoted(name)
	all := []string{
		"ALTER " + db + " OWNER TO " + quoted(p.Owner),
		fmt.Sprintf("ALTER %s WITH CONNECTION LIMIT %d", db, p.Limit),
		"REVOKE ALL ON " + db + " FROM PUBLIC",
		"REVOKE ALL ON " + db + " FROM " + quoted(p.Owner),
	}
	for _, g := range p.Grants {
		to := "PUBLIC"
		if g.Grantee != "" {
			to = quoted(g.Grantee)
		}
		text := "GRANT " + g.Privilege + " ON " + db + " TO " + to
		if g.Pass {
			text += " WITH GRANT OPTION"
		}
		all = append(all, text)
	}
	for _, s := range p.Settings {
		name, value, _ := strings.Cut(s.Line, "=")
		who := "ALTER " + db
		if s.Role != "" {
			who = "ALTER ROLE " + quoted(s.Role) + " IN " + db
		}
		all = append(all, who+" SET "+settingName(name)+" TO "+settingValue(name, value))
	}
	return all
}

// settingName quotes a setting's name, of which one of an extension has two parts.
func settingName(name string) string { return pgx.Identifier(strings.Split(name, ".")).Sanitize() }

// lists are the settings whose values are lists of names. PostgreSQL wants each name as a text of its own;
// the same list as one text would be a single, strange name. (pg_dump has this list built in as well.)
var lists = []string{"local_preload_libraries", "search_path", "session_preload_libraries", "shared_preload_libraries", "temp_tablespaces", "unix_socket_directories"}

var listItem = regexp.MustCompile(`"(?:[^"]|"")*"|[^,\s]+`)

func settingValue(name, value string) string {
	if !slices.Contains(lists, strings.ToLower(name)) {
		return literal(value)
	}
	items := listItem.FindAllString(value, -1)
	for i, item := range items {
		if len(item) > 1 && item[0] == '"' {
			item = strings.ReplaceAll(item[1:len(item)-1], `""`, `"`)
		}
		items[i] = literal(item)
	}
	if len(items) == 0 {
		return "''"
	}
	return strings.Join(items, ", ")
}
