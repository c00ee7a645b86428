package observe

import (
	"time"

	_ "time/tzdata" // an image with the program alone in it knows no time zones
)

// A stamp writes the time of lines: RFC 3339, local, with milliseconds. All but
// those is worked out once a second.
type stamp struct {
	second     int64 // since 1970
	date, zone []byte
}

// append takes the time in nanoseconds since 1970.
func (s *stamp) append(b []byte, at int64) []byte {
	second, rest := at/int64(time.Second), at%int64(time.Second)
	if second != s.second || s.date == nil {
		local := time.Unix(second, 0)
		s.second = second
		s.date = local.AppendFormat(s.date[:0], "2006-01-02T15:04:05.")
		s.zone = local.AppendFormat(s.zone[:0], "Z07:00")
	}
	ms := rest / int64(time.Millisecond)
	b = append(b, s.date...)
	b = append(b, byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
	return append(b, s.zone...)
}
