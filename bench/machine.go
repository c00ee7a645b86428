package main

import (
	"fmt"
	"os"
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
