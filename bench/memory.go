package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// memoryUse sums over a process tree, in KiB.
type memoryUse struct {
	rss, peak, pss int64
}

// memoryOf reads VmRSS, VmHWM and, since the workers of a proxy share pages,
// the proportional set size.
func memoryOf(pids []int) (memoryUse, error) {
	var sum memoryUse
	for _, pid := range pids {
		status, err := kibibytes(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return sum, err
		}
		rollup, err := kibibytes(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return sum, err
		}
		sum.rss += status["VmRSS"]
		sum.peak += status["VmHWM"]
		sum.pss += rollup["Pss"]
	}
	return sum, nil
}

// kibibytes reads the "Name:   123 kB" lines of a file in /proc.
func kibibytes(path string) (map[string]int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read memory use: %w", err)
	}
	defer f.Close()
	values := map[string]int64{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, rest, _ := strings.Cut(lines.Text(), ":")
		if number, isSize := strings.CutSuffix(strings.TrimSpace(rest), " kB"); isSize {
			values[name], _ = strconv.ParseInt(number, 10, 64)
		}
	}
	return values, nil
}
