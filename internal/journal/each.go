package journal

import "context"

// EachRun gives run after run, the one that was started first first, without holding them all in memory. The
// filter's zero Limit means all of them here. A Record is only good for the length of the call. An error of
// each ends it and is returned.
func (j *Journal) EachRun(ctx context.Context, f RunFilter, each func(Run) error) error {
	c, columns, tail := f.conditions(), runColumns, "ORDER BY started, run_id"
	if f.Records {
		columns += ", record"
	}
	if f.Limit > 0 {
		tail += limit(f.Limit)
	}
	rows, err := j.read.QueryContext(ctx, c.query("SELECT "+columns+" FROM orderly_runs", tail), c.args...)
	if err != nil {
		return j.failed("read runs", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err below says what went wrong
	for rows.Next() {
		r, err := scanRun(rows, f.Records)
		if err != nil {
			return j.failed("read runs", err)
		}
		if err := each(r); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return j.failed("read runs", err)
	}
	return nil
}
