package postgres

import (
	"net"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// libpq is the environment with which PostgreSQL's client programs reach the very server that conn is
// connected to, whatever addresses the dsn has to choose from. The password goes this way because arguments
// show in the process list. (A passphrase of a client's key, sslpassword, can't be passed on.)
func (d *database) libpq(conn *pgx.Conn) []string {
	s := conn.Config()
	env := append(toolEnv(), "PGAPPNAME="+applicationName, "PGCONNECT_TIMEOUT=10",
		"PGUSER="+s.User, "PGDATABASE="+s.Database, "PGHOST="+s.Host, "PGPORT="+strconv.Itoa(int(s.Port)))
	if s.Database == "" {
		env = append(env, "PGDATABASE="+s.User)
	}
	if s.Password != "" {
		env = append(env, "PGPASSWORD="+s.Password)
	}
	if at, ok := conn.PgConn().Conn().RemoteAddr().(*net.TCPAddr); ok {
		env = append(env, "PGHOSTADDR="+at.IP.String(), "PGPORT="+strconv.Itoa(at.Port))
	}
	for _, variable := range os.Environ() { // the driver reads these too
		if strings.HasPrefix(variable, "PGSSL") {
			env = append(env, variable)
		}
	}
	for name, value := range settingsOf(d.target.DSN.Reveal()) {
		if variable := libpqVariable(name); variable != "" {
			env = append(env, variable+"="+value)
		}
	}
	return env
}

// libpqVariable is the variable for a setting that the driver does not give back; "" for all others.
func libpqVariable(setting string) string {
	switch setting {
	case "sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslsni", "sslnegotiation", "sslcertmode", "options", "gssencmode":
		return "PG" + strings.ToUpper(setting)
	case "channel_binding":
		return "PGCHANNELBINDING"
	}
	return ""
}

var keywordSetting = regexp.MustCompile(`(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S*))`)

// settingsOf takes a dsn apart, in either of its forms.
func settingsOf(dsn string) map[string]string {
	found := map[string]string{}
	if u, err := url.Parse(dsn); err == nil && u.Scheme != "" {
		for name, values := range u.Query() {
			found[name] = values[len(values)-1]
		}
		return found
	}
	for _, m := range keywordSetting.FindAllStringSubmatch(dsn, -1) {
		found[m[1]] = strings.NewReplacer(`\'`, `'`, `\\`, `\`).Replace(m[2]) + m[3]
	}
	return found
}

// hide takes the database's password out of what a program printed.
func (d *database) hide(text string) string {
	if d.settings.Password == "" {
		return text
	}
	return strings.ReplaceAll(text, d.settings.Password, "…")
}
