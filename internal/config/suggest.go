package config

import "strings"

// hint says what an unknown field may have been meant to be: the nearest field
// of its section, else the section it belongs in, else all that may stand here.
func (d *decoder) hint(name, near string, here []field) string {
	if near != "" {
		return " (did you mean " + near + "?)"
	}
	var homes []string
	eachField(&file{}, "", func(path string, f field) {
		if f.name == name {
			section := strings.TrimSuffix(strings.TrimSuffix(path, name), ".")
			if section == "" {
				section = "the top level"
			}
			homes = append(homes, section)
		}
	})
	if len(homes) > 0 && len(homes) <= 2 {
		return " here; it belongs in " + strings.Join(homes, " or ")
	}
	names := make([]string, len(here))
	for i, f := range here {
		names[i] = f.name
	}
	return "; known here: " + strings.Join(names, ", ")
}

// nearest is the field whose name is closest to name, "" if none is close.
// baseUrl and base-url are base_url.
func nearest(name string, fields []field) string {
	fold := func(s string) string {
		return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(s))
	}
	best, limit := "", 1+len(name)/4
	for _, f := range fields {
		if n := distance(fold(name), fold(f.name)); n <= limit {
			best, limit = f.name, n-1
		}
	}
	return best
}

// distance counts the letters to add, drop, change or swap with their
// neighbour to get from a to b (optimal string alignment).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			rows[i][j] = min(change, rows[i-1][j]+1, rows[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// fieldNames is every name a field anywhere in the file can have.
func fieldNames() map[string]bool {
	names := map[string]bool{}
	eachField(&file{}, "", func(_ string, f field) { names[f.name] = true })
	return names
}
