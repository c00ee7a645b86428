package certs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// disk makes the changes of a generation. Each is all or nothing, on disk
// before the next begins, and never touches a file that is already there.
type disk struct {
	changed func() // called after each change that a kill could leave behind; nil outside of tests
}

func (d disk) step() {
	if d.changed != nil {
		d.changed()
	}
}

func (d disk) mkdir(dir string) error {
	defer d.step()
	return os.MkdirAll(dir, 0o755) // the key has its own mode
}

// place gives path its content in one step. When there is a file already it is
// left as it is, and that is no error.
func (d disk) place(path string, content []byte, mode fs.FileMode) error {
	temp, err := os.CreateTemp(filepath.Dir(path), tempPrefix(path)+"*"+tempSuffix)
	if err != nil {
		return err
	}
	d.step()
	_, err = temp.Write(content)
	d.step()
	err = errors.Join(err, temp.Chmod(mode), temp.Sync(), temp.Close())
	if err == nil {
		err = publish(temp.Name(), path, os.Link)
	}
	d.step()
	os.Remove(temp.Name())
	if err == nil {
		syncDir(filepath.Dir(path))
	}
	d.step()
	return err
}

// publish gives temp the name path unless that name is taken. A hard link does
// that exactly, where a rename would replace a file that came meanwhile. File
// systems without hard links (FAT, some network mounts) get the rename, after a
// look: the trade is a gap of microseconds in which two first starts on such a
// disk may each believe to have been the first.
func publish(temp, path string, link func(from, to string) error) error {
	err := link(temp, path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	return os.Rename(temp, path)
}

func (d disk) remove(path string) {
	defer d.step()
	if os.Remove(path) == nil {
		syncDir(filepath.Dir(path))
	}
}

// syncDir makes names last through a power cut. Where a folder cannot be synced
// (Windows, some network mounts) there is nothing better to do.
func syncDir(dir string) {
	if f, err := os.Open(dir); err == nil {
		f.Sync()
		f.Close()
	}
}

const tempSuffix = ".tmp"

func tempPrefix(path string) string { return filepath.Base(path) + ".ai-gw-lite-" }

// sweep removes the temporary files that killed starts left beside path. One
// that is not a minute old may belong to a start that is under way.
func sweep(path string) {
	dir := filepath.Dir(path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasPrefix(name, tempPrefix(path)) || !strings.HasSuffix(name, tempSuffix) {
			continue
		}
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > time.Minute {
			os.Remove(filepath.Join(dir, name))
		}
	}
}
