package backups

import (
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
	into := "createdb restored && "
	if m.Format == FormatDirectory {
		return into + copying + "--recursive --only-show-errors " + quote(from+directory) + " ./dump && " + decryptAll(m) +
			"pg_restore --exit-on-error --jobs=4 --dbname=restored ./dump"
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
	steps = append(steps, "pg_restore --exit-on-error --dbname=restored")
	return into + strings.Join(steps, " | ")
}

func decryptAll(m Manifest) string {
	if !m.Encrypted {
		return ""
	}
	return `for f in ./dump/*.age; do age --decrypt --identity key.txt --output "${f%.age}" "$f" && rm "$f" || exit 1; done && `
}

// quote makes one word of a text for a POSIX shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
