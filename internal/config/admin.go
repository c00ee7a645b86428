package config

// admin is the operator's API.
type admin struct {
	origin
	enabled    boolean
	token      text
	pathPrefix text
}

func (a *admin) fields() []field {
	return []field{
		{"enabled", a.enabled.or(false), optional, "Off unless true."},
		{"token", &a.token, optional,
			"The bearer token that opens it; its own, none of the others."},
		{"path_prefix", a.pathPrefix.or("/admin"), optional,
			"Where it is; it wins over routes."},
	}
}

func (a *admin) endpoint() endpoint {
	return endpoint{&a.origin, "admin", "path_prefix", &a.enabled, &a.token, &a.pathPrefix}
}

func (a *admin) build() Admin {
	return Admin{Enabled: a.enabled.v, Token: a.token.v, PathPrefix: a.pathPrefix.v}
}
