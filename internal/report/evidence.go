package report

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/orderly-ops/orderly/workflows"
)

// Evidence is an artifact with its hash.
type Evidence struct {
	Key    string `json:"key" doc:"Under which it is found in the store of artifacts."`
	SHA256 string `json:"sha256" doc:"Of what was kept, in hex."`
	Bytes  int64  `json:"bytes,omitempty" doc:"Its size."`
	Locked string `json:"locked_until,omitempty" doc:"Until when the store itself keeps it from being changed or removed, where it does."`
}

// manifestAction is the action that lists a run's artifacts.
const manifestAction = "artifact.manifest"

// manifest is what artifact.manifest answers.
type manifest struct {
	Key       string     `json:"key"`
	SHA256    string     `json:"sha256"`
	Artifacts []Evidence `json:"artifacts"`
	Count     int        `json:"count"`
	Total     int64      `json:"total"`
}

// manifestOf is the last list of artifacts that the run made; false when it made none.
func manifestOf(rec *workflows.Record) (m manifest, ok bool) {
	walk(rec, func(s *workflows.Step) {
		if s.Action != manifestAction || s.State != workflows.Succeeded {
			return
		}
		var one manifest
		if json.Unmarshal(s.Outputs, &one) == nil && one.Key != "" {
			m, ok = one, true
		}
	})
	return m, ok
}

// evidence lists what was kept, with its hashes.
func (d *drafter) evidence(rec *workflows.Record, needed bool) {
	m, ok := manifestOf(rec)
	if !ok && !needed {
		return
	}
	d.section("evidence", "Evidence")
	if !ok {
		d.lack("the list of evidence: the run made none (artifact.manifest)", false)
		d.block(Block{Missing: true})
		return
	}
	d.evidenceTable(m.Artifacts)
	if left := m.Count - len(m.Artifacts); left > 0 {
		d.text("%s more in the list itself.", counted(left, "artifact is", "artifacts are"))
	}
	d.text("The list is %s, SHA-256 %s. In the folder of artifacts sha256sum -c checks it.", m.Key, m.SHA256)
}

func (d *drafter) evidenceTable(all []Evidence) {
	var rows [][]Value
	locked := false
	for _, e := range all {
		locked = locked || e.Locked != ""
	}
	head := []string{"artifact", "bytes", "SHA-256"}
	if locked {
		head = append(head, "locked until")
	}
	for _, e := range all {
		row := cells(e.Key, strconv.FormatInt(e.Bytes, 10), e.SHA256)
		if locked {
			row = append(row, Value{Text: e.Locked})
		}
		rows = append(rows, row)
	}
	d.table(head, rows, "No artifact was kept.")
}

// size is a number of bytes for people.
func size(v float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	for v >= 1023.995 && len(units) > 1 {
		v, units = v/1024, units[1:]
	}
	return fmt.Sprintf("%s %s", number(v), units[0])
}
