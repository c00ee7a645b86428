package config

// endpoint is a path that the gateway answers itself to whoever holds its token.
type endpoint struct {
	section     *origin
	name        string // the section's
	pathName    string // within it
	enabled     *boolean
	token, path *text
}

// on says whether it is certain to be served.
func (e endpoint) on() bool { return e.enabled.v && !e.enabled.bad }

// endpoints are those that there may be, in the order of their rank.
func (f *file) endpoints() []endpoint {
	return []endpoint{f.admin.endpoint(), f.observability.metrics.endpoint()}
}

// checkEndpoints looks at disabled ones too: a mistake in them would come to
// light on the day they are enabled.
func (f *file) checkEndpoints(r *report) (own []ownPath) {
	own = []ownPath{{healthz, healthz}}
	tokens := map[string]string{}
	for i := range f.auth.tokens.items {
		if t := &f.auth.tokens.items[i]; !t.bad {
			tokens[t.v] = t.field
		}
	}
	for _, e := range f.endpoints() {
		e.checkToken(r, tokens)
		if e.checkPath(r, own) && e.on() {
			own = append(own, ownPath{e.path.v, join(e.name, e.pathName)})
		}
	}
	return own
}

// checkToken reports a token that cannot keep others out. known are those
// there are, with the field of each; the endpoint's is added.
func (e endpoint) checkToken(r *report, known map[string]string) {
	switch t := e.token; {
	case t.bad:
	case e.on() && !t.given:
		r.missing(e.section, "token", "is missing: %s is enabled and opens to its token alone", e.name)
	case t.v == "" && !e.on(): // nobody needs it yet
	case !checkSecret(r, t, "token"):
	case known[t.v] != "":
		r.problem(&t.origin, "is the same token as %s; %s needs one of its own", known[t.v], e.name)
	default:
		known[t.v] = t.field
	}
}

// checkPath reports a path that cannot be served beside those in own.
func (e endpoint) checkPath(r *report, own []ownPath) bool {
	p := e.path
	if p.bad || !p.given && !e.on() {
		return false
	}
	wrong := wrongInPrefix(p.v)
	if p.v == "/" {
		wrong = `must not be "/": it wins over every route`
	}
	for _, other := range own {
		if (e.on() || other.path == healthz) && (isBelow(p.v, other.path) || isBelow(other.path, p.v)) {
			wrong = "overlaps with " + other.name + ", another path of the gateway's own"
		}
	}
	switch {
	case wrong == "":
		return true
	case p.given:
		r.problem(&p.origin, "%s", wrong)
	default:
		r.missing(e.section, e.pathName, "is %s by default, which %s", p.v, wrong)
	}
	return false
}
