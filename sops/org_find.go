package sops

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// OrgFile is the name of the file that says who there is.
const OrgFile = "org.yaml"

// ErrNoOrg is what FindOrg answers when no folder has an org.yaml.
var ErrNoOrg = errors.New("there is no org.yaml, so nobody can be asked or paged")

// FindOrg reads the one org.yaml of the folders. Two are an error that names both, none is ErrNoOrg, and
// what is wrong with the file comes as Problems.
func FindOrg(sources []Source) (*Org, error) {
	file, src, err := ReadOrg(sources)
	if err != nil {
		return nil, err
	}
	o, problems := ParseOrg(file, src)
	return o, problems.Err()
}

// ReadOrg is FindOrg without looking into the file, for whoever knows the text already.
func ReadOrg(sources []Source) (file string, src []byte, err error) {
	var found []string
	for _, s := range sources {
		text, err := readOrg(s)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return "", nil, fmt.Errorf("org %s: %w", path.Join(s.Name, OrgFile), err)
		}
		found, src = append(found, path.Join(s.Name, OrgFile)), text
	}
	switch len(found) {
	case 0:
		return "", nil, fmt.Errorf("%w: put one into %s", ErrNoOrg, folders(sources))
	case 1:
		return found[0], src, nil
	}
	return "", nil, fmt.Errorf("which org.yaml counts? there are %s: remove all but one", strings.Join(found, " and "))
}

func folders(sources []Source) string {
	names := make([]string, len(sources))
	for i, s := range sources {
		names[i] = s.Name
	}
	if len(names) == 0 {
		return "a folder of procedures"
	}
	return strings.Join(names, " or ")
}

// readOrg reads the file, but never much more than an org may be long.
func readOrg(s Source) ([]byte, error) {
	f, err := s.FS.Open(OrgFile)
	if err != nil {
		return nil, err
	}
	src, err := io.ReadAll(io.LimitReader(f, maxOrgBytes+1))
	return src, errors.Join(err, f.Close())
}
