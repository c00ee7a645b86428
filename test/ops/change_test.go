//go:build unix

package ops

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// putting is a way in which a new file comes to be in the place of the old one.
type putting struct {
	name string
	put  func(g *gateway, text string) error
}

var puttings = []putting{
	{"written over the old one", func(g *gateway, text string) error {
		return os.WriteFile(g.config, []byte(text), 0o600)
	}},
	{"renamed to it", func(g *gateway, text string) error {
		if err := os.WriteFile(g.config+".new", []byte(text), 0o600); err != nil {
			return err
		}
		return os.Rename(g.config+".new", g.config)
	}},
	{"put where the old one was, which is moved away", func(g *gateway, text string) error {
		if err := os.Rename(g.config, g.config+"~"); err != nil {
			return err
		}
		return os.WriteFile(g.config, []byte(text), 0o600)
	}},
	{"in a folder that a link now leads to", linked},
}

// linked is how Kubernetes changes what it mounts: the file is a link into
// ..data, which is a link to the folder of this version.
func linked(g *gateway, text string) error {
	folder, err := os.MkdirTemp(g.dir, "..version")
	if err != nil {
		return err
	}
	data := filepath.Join(g.dir, "..data")
	if err := os.WriteFile(filepath.Join(folder, "gateway.yaml"), []byte(text), 0o600); err != nil {
		return err
	}
	old, _ := filepath.EvalSymlinks(data)
	if err := link(folder, data); err != nil {
		return err
	}
	if to, _ := os.Readlink(g.config); to != filepath.Join(data, "gateway.yaml") {
		if err := link(filepath.Join(data, "gateway.yaml"), g.config); err != nil {
			return err
		}
	}
	if old == "" {
		return nil
	}
	return os.RemoveAll(old)
}

// link puts a link in the place of whatever is there.
func link(to, path string) error {
	os.Remove(path + ".link")
	if err := os.Symlink(to, path+".link"); err != nil {
		return err
	}
	return os.Rename(path+".link", path)
}

// said is what a log says from a place on; its end is the next place.
func (g *gateway) said(from int64) string {
	g.t.Helper()
	f, err := os.Open(g.log)
	if err != nil {
		g.t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		g.t.Fatal(err)
	}
	b := make([]byte, info.Size()-from)
	if _, err := f.ReadAt(b, from); err != nil {
		g.t.Fatal(err)
	}
	return string(b)
}

// put makes text the configuration and waits until the gateway has read it,
// because it was told to or because it saw that by itself. The log's next word
// on it must match.
func (g *gateway) put(how putting, text string, tell func(), word string) time.Duration {
	g.t.Helper()
	from := int64(len(g.text()))
	if err := how.put(g, text); err != nil {
		g.t.Fatal(err)
	}
	began := time.Now()
	tell()
	var said string
	reload := regexp.MustCompile(`msg="config (reloaded|rejected)".*\n`)
	g.await(fmt.Sprintf("a reload of a file %s", how.name), func() bool {
		said = reload.FindString(g.said(from))
		return said != ""
	})
	if !regexp.MustCompile(word).MatchString(said) {
		g.t.Fatalf("of a file %s the gateway said\n%s, want %s", how.name, said, word)
	}
	return time.Since(began)
}
