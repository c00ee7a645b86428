package config

import (
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v4"
)

// ratio is a number from 0 to 1.
type ratio struct {
	origin
	v float64
}

func (v *ratio) or(f float64) *ratio {
	if !v.given {
		v.v = f
	}
	return v
}

var decimal = regexp.MustCompile(`^([0-9]+|[0-9]*\.[0-9]+)$`)

func (v *ratio) decode(d *decoder, n *yaml.Node) {
	const wanted = "must be a number from 0 to 1, such as 0.2"
	s, ok := d.unquoted(n, &v.origin, wanted)
	if !ok {
		return
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f > 1 || !decimal.MatchString(s) {
		d.problem(&v.origin, wanted)
		return
	}
	v.v = f
}
