package usage

import "encoding/json"

// raw is the one usage object, or the first updated with the last. It is the
// answer's memory until the next reset.
func (a *answer) raw() json.RawMessage {
	one := a.first
	if len(a.last) > 0 {
		one = a.last
	}
	if a.rawLost || !readable(one) {
		return nil
	}
	if len(a.last) == 0 || !readable(a.first) {
		return one
	}
	var merged, last map[string]json.RawMessage
	if json.Unmarshal(a.first, &merged) != nil || json.Unmarshal(a.last, &last) != nil {
		return a.last
	}
	for key, value := range last {
		if _, ok := merged[key]; !ok || string(value) != "null" {
			merged[key] = value
		}
	}
	if len(merged) == len(last) && !hasNull(last) {
		return a.last // it says all that the first one said: as sent
	}
	raw, _ := json.Marshal(merged) // of JSON: cannot fail
	return raw
}

func hasNull(m map[string]json.RawMessage) bool {
	for _, value := range m {
		if string(value) == "null" {
			return true
		}
	}
	return false
}
