package service

import "runtime/debug"

const unversioned = "(devel)"

// Version is the module version that Go stamped into the binary: a tag, or a pseudo-version with the
// commit's time and hash.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return unversioned
	}
	return info.Main.Version
}
