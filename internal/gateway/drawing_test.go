package gateway

import (
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// The package's doc draws the way of an exchange; the table is the way it goes.
func TestDrawingIsTheTableOfSteps(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "gateway.go", nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	var drawing string
	for line := range strings.Lines(file.Doc.Text()) {
		if strings.Contains(line, "→") {
			drawing = strings.TrimSpace(line)
		}
	}
	var names []string
	for _, s := range steps {
		names = append(names, s.name)
	}
	if table := strings.Join(names, " → "); drawing != table {
		t.Errorf("drawn is\n%s\nbut the steps are\n%s", drawing, table)
	}
}
