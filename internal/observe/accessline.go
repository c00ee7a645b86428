package observe

import (
	"strconv"
	"time"

	"ai-gw-lite/internal/usage"
)

// An access line is one exchange, in fields that never change their order or
// go missing. They are appended one by one: nothing is looked up and, but for
// the line itself, no memory is needed.

// appendJSONLine appends the exchange as a JSON object on a line.
func appendJSONLine(b []byte, r *record, s *stamp) []byte {
	b = append(b, `{"time":"`...)
	b = s.append(b, r.Start.UnixNano()+int64(r.Duration))
	b = append(b, `","request_id":`...)
	b = appendJSON(b, r.requestID)
	b = append(b, `,"client":`...)
	b = appendJSON(b, r.Client)
	b = append(b, `,"route":`...)
	b = appendJSON(b, r.Route)
	b = append(b, `,"token":`...)
	b = appendJSON(b, r.Token)
	b = append(b, `,"method":`...)
	b = appendJSON(b, r.method)
	b = append(b, `,"path":`...)
	b = appendJSON(b, r.path)
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(r.Status), 10)
	b = append(b, `,"code":`...)
	b = appendJSON(b, r.Code)
	b = append(b, `,"upstream":`...)
	b = appendJSON(b, r.Upstream)
	b = append(b, `,"key":`...)
	b = appendJSON(b, r.Key)
	b = append(b, `,"attempts":`...)
	b = strconv.AppendInt(b, int64(len(r.Attempts)), 10)
	b = append(b, `,"bytes_in":`...)
	b = strconv.AppendInt(b, r.BytesIn, 10)
	b = append(b, `,"bytes_out":`...)
	b = strconv.AppendInt(b, r.BytesOut, 10)
	b = append(b, `,"ttfb_ms":`...)
	b = appendTTFB(b, r)
	b = append(b, `,"duration_ms":`...)
	b = appendMillis(b, r.Duration)
	b = append(b, `,"end":`...)
	b = appendJSON(b, string(r.end))
	b = append(b, `,"model":`...)
	b = appendJSON(b, r.model)
	b = append(b, `,"usage":`...)
	if r.counted {
		b = appendJSONUsage(b, &r.usage)
	} else {
		b = append(b, "null"...)
	}
	return append(b, "}\n"...)
}

func appendJSONUsage(b []byte, u *usage.Usage) []byte {
	b = append(b, '{')
	for i, f := range figuresOf(u) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, f.name...)
		b = append(b, `":`...)
		b = appendCount(b, f.count)
	}
	if u.Raw != nil {
		b = append(b, `,"raw":`...)
		b = appendCompact(b, u.Raw)
	}
	return append(b, '}')
}

// appendTextLine appends the exchange as key=value pairs on a line.
func appendTextLine(b []byte, r *record, s *stamp) []byte {
	b = append(b, "time="...)
	b = s.append(b, r.Start.UnixNano()+int64(r.Duration))
	for _, f := range [...]struct{ name, value string }{
		{" request_id=", r.requestID}, {" client=", r.Client}, {" route=", r.Route},
		{" token=", r.Token}, {" method=", r.method}, {" path=", r.path},
	} {
		b = append(b, f.name...)
		b = appendText(b, f.value)
	}
	b = append(b, " status="...)
	b = strconv.AppendInt(b, int64(r.Status), 10)
	for _, f := range [...]struct{ name, value string }{
		{" code=", r.Code}, {" upstream=", r.Upstream}, {" key=", r.Key},
	} {
		b = append(b, f.name...)
		b = appendText(b, f.value)
	}
	b = append(b, " attempts="...)
	b = strconv.AppendInt(b, int64(len(r.Attempts)), 10)
	b = append(b, " bytes_in="...)
	b = strconv.AppendInt(b, r.BytesIn, 10)
	b = append(b, " bytes_out="...)
	b = strconv.AppendInt(b, r.BytesOut, 10)
	b = append(b, " ttfb_ms="...)
	b = appendTTFB(b, r)
	b = append(b, " duration_ms="...)
	b = appendMillis(b, r.Duration)
	b = append(b, " end="...)
	b = append(b, r.end...)
	b = append(b, " model="...)
	b = appendText(b, r.model)
	b = appendTextUsage(b, &r.usage)
	return append(b, '\n')
}

// appendTextUsage leaves out what is unknown, and the provider's own object:
// it has no place in a line for people.
func appendTextUsage(b []byte, u *usage.Usage) []byte {
	before := len(b)
	for _, f := range figuresOf(u) {
		if _, known := f.count.Value(); known {
			b = append(b, " usage."...)
			b = append(b, f.name...)
			b = append(b, '=')
			b = appendCount(b, f.count)
		}
	}
	if len(b) == before {
		return append(b, " usage=null"...)
	}
	return b
}

type figure struct {
	name  string
	count usage.Count
}

func figuresOf(u *usage.Usage) [6]figure {
	return [6]figure{
		{"input_uncached", u.InputUncached}, {"cache_read", u.CacheRead}, {"cache_write", u.CacheWrite},
		{"output", u.Output}, {"reasoning", u.Reasoning}, {"total", u.Total},
	}
}

func appendCount(b []byte, c usage.Count) []byte {
	n, known := c.Value()
	if !known {
		return append(b, "null"...)
	}
	return strconv.AppendInt(b, n, 10)
}

// appendTTFB is null for an exchange whose client got no head of an answer.
func appendTTFB(b []byte, r *record) []byte {
	if r.Status == 0 || r.FirstByte == 0 {
		return append(b, "null"...)
	}
	return appendMillis(b, r.FirstByte)
}

// appendMillis appends milliseconds, to the microsecond: 1500, 0.25, 12.003.
func appendMillis(b []byte, d time.Duration) []byte {
	us := max(d.Microseconds(), 0)
	b = strconv.AppendInt(b, us/1000, 10)
	rest := us % 1000
	if rest == 0 {
		return b
	}
	b = append(b, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b
}
