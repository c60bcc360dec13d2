package main

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
)

type readyEvent struct {
	Event   string `json:"event"`
	Clients int    `json:"clients"`
}

type appliedEvent struct {
	Event   string `json:"event"`
	Configs int64  `json:"configs"`
}

type statsEvent struct {
	Event  string  `json:"event"`
	CPUMs  float64 `json:"cpuMs"`
	RSSKb  uint64  `json:"rssKb"`
	HeapKb uint64  `json:"heapKb"`
}

// measure reads what the process has used. Collecting first leaves only what is held on to, at the cost of CPU time,
// which is therefore read before.
func measure(collect bool) statsEvent {
	stats := statsEvent{Event: "stats", CPUMs: cpuMs()}
	if collect {
		runtime.GC()
		debug.FreeOSMemory()
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	stats.HeapKb = memory.HeapAlloc / 1024
	stats.RSSKb = residentKb()
	return stats
}

func cpuMs() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e6
}

// residentKb reads VmRSS, which only Linux has; elsewhere it is 0.
func residentKb() uint64 {
	file, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if value, found := strings.CutPrefix(lines.Text(), "VmRSS:"); found {
			var kb uint64
			if _, err := fmt.Sscan(value, &kb); err != nil {
				log.Fatal(err)
			}
			return kb
		}
	}
	return 0
}
