// Package version says what was built.
package version

import "runtime/debug"

// Unknown is the version of a binary that was built outside a checkout.
const Unknown = "dev"

// String is the version that Go stamped into the binary: a tag, or a pseudo-version with the commit's
// time and hash.
func String() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return Unknown
	}
	return info.Main.Version
}
