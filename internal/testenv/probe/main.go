// Command probe is what the tests' containers run: a small HTTP server that can be made to log, to use
// processor and memory, to be unhealthy and to end badly. It is its own health check (`probe -check`),
// because its image holds nothing else.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

func main() { os.Exit(run()) }

type options struct {
	listen            string
	check, deaf, sick bool
	exit, lines, size int
	burn              float64
	memory            int
	after             time.Duration
}

func parse() options {
	var o options
	flag.StringVar(&o.listen, "listen", ":8080", "serve /health here")
	flag.BoolVar(&o.check, "check", false, "ask the server of this container for its health, and end")
	flag.BoolVar(&o.sick, "sick", false, "answer 503 on /health until PUT /health")
	flag.BoolVar(&o.deaf, "deaf", false, "ignore SIGTERM")
	flag.IntVar(&o.exit, "exit", -1, "end with this code after -after")
	flag.DurationVar(&o.after, "after", 0, "how long to wait before -exit")
	flag.IntVar(&o.lines, "lines", 0, "log so many lines, odd ones on stderr")
	flag.IntVar(&o.size, "size", 0, "pad each line to so many bytes")
	flag.Float64Var(&o.burn, "burn", 0, "share of one processor to use, 0 to 1")
	flag.IntVar(&o.memory, "memory", 0, "MiB to hold")
	flag.Parse()
	return o
}

func run() int {
	o := parse()
	if o.check {
		return check(o.listen)
	}
	logLines(o)
	held := hold(o.memory)
	defer func() { _ = held }()
	if o.exit >= 0 {
		time.Sleep(o.after)
		return o.exit
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	if o.deaf {
		signal.Ignore(syscall.SIGTERM)
	} else {
		ctx, stop = signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
		defer stop()
	}
	if o.burn > 0 {
		go burn(ctx, o.burn)
	}
	return serve(ctx, o)
}

func serve(ctx context.Context, o options) int {
	var sick atomic.Bool
	sick.Store(o.sick)
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /health", func(http.ResponseWriter, *http.Request) { sick.Store(false) })
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		if sick.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprintln(w, `{"status":"up"}`)
	})
	server := &http.Server{Addr: o.listen, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { <-ctx.Done(); _ = server.Close() }()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func check(listen string) int {
	resp, err := http.Get("http://127.0.0.1" + listen[strings.LastIndex(listen, ":"):] + "/health") //nolint:noctx // docker bounds it
	if err != nil {
		return 1
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 1
	}
	return 0
}

func logLines(o options) {
	for i := 1; i <= o.lines; i++ {
		line := fmt.Sprintf("line %d", i)
		if pad := o.size - len(line); pad > 0 {
			line += strings.Repeat(".", pad)
		}
		out := os.Stdout
		if i%2 == 1 {
			out = os.Stderr
		}
		fmt.Fprintln(out, line)
	}
}

// hold takes memory and touches every page of it, because untouched memory is not used.
func hold(mib int) []byte {
	held := make([]byte, mib<<20)
	for i := 0; i < len(held); i += 4096 {
		held[i] = 1
	}
	return held
}

// burn works for its share of each hundredth of a second and rests for the remainder.
func burn(ctx context.Context, share float64) {
	const slice = 10 * time.Millisecond
	for ctx.Err() == nil {
		start := time.Now()
		for time.Since(start) < time.Duration(share*float64(slice)) {
		}
		time.Sleep(slice - time.Since(start))
	}
}
