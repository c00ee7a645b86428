package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// PIDFile is a file that holds this process's number. A nil one is nowhere.
type PIDFile struct{ path, temp string }

// PreparePIDFile finds out whether a file can be written, and leaves what is
// there now alone until Install. An empty path is for no file.
func PreparePIDFile(path string) (*PIDFile, error) {
	if path == "" {
		return nil, nil
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, fmt.Errorf("writing %s: it is a folder", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return nil, notWritten(path, err)
	}
	_, err = fmt.Fprintln(f, os.Getpid())
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		os.Remove(f.Name())
		return nil, notWritten(path, err)
	}
	return &PIDFile{path: path, temp: f.Name()}, nil
}

// Install gives the file its name in one step: a reader finds the old number or
// the new one. It takes the file over from another process.
func (p *PIDFile) Install() error {
	if p == nil {
		return nil
	}
	if err := os.Rename(p.temp, p.path); err != nil {
		p.Discard()
		return notWritten(p.path, err)
	}
	return nil
}

// notWritten names the file that the operator knows, not the one that becomes it.
func notWritten(path string, err error) error {
	if temp, ok := errors.AsType[*fs.PathError](err); ok {
		err = temp.Err
	}
	if rename, ok := errors.AsType[*os.LinkError](err); ok {
		err = rename.Err
	}
	return fmt.Errorf("writing %s: %w", path, err)
}

// Discard takes PreparePIDFile back.
func (p *PIDFile) Discard() {
	if p != nil {
		os.Remove(p.temp)
	}
}

// Restore installs the file again if another process has taken it over and did
// not live to serve.
func (p *PIDFile) Restore() error {
	if p == nil || p.isOurs() {
		return nil
	}
	again, err := PreparePIDFile(p.path)
	if err != nil {
		return err
	}
	return again.Install()
}

// Remove removes the file unless another process has taken it over.
func (p *PIDFile) Remove() {
	if p != nil && p.isOurs() {
		os.Remove(p.path)
	}
}

func (p *PIDFile) isOurs() bool {
	pid, err := ReadPIDFile(p.path)
	return err == nil && pid == os.Getpid()
}

// ReadPIDFile is the number in a file.
func ReadPIDFile(path string) (int, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("reading pid_file: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || pid <= 0 {
		return 0, fmt.Errorf("reading pid_file: %s holds no process number", path)
	}
	return pid, nil
}
