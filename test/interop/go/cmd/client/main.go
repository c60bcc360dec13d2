// Command client runs agents made of the reference Go library, as a yardstick for benchmarks.
//
// Flags:
//
//	-url ws://127.0.0.1:4320/v1/opamp   ws, wss: WebSocket; http, https: polling
//	-clients 1                          how many, each with an instance uid and connection of its own
//	-heartbeat 30s                      heartbeat or polling interval; 0 means none (WebSocket only)
//	-settings ignore                    what to do with settings for the agent's own connection: ignore, accept (and do
//	                                    nothing), refuse, move (reconnect with endpoint and headers)
//	-apply                              accept remote config: report APPLYING, then APPLIED and the effective config
//
// It prints one JSON object a line:
//
//	{"event":"ready","clients":N}                              once, when every client has had an answer
//	{"event":"stats","cpuMs":N,"rssKb":N,"heapKb":N}           user and system time so far, resident memory, Go heap
//	{"event":"applied","configs":N}                            configs applied so far
//
// and obeys lines on stdin: "stats"; "stats gc", which first returns free memory to the system; "applied"; "quit", which
// stops every client and exits with 0, as the end of stdin does.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"log"
	"os"
	"strings"
	"sync"
	"time"
)

// dialling bounds how many clients wait for their first answer at a time, so that a crowd does not overrun the server.
const dialling = 64

const stopTimeout = 10 * time.Second

func main() {
	url := flag.String("url", "ws://127.0.0.1:4320/v1/opamp", "server to connect to")
	clients := flag.Int("clients", 1, "number of clients")
	heartbeat := flag.Duration("heartbeat", 30*time.Second, "heartbeat or polling interval, 0 for none")
	apply := flag.Bool("apply", false, "accept remote config")
	onSettings := flag.String("settings", ignoreSettings, "what to do with settings for the agent's own connection")
	flag.Parse()
	if err := checkOnSettings(*onSettings); err != nil {
		log.Fatal(err)
	}

	var printing sync.Mutex
	emit := func(event any) {
		printing.Lock()
		defer printing.Unlock()
		if err := json.NewEncoder(os.Stdout).Encode(event); err != nil {
			log.Fatal(err)
		}
	}

	agents := make([]*agent, *clients)
	for i := range agents {
		a, err := newAgent(*url, *heartbeat, *apply, *onSettings)
		if err != nil {
			log.Fatal(err)
		}
		agents[i] = a
	}
	go func() {
		startAll(agents)
		emit(readyEvent{Event: "ready", Clients: len(agents)})
	}()

	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		switch line := strings.TrimSpace(lines.Text()); line {
		case "stats", "stats gc":
			emit(measure(line == "stats gc"))
		case "applied":
			emit(appliedEvent{Event: "applied", Configs: applied(agents)})
		case "quit":
			stopAll(agents)
			return
		default:
			log.Fatalf("unknown command %q", line)
		}
	}
	stopAll(agents)
}

// startAll returns when every agent has had its first answer.
func startAll(agents []*agent) {
	places := make(chan struct{}, dialling)
	var all sync.WaitGroup
	for _, a := range agents {
		places <- struct{}{}
		if err := a.start(); err != nil {
			log.Fatal(err)
		}
		all.Add(1)
		go func() {
			defer all.Done()
			<-a.answered
			<-places
		}()
	}
	all.Wait()
}

func stopAll(agents []*agent) {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	var all sync.WaitGroup
	for _, a := range agents {
		all.Add(1)
		go func() {
			defer all.Done()
			a.moving.Lock()
			defer a.moving.Unlock()
			// An agent that was never started, or takes too long, ends with the process.
			_ = a.client.Stop(ctx)
		}()
	}
	all.Wait()
}

func applied(agents []*agent) int64 {
	var sum int64
	for _, a := range agents {
		sum += a.configs.Load()
	}
	return sum
}
