package observe

import (
	"strings"
	"unicode"

	"ai-gw-lite/internal/usage"
)

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

// unprintable: a label is for people, and a control character is for their
// terminal. Bytes that are no UTF-8 come as U+FFFD.
func unprintable(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }

// label is the label's value for a model that an answer has confirmed.
func (m *models) label(model string) string {
	if label, found := m.seen.get(model); found {
		return label
	}
	if model == "" || model == usage.ModelTooLong || len(model) > longestModel || strings.ContainsFunc(model, unprintable) || len(m.seen.all()) >= mostModels {
		return otherModel
	}
	return m.seen.add(model, func() string {
		if len(m.seen.all()) >= mostModels {
			return otherModel
		}
		return model
	})
}
