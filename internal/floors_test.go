// Package internal_test keeps the house standing: imports go down the floors.
package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const rooms = "ai-gw-lite/internal/"

// floors says for each room which other rooms it may import, and why no more.
var floors = map[string]struct {
	mayImport []string
	because   string
}{
	"config":   {nil, "it turns YAML into values and knows neither HTTP nor anything that runs"},
	"wire":     {nil, "it is HTTP/1.1 on a connection and knows no routes, tokens or limits"},
	"limit":    {nil, "it counts and knows neither HTTP nor configuration"},
	"eight":    {nil, "it looks at bytes and knows nothing else"},
	"balance":  {nil, "it chooses among names, weights and times and reaches nothing"},
	"certs":    {nil, "it knows the certificate files and nothing else"},
	"process":  {nil, "it is the program among the machine's processes and knows no HTTP and no configuration"},
	"systemd":  {nil, "it sends a few words to the service manager and knows nothing else"},
	"simulate": {nil, "it stands in for a provider, so it must not share our mistakes"},
	"testcert": {nil, "it makes certificates for tests and must not share our mistakes"},

	"usage":    {[]string{"eight"}, "it reads token counts from passing bytes and knows nothing else"},
	"upstream": {[]string{"wire"}, "it reaches an upstream and knows no clients, tokens or limits"},

	"gateway": {[]string{"balance", "config", "limit", "upstream", "wire"}, "it is one exchange from start to end and knows no files, listeners, metrics or UI"},

	"observe": {[]string{"gateway", "config", "eight", "usage", "wire"}, "it watches exchanges and does not know how a request is proxied"},
	"server":  {[]string{"gateway", "config", "certs", "wire"}, "it serves what others hand it, and a simulated provider is for the demo and tests"},
}

// onlyMain are packages for the command alone: what is below it neither parses
// flags nor decides about the process.
var onlyMain = []string{"flag", "github.com/spf13/cobra", "github.com/spf13/pflag"}

// onlyMainMayCall ends the process, and with it the streams of everybody.
var onlyMainMayCall = map[string][]string{
	"os":      {"Exit"},
	"syscall": {"Exit"},
	"log":     {"Fatal", "Fatalf", "Fatalln"},
}

func TestImportsGoDownTheFloors(t *testing.T) {
	for _, goos := range []string{"linux", "darwin", "windows"} {
		t.Run(goos, func(t *testing.T) {
			for _, p := range packages(t, goos) {
				checkImports(t, p)
			}
		})
	}
}

func checkImports(t *testing.T, p goPackage) {
	floor, known := floors[p.room]
	if !known {
		t.Errorf("internal/%s is on no floor: say in floors what it may import, and why", p.room)
		return
	}
	for _, imported := range p.imports {
		if slices.Contains(onlyMain, imported) {
			t.Errorf("%s imports %s: flags are for cmd, which passes values", p.path, imported)
		}
		room := roomOf(imported)
		if room != "" && room != p.room && !slices.Contains(floor.mayImport, room) {
			t.Errorf("%s imports internal/%s: %s", p.path, room, floor.because)
		}
	}
}

// All files, whatever system they are for. That this test reads each of them is
// also why go test does not take an old result of this package for a new one.
func TestOnlyMainEndsTheProcess(t *testing.T) {
	err := filepath.WalkDir(".", func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		for _, call := range exits(t, file) {
			t.Errorf("%s: return an error, cmd decides how the process ends", call)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// goPackage is a package in one of the rooms.
type goPackage struct {
	path, room string
	imports    []string // direct ones, not those of its tests
}

// packages lists what is in the rooms as it is built for goos.
func packages(t *testing.T, goos string) (list []goPackage) {
	t.Helper()
	cmd := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, rooms+"...")
	cmd.Env = append(cmd.Environ(), "GOOS="+goos, "CGO_ENABLED=0")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, &stderr)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if room := roomOf(fields[0]); room != "" {
			list = append(list, goPackage{fields[0], room, fields[1:]})
		}
	}
	return list
}

// roomOf is the first folder below internal: what is inside a room is its own.
func roomOf(importPath string) string {
	below, ok := strings.CutPrefix(importPath, rooms)
	if !ok {
		return ""
	}
	room, _, _ := strings.Cut(below, "/")
	return room
}

// exits lists the places of a file that end the process.
func exits(t *testing.T, file string) (places []string) {
	t.Helper()
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	forbidden := map[string][]string{} // by the name that the file has for a package
	for _, spec := range parsed.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		name := path.Base(imported)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		forbidden[name] = onlyMainMayCall[imported]
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if from, ok := selector.X.(*ast.Ident); ok && slices.Contains(forbidden[from.Name], selector.Sel.Name) {
			places = append(places, files.Position(n.Pos()).String()+" uses "+from.Name+"."+selector.Sel.Name)
		}
		return true
	})
	return places
}
