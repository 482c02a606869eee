package artifact

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"path"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/orderly-ops/orderly/internal/artifacts"
)

// stamp is how a time begins an artifact's name: sorted by name is sorted by time.
const stamp = "20060102T150405Z"

// place is where artifacts of one step are kept: <procedure>/<key or run>/<time>-<step>-<name>.
//
// The time is that at which the step was first scheduled, and the step is told by six digits made of run
// and step, so that another attempt finds its own and two steps never meet.
type place struct {
	folder string
	at     time.Time
	step   string
}

func placeOf(ctx context.Context, now func() time.Time) place {
	if !activity.IsActivity(ctx) { // a test that calls the action itself
		return place{folder: "no-run", at: now().UTC(), step: "000000"}
	}
	info := activity.GetInfo(ctx)
	sum := sha256.Sum256([]byte(info.WorkflowExecution.RunID + "/" + info.ActivityID))
	return place{
		folder: folderOf(info.WorkflowExecution.ID),
		at:     info.ScheduledTime.UTC(),
		step:   hex.EncodeToString(sum[:3]),
	}
}

// folderOf is where the artifacts of a run are. Its workflow id is <procedure>/<key or run>; one that
// somebody made up is made fit.
func folderOf(workflowID string) string {
	procedure, key, found := strings.Cut(workflowID, "/")
	if !found {
		return artifacts.KeyPart(workflowID)
	}
	return artifacts.KeyPart(procedure) + "/" + artifacts.KeyPart(key)
}

func (p place) key(name string) string {
	return p.folder + "/" + p.at.Format(stamp) + "-" + p.step + "-" + artifacts.KeyPart(name)
}

// stampOf is the time in a key; zero for one that is not of this package.
func stampOf(key string) time.Time {
	name := path.Base(key)
	t, err := time.Parse(stamp, name[:min(len(stamp), len(name))])
	if err != nil {
		return time.Time{}
	}
	return t
}

// withEnding gives a name its ending unless it has one.
func withEnding(name, ending string) string {
	if ext := path.Ext(name); len(ext) > 1 && len(ext) <= 6 && !strings.ContainsAny(ext, " /") {
		return name
	}
	return name + ending
}
