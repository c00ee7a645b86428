package config

// stream is what happens when the client leaves a stream.
type stream struct {
	origin
	onDisconnect text
	drainMax     number
}

func (s *stream) fields() []field {
	return []field{
		{"on_client_disconnect", s.onDisconnect.oneOf("cancel", "drain").or("cancel"), optional,
			"cancel: the upstream is told at once. drain: it is read on, so that usage is known, and its slot held."},
		{"drain_max_secs", s.drainMax.or(30), optional,
			"How long at most it is read on."},
	}
}

func (s *stream) build() Stream {
	return Stream{DrainOnDisconnect: s.onDisconnect.v == "drain", DrainMax: s.drainMax.secs()}
}
