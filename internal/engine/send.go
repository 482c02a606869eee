package engine

import (
	"context"

	"github.com/orderly-ops/orderly/activities/notify"
	"github.com/orderly-ops/orderly/workflows"
)

// Tell tells people something, for notify.send.
func (p *People) Tell(ctx context.Context, order notify.Order, dry bool) (notify.Report, error) {
	ctx, cancel := untilDeadline(ctx)
	defer cancel()
	org, err := p.org()
	if err != nil {
		return notify.Report{}, err
	}
	request := workflows.TellRequest{To: order.To, Via: order.Via, At: p.now(), Message: order.Message}
	var result workflows.PageResult
	if dry {
		result.People, _, result.Nobody = audience(org, request)
	} else {
		result = p.tellAll(ctx, org, request)
	}
	report := notify.Report{Nobody: result.Nobody}
	for _, who := range result.People {
		report.Told = append(report.Told, notify.Told{
			ID: who.ID, Name: who.Name, Outcomes: who.Outcomes, Reached: p.hub.Reached(who.Outcomes, notify.Sent),
		})
	}
	return report, nil
}
