package internal_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	fence   = regexp.MustCompile("(?s)```.*?```")
	comment = regexp.MustCompile(`(?m)\s+# .*$`)
	code    = regexp.MustCompile("(?s)```.*?```|`[^`\n]*`")
)

// Every link between the repository's pages leads to a file that is there, and
// to a heading of it where it names one.
func TestLinksInDocsLeadSomewhere(t *testing.T) {
	pages := pages(t)
	if len(pages) < 20 {
		t.Fatalf("%d pages were found", len(pages))
	}
	for page, text := range pages {
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1) {
			file, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(file, "://") {
				continue
			}
			to := page
			if file != "" {
				to = filepath.Join(filepath.Dir(page), file)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: %s leads nowhere", page, m[1])
			} else if anchor != "" && !hasHeading(pages[to], anchor) {
				t.Errorf("%s: %s has no heading #%s", page, to, anchor)
			}
		}
	}
}

// The two READMEs say the same, so they lead to the same pages, and between them
// to every page there is.
func TestBothReadmesLeadToEveryPage(t *testing.T) {
	pages := pages(t)
	english, chinese := linksOf(pages["../README.md"]), linksOf(pages["../README.zh-CN.md"])
	for to := range english {
		if !chinese[to] && to != "README.zh-CN.md" {
			t.Errorf("README.zh-CN.md does not lead to %s", to)
		}
	}
	for to := range chinese {
		if !english[to] && to != "README.md" {
			t.Errorf("README.md does not lead to %s", to)
		}
	}
	for page := range pages {
		name := filepath.ToSlash(strings.TrimPrefix(page, "../"))
		if filepath.Dir(name) == "docs" && !english[name] {
			t.Errorf("README.md does not lead to %s", name)
		}
	}
}

// What is pasted from one README is what is pasted from the other: they differ
// in comments and in the drawing alone.
func TestBothReadmesShowTheSameCommands(t *testing.T) {
	pages := pages(t)
	english, chinese := pasted(pages["../README.md"]), pasted(pages["../README.zh-CN.md"])
	if len(english) < 8 || len(english) != len(chinese) {
		t.Fatalf("%d blocks in English, %d in Chinese", len(english), len(chinese))
	}
	for i := range english {
		if english[i] != chinese[i] {
			t.Errorf("README.md shows\n%s\nand README.zh-CN.md\n%s", english[i], chinese[i])
		}
	}
}

// pasted is each block of code in some language, without its comments.
func pasted(text string) (blocks []string) {
	for _, block := range fence.FindAllString(text, -1) {
		if !strings.HasPrefix(block, "```\n") {
			blocks = append(blocks, comment.ReplaceAllString(block, ""))
		}
	}
	return blocks
}

func linksOf(text string) map[string]bool {
	all := make(map[string]bool)
	for _, m := range link.FindAllStringSubmatch(text, -1) {
		all[m[1]] = true
	}
	return all
}

// pages are the Markdown files of the repository, by their path from here.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, pattern := range []string{"../*.md", "../docs/*.md", "../docs/decisions/*.md", "../bench/*.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all[file] = string(text)
		}
	}
	return all
}

// hasHeading looks for a heading by the anchor that GitHub gives it.
func hasHeading(text, anchor string) bool {
	other := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	for _, h := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		if strings.ReplaceAll(other.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-") == anchor {
			return true
		}
	}
	return false
}
