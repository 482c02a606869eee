package screen

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/orderly-ops/orderly/workflows"
)

// severities orders findings, the worst first; unknown words come last.
var severities = []string{"critical", "warning", "info"}

// BySeverity sorts findings, the worst first, otherwise in the order they were made.
func BySeverity(findings []workflows.Finding) []workflows.Finding {
	out := slices.Clone(findings)
	slices.SortStableFunc(out, func(a, b workflows.Finding) int {
		return cmp.Compare(severityRank(a.Severity), severityRank(b.Severity))
	})
	return out
}

func severityRank(severity string) int {
	if i := slices.Index(severities, severity); i >= 0 {
		return i
	}
	return len(severities)
}

// CountFindings says how many findings there are of each severity: "2 critical, 1 info".
func CountFindings(findings []workflows.Finding) string {
	if len(findings) == 0 {
		return "no findings"
	}
	counts := map[string]int{}
	var order []string
	for _, f := range BySeverity(findings) {
		if counts[f.Severity] == 0 {
			order = append(order, f.Severity)
		}
		counts[f.Severity]++
	}
	parts := make([]string, len(order))
	for i, severity := range order {
		parts[i] = fmt.Sprintf("%d %s", counts[severity], Clean(severity))
	}
	return strings.Join(parts, ", ")
}
