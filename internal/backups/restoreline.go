package backups

import (
	"slices"
	"strings"
)

// restoreLine is the shell command that restores a backup into a new, empty database with stock tools: the
// AWS CLI, age where it is encrypted, zstd where Orderly compressed it, pg_restore. Credentials and the server
// come from the environment (AWS_…, PG…), as those tools expect them.
func (s *Store) restoreLine(m Manifest) string {
	from := "s3://" + s.settings.Bucket + "/" + m.Key + "/"
	copying := "aws s3 cp "
	if s.settings.Endpoint != "" {
		copying += "--endpoint-url " + quote(s.settings.Endpoint) + " "
	}
	into := "createdb -T template0 restored && "
	if m.Format == FormatDirectory {
		return into + copying + "--recursive --only-show-errors " + quote(from+directory) + " ./dump && " + decodeAll(m) +
			"pg_restore " + strictness(m) + "--jobs=4 --dbname=restored ./dump"
	}
	if len(m.Files) != 1 {
		return ""
	}
	steps := []string{copying + quote(from+m.Files[0].Name) + " -"}
	name, encrypted := strings.CutSuffix(m.Files[0].Name, ageEnding)
	if encrypted {
		steps = append(steps, "age --decrypt --identity key.txt")
	}
	if strings.HasSuffix(name, zstdEnding) {
		steps = append(steps, "zstd --decompress --stdout")
	}
	steps = append(steps, "pg_restore "+strictness(m)+"--dbname=restored")
	return into + strings.Join(steps, " | ")
}

// decodeAll takes off the files of a folder what Orderly has put around them.
func decodeAll(m Manifest) string {
	line := ""
	if m.Encrypted {
		line = `for f in ./dump/*.age; do age --decrypt --identity key.txt --output "${f%.age}" "$f" && rm "$f" || exit 1; done && `
	}
	if slices.ContainsFunc(m.Files, func(f File) bool { return f.Zstd }) {
		line += "zstd --decompress --rm --quiet ./dump/*.zst && "
	}
	return line
}

// quote makes one word of a text for a POSIX shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// strictness has pg_restore stop at the first error, except where there is bound to be a harmless one: since
// version 17 it sets transaction_timeout, which older servers refuse. It then goes on, tells of the one error
// and ends with code 1.
func strictness(m Manifest) string {
	const settingSince = 17
	if major(m.PgDump) >= settingSince && major(m.Server) < settingSince {
		return ""
	}
	return "--exit-on-error "
}

// major is the number that a version begins with: 17 of 17.2 (Debian 17.2-1).
func major(version string) int {
	n := 0
	for i := 0; i < len(version) && '0' <= version[i] && version[i] <= '9'; i++ {
		n = n*10 + int(version[i]-'0')
	}
	return n
}
