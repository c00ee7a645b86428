package config

import (
	"regexp"
	"time"

	"go.yaml.in/yaml/v4"
)

// cooldown is how long what failed is not used, by how it failed.
type cooldown struct {
	origin
	defaults [len(defaultCooldowns)]cooldownTime
	other    map[string]*cooldownTime // the statuses without a default, as given
	max      number
}

// defaultCooldowns are the failures after which something is cooled unless the
// file says otherwise.
var defaultCooldowns = [...]struct {
	failure string
	rule    CooldownRule
	doc     string
}{
	{"429", CooldownRule{RetryAfter: true}, "Too many requests."},
	{"401", CooldownRule{For: 300 * time.Second}, "The key is not accepted."},
	{"402", CooldownRule{For: 900 * time.Second}, "The account has no money left."},
	{"529", CooldownRule{For: 30 * time.Second}, "Overloaded."},
	{connectError, CooldownRule{For: 10 * time.Second}, "Not reached: it is always the upstream that is cooled."},
}

func (c *cooldown) fields() []field {
	var out []field
	for i, u := range defaultCooldowns {
		out = append(out, field{u.failure, c.defaults[i].or(u.rule), optional, u.doc})
	}
	return append(out, field{"max_secs", c.max.or(900), optional,
		"No cooldown is longer, whatever an answer asks for."})
}

var anyStatus = regexp.MustCompile(`^[0-9]{3}$`)

func (c *cooldown) called(name string) value {
	if !anyStatus.MatchString(name) {
		return nil
	}
	if c.other == nil {
		c.other = map[string]*cooldownTime{}
	}
	if c.other[name] == nil {
		c.other[name] = &cooldownTime{}
	}
	return c.other[name]
}

func (c *cooldown) others() (string, field) {
	return failureStatus.String(), field{to: &cooldownTime{}, doc: "Any other status of an answer."}
}

func (c *cooldown) check(r *report) {
	for name, v := range c.all() {
		switch {
		case !v.given || v.bad:
		case c.other[name] != nil && !failureStatus.MatchString(name):
			r.problem(&v.origin, "only failures cool: a status from 400 to 599, or %s", connectError)
		case name == "403" && v.v != CooldownRule{}:
			r.problem(&v.origin, "never cools: a 403 is about the request, not the key")
		case name == connectError && v.v.RetryAfter:
			r.problem(&v.origin, "must be a number of seconds: no answer came that could ask for a time")
		case !c.max.bad && v.v.For > c.max.secs():
			r.problem(&v.origin, "must not be more than max_secs (%d)", c.max.v)
		}
	}
}

// all is every cooldown by its failure.
func (c *cooldown) all() map[string]*cooldownTime {
	out := map[string]*cooldownTime{}
	for i, u := range defaultCooldowns {
		out[u.failure] = &c.defaults[i]
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

// cooldownTime is retry_after or a number of seconds; 0 is no cooldown.
type cooldownTime struct {
	origin
	v CooldownRule
}

func (v *cooldownTime) or(rule CooldownRule) *cooldownTime {
	if !v.given {
		v.v = rule
	}
	return v
}

const retryAfter = "retry_after"

func (v *cooldownTime) decode(d *decoder, n *yaml.Node) {
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
