package serve

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// measures are what /metrics tells.
type measures struct {
	requests *prometheus.CounterVec   // by what was asked, model and status
	seconds  *prometheus.HistogramVec // by what was asked and model
	rows     *prometheus.CounterVec   // answered for, by model
	together prometheus.Histogram
	running  prometheus.Gauge
	refused  *prometheus.CounterVec
	taken    *prometheus.CounterVec
	info     *prometheus.GaugeVec
}

func newMeasures(r *prometheus.Registry) *measures {
	m := &measures{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "debut_requests_total", Help: "Requests that were answered."}, []string{"answer", "model", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "debut_request_seconds", Help: "Time from the head of a request to the end of its answer.", Buckets: prometheus.ExponentialBuckets(0.0001, 2, 16),
		}, []string{"answer", "model"}),
		rows:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "debut_rows_total", Help: "Rows that were predicted, lists that were made, events that were taken."}, []string{"answer", "model"}),
		together: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "debut_rows_scored_together", Help: "Rows that were scored at once.", Buckets: prometheus.ExponentialBuckets(1, 4, 8)}),
		running:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "debut_requests_running", Help: "Requests that are being answered."}),
		refused:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "debut_models_refused_total", Help: "New models that could not be opened, while the old one went on."}, []string{"model"}),
		taken:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "debut_models_loaded_total", Help: "Models that were opened."}, []string{"model"}),
		info:     prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "debut_model_info", Help: "1 for the version that answers."}, []string{"model", "version"}),
	}
	r.MustRegister(m.requests, m.seconds, m.rows, m.together, m.running, m.refused, m.taken, m.info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// loaded notes that a version of a model answers from now on.
func (m *measures) loaded(name, version string) {
	m.taken.WithLabelValues(name).Inc()
	m.info.DeletePartialMatch(prometheus.Labels{"model": name})
	m.info.WithLabelValues(name, version).Set(1)
}
