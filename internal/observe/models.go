package observe

import "unicode/utf8"

// models bounds the values of the label "model": clients name models as they
// like, and each new value is a time series for good.
type models struct {
	seen handles[string, string]
}

const (
	mostModels   = 200
	longestModel = 128 // bytes
	otherModel   = "other"
)

// label is the label's value for a model that an answer has confirmed.
func (m *models) label(model string) string {
	if label, found := m.seen.get(model); found {
		return label
	}
	if model == "" || len(model) > longestModel || !utf8.ValidString(model) || len(m.seen.all()) >= mostModels {
		return otherModel
	}
	return m.seen.add(model, func() string {
		if len(m.seen.all()) >= mostModels {
			return otherModel
		}
		return model
	})
}
