package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// machine describes where the figures come from.
func machine() string {
	return fmt.Sprintf("%s, %d cores, %d MiB memory, Linux %s, %s",
		cpuModel(), runtime.NumCPU(), memoryTotal()/1024, firstLine("uname", "-r"), runtime.Version())
}

func cpuModel() string {
	data, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func memoryTotal() int64 {
	values, _ := kibibytes("/proc/meminfo")
	return values["MemTotal"]
}

// sourceCommit is the commit of the source tree, "-dirty" if anything but what
// the bench itself writes there was changed.
func sourceCommit() string {
	commit, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	changed, err := exec.Command("git", "status", "--porcelain", "--", ":/", ":!RESULTS.md", ":!results.json", ":!results.svg").Output()
	if err != nil || len(changed) > 0 {
		return strings.TrimSpace(string(commit)) + "-dirty"
	}
	return strings.TrimSpace(string(commit))
}
