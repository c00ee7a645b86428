package simulate

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// object is a JSON object whose members keep the order in which they are
// written, as the providers document them. A value is another object, a list,
// or anything that encoding/json takes.
type object []member

type member struct {
	name  string
	value any
}

// list is a JSON array.
type list []any

// append adds the object's JSON to b.
func (o object) append(b []byte) []byte {
	b = append(b, '{')
	for i, m := range o {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendValue(b, m.name)
		b = append(b, ':')
		b = appendValue(b, m.value)
	}
	return append(b, '}')
}

func (l list) append(b []byte) []byte {
	b = append(b, '[')
	for i, v := range l {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendValue(b, v)
	}
	return append(b, ']')
}

func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case object:
		return v.append(b)
	case list:
		return v.append(b)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	}
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("simulate: a value of an answer: %v", err)) // we write them all
	}
	return append(b, data...)
}

// sse is one server-sent event with the object as its data; name may be empty.
func sse(name string, data object) []byte {
	var b []byte
	if name != "" {
		b = append(b, "event: "+name+"\n"...)
	}
	b = append(b, "data: "...)
	b = data.append(b)
	return append(b, "\n\n"...)
}
