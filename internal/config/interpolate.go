package config

import (
	"errors"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	variableName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	variableStart = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*`)
)

// expand replaces what stands in ${…}, once: what it is replaced with is never
// looked at again, so a secret's own characters mean nothing.
//
//	${NAME}            the environment variable; not set is a problem
//	${NAME:-default}   the same, and the default if it is not set or empty
//	${file:/path}      what the file holds, without its last newline
//	$${                a literal ${
func (d *decoder) expand(s string, o *origin) (string, bool) {
	var out strings.Builder
	ok := true
	for s != "" {
		i := strings.IndexByte(s, '$')
		if i < 0 {
			break
		}
		out.WriteString(s[:i])
		switch s = s[i:]; {
		case strings.HasPrefix(s, "$${"):
			out.WriteString("${")
			s = s[3:]
		case strings.HasPrefix(s, "${"):
			inner, rest, closed := strings.Cut(s[2:], "}")
			if !closed {
				d.unresolved(o, "unclosed ${%s: a } is missing (or write $${ for a literal ${)", variableStart.FindString(inner))
				return "", false
			}
			v, found := d.lookup(inner, o)
			out.WriteString(v)
			ok = ok && found
			s = rest
		default:
			out.WriteByte('$')
			s = s[1:]
		}
	}
	out.WriteString(s)
	return out.String(), ok
}

// lookup is what stands for ${inner}.
func (d *decoder) lookup(inner string, o *origin) (string, bool) {
	if path, ok := strings.CutPrefix(inner, "file:"); ok {
		return d.readSecret(path, o)
	}
	name, fallback, hasFallback := strings.Cut(inner, ":-")
	switch {
	case !variableName.MatchString(name):
		d.unresolved(o, "${…} must be ${NAME}, ${NAME:-default} or ${file:/path}; write $${ for a literal ${")
		return "", false
	case strings.Contains(fallback, "${"):
		d.unresolved(o, "the default of ${%s} cannot hold another ${", name)
		return "", false
	}
	v, set := d.env.Lookup(name)
	if v == "" && hasFallback {
		o.refs = append(o.refs, "${"+name+":-…}")
		return fallback, true
	}
	if !set {
		d.unresolved(o, "environment variable %s is not set", name)
		return "", false
	}
	o.refs = append(o.refs, "${"+name+"}")
	return v, true
}

// readSecret is what a file holds: Docker and systemd hand secrets over so.
func (d *decoder) readSecret(path string, o *origin) (string, bool) {
	if path == "" || strings.Contains(path, "${") {
		d.unresolved(o, "${file:…} needs the path of a file, without another ${ in it")
		return "", false
	}
	b, err := d.read(path)
	if err != nil {
		d.unresolved(o, "cannot read ${file:%s}: %s", path, cause(err))
		return "", false
	}
	o.refs = append(o.refs, "${file:"+path+"}")
	v := strings.TrimSuffix(string(b), "\n")
	if len(v) < len(b) {
		v = strings.TrimSuffix(v, "\r")
	}
	return v, true
}

// read reads a file that the config depends on.
func (d *decoder) read(path string) ([]byte, error) {
	abs := d.path(path)
	d.files = append(d.files, abs)
	return d.env.ReadFile(abs)
}

// unresolved reports a ${…} that yields nothing.
func (d *decoder) unresolved(o *origin, format string, args ...any) {
	o.bad = true
	d.add(o.place, format, args...)
}

// path is p seen from the config file's folder.
func (d *decoder) path(p string) string {
	if filepath.IsAbs(p) {
		return filepath.Clean(p)
	}
	return filepath.Join(d.dir, p)
}

// cause is an error about a file without the file's name.
func cause(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}
