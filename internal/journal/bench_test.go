package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// BenchmarkSaveRun saves new states of one run with a record of 16 KB, about a procedure of 50 steps.
func BenchmarkSaveRun(b *testing.B) {
	record, err := json.Marshal(map[string]string{"timeline": strings.Repeat("0123456789abcdef", 1024)})
	if err != nil {
		b.Fatal(err)
	}
	benchmark(b, func(j *Journal, n int) error {
		r := aRun(1)
		r.Record, r.Updated = record, r.Updated.Add(time.Duration(n)*time.Millisecond)
		return j.SaveRun(context.Background(), r)
	})
}

// BenchmarkMeasure keeps 50 figures at a time.
func BenchmarkMeasure(b *testing.B) {
	benchmark(b, func(j *Journal, n int) error {
		figures := make([]Measurement, 50)
		for i := range figures {
			figures[i] = Measurement{
				WorkflowID: "w", RunID: fmt.Sprint(n), Step: "s", Name: "cpu", Subject: fmt.Sprint(i), Value: 1, Unit: "%", At: noon,
			}
		}
		return j.Measure(context.Background(), figures)
	})
}

func benchmark(b *testing.B, write func(j *Journal, n int) error) {
	for kind, dsn := range kinds {
		b.Run(kind, func(b *testing.B) {
			j := open(b, dsn(b))
			n := 0
			for b.Loop() {
				n++
				if err := write(j, n); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
