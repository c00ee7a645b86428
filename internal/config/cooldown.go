package config

import (
	"regexp"
	"time"

	"go.yaml.in/yaml/v4"
)

// cooldown is how long what failed rests, by how it failed.
type cooldown struct {
	origin
	usual [len(usualRests)]rest
	other map[string]*rest // the statuses without a default, as given
	max   number
}

// usualRests are the failures after which something rests unless told otherwise.
var usualRests = [...]struct {
	failure string
	rest    CooldownRule
	doc     string
}{
	{"429", CooldownRule{RetryAfter: true}, "Too many requests."},
	{"401", CooldownRule{For: 300 * time.Second}, "The key is not accepted."},
	{"402", CooldownRule{For: 900 * time.Second}, "The account has no money left."},
	{"529", CooldownRule{For: 30 * time.Second}, "Overloaded."},
	{connectError, CooldownRule{For: 10 * time.Second}, "Not reached: it is always the upstream that rests."},
}

func (c *cooldown) fields() []field {
	var out []field
	for i, u := range usualRests {
		out = append(out, field{u.failure, c.usual[i].or(u.rest), optional, u.doc})
	}
	return append(out, field{"max_secs", c.max.or(900), optional,
		"Nothing rests longer, whatever an answer asks for."})
}

var anyStatus = regexp.MustCompile(`^[0-9]{3}$`)

func (c *cooldown) called(name string) value {
	if !anyStatus.MatchString(name) {
		return nil
	}
	if c.other == nil {
		c.other = map[string]*rest{}
	}
	if c.other[name] == nil {
		c.other[name] = &rest{}
	}
	return c.other[name]
}

func (c *cooldown) others() (string, field) {
	return failureStatus.String(), field{to: &rest{}, doc: "Any other status of an answer."}
}

func (c *cooldown) check(r *report) {
	for name, v := range c.all() {
		switch {
		case !v.given || v.bad:
		case c.other[name] != nil && !failureStatus.MatchString(name):
			r.problem(&v.origin, "only failures rest: a status from 400 to 599, or %s", connectError)
		case name == "403" && v.v != CooldownRule{}:
			r.problem(&v.origin, "never rests: a 403 is about the request, not the key")
		case name == connectError && v.v.RetryAfter:
			r.problem(&v.origin, "must be a number of seconds: no answer came that could ask for a time")
		case !c.max.bad && v.v.For > c.max.secs():
			r.problem(&v.origin, "must not be more than max_secs (%d)", c.max.v)
		}
	}
}

// all is every rest by its failure.
func (c *cooldown) all() map[string]*rest {
	out := map[string]*rest{}
	for i, u := range usualRests {
		out[u.failure] = &c.usual[i]
	}
	for name, v := range c.other {
		out[name] = v
	}
	return out
}

// build cuts a default that is longer than a max_secs of the operator's own.
func (c *cooldown) build() Cooldown {
	out := Cooldown{After: map[string]CooldownRule{}, Max: c.max.secs()}
	for name, v := range c.all() {
		rule := v.v
		rule.For = min(rule.For, out.Max)
		out.After[name] = rule
	}
	return out
}

// rest is how long: retry_after, or a number of seconds; 0 is not at all.
type rest struct {
	origin
	v CooldownRule
}

func (v *rest) or(rule CooldownRule) *rest {
	if !v.given {
		v.v = rule
	}
	return v
}

const retryAfter = "retry_after"

func (v *rest) decode(d *decoder, n *yaml.Node) {
	const wanted = "must be retry_after or a whole number of seconds, 0 or more"
	if n.Kind == yaml.ScalarNode && n.Value == retryAfter {
		v.v = CooldownRule{RetryAfter: true}
		return
	}
	s, ok := d.unquoted(n, &v.origin, wanted)
	switch {
	case !ok:
	case s == retryAfter:
		v.v = CooldownRule{RetryAfter: true}
	default:
		secs := d.wholeNumber(s, 0, &v.origin, wanted)
		v.v = CooldownRule{For: time.Duration(secs) * time.Second}
	}
}
