// Package library holds the procedures that ship with Orderly, so that its programs work without any
// file beside them.
package library

import "embed"

// FS is the folder of shipped procedures, with the scenarios that rehearse them under tests/.
//
//go:embed *.yaml tests/*/*.yaml
var FS embed.FS
