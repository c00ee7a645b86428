package observe

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/prometheus/common/expfmt"
)

var exposition = expfmt.NewFormat(expfmt.TypeTextPlain)

// MetricsType is the Content-Type of MetricsText.
var MetricsType = string(exposition)

// MetricsText writes all metrics as Prometheus reads them (text format 0.0.4),
// compressed or not. It blocks as long as w does.
func (o *Observatory) MetricsText(w io.Writer, compressed bool) error {
	families, gatherErr := o.metrics.registry.Gather()
	if len(families) == 0 && gatherErr != nil {
		return fmt.Errorf("gather metrics: %w", gatherErr)
	}
	var zip *gzip.Writer
	if compressed {
		zip = gzip.NewWriter(w)
		w = zip
	}
	encoder := expfmt.NewEncoder(w, exposition)
	for _, f := range families {
		if err := encoder.Encode(f); err != nil {
			return fmt.Errorf("write metrics: %w", err)
		}
	}
	if zip != nil {
		gatherErr = errors.Join(gatherErr, zip.Close())
	}
	return gatherErr
}

// ReadCooldowns says whom to ask for every key's cooldown, whenever metrics are
// asked for: Gateway.Cooldowns. It is to be called before exchanges are served.
func (o *Observatory) ReadCooldowns(each func(func(route, upstream, key string, left time.Duration))) {
	o.metrics.cooldowns = each
}

// Reloaded notes that a configuration was put in force, or rejected.
func (o *Observatory) Reloaded(ok bool) { o.metrics.setReloaded(ok, time.Now()) }

// dropped is how many log lines were lost.
func (o *Observatory) dropped() int64 {
	return o.stderr.Dropped() + o.stdout.Dropped() + o.filed.Dropped()
}
