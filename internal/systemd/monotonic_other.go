//go:build !linux

package systemd

import "errors"

func monotonic() (int64, error) { return 0, errors.New("systemd is for Linux") }
