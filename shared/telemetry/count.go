package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"slices"
	"sync"
	"time"

	ddlambda "github.com/DataDog/datadog-lambda-go"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Recorder writes counters. A nil Recorder counts nothing. It may be used by several goroutines.
type Recorder struct {
	mu       sync.Mutex
	out      io.Writer
	now      func() time.Time
	function string
	version  string
	stack    string
	// datadog is nil without the extension: Datadog's library would then wait for its public API.
	datadog func(name string, value float64, tags ...string)
}

// NewRecorder makes the Recorder of a function.
func NewRecorder(cfg Config) *Recorder {
	r := &Recorder{out: cfg.out(), now: cfg.now, function: cfg.Function, version: cfg.Version, stack: cfg.Stack}
	if r.stack == "" {
		r.stack = "none" // CloudWatch drops a counter whose dimension is empty
	}
	if cfg.Datadog {
		r.datadog = ddlambda.Metric
	}
	return r
}

// Count adds n to a counter. The dimensions must be the counter's own, in the order of its Definition; otherwise it is
// counted without them, so that the alarm on it still sees it. An n that is no number is not counted.
func (r *Recorder) Count(ctx context.Context, m Metric, n float64, dims ...Dimension) {
	i := slices.IndexFunc(metrics[:], func(d Definition) bool { return d.Metric == m })
	if r == nil || i < 0 || math.IsNaN(n) || math.IsInf(n, 0) {
		return
	}
	def := metrics[i]
	if !slices.EqualFunc(def.Dimensions, dims, func(name string, d Dimension) bool { return d.name == name && d.value != "" }) {
		dims = nil
	}
	r.write(r.line(ctx, def, n, dims))
	if r.datadog != nil {
		r.datadog(def.Datadog, n, r.tags(dims)...)
	}
}

// line is one record in CloudWatch's embedded metric format. Members that it does not name as dimensions are for those
// who read logs.
func (r *Recorder) line(ctx context.Context, def Definition, n float64, dims []Dimension) []byte {
	sets := [][]string{{"stack"}}
	record := map[string]any{"stack": r.stack, string(def.Metric): n, "function": r.function, "version": r.version}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		record["request_id"] = lc.AwsRequestID
	}
	if len(dims) > 0 {
		sets = append(sets, append([]string{"stack"}, def.Dimensions...))
	}
	for _, d := range dims {
		record[d.name] = d.value
	}
	record["_aws"] = map[string]any{
		"Timestamp": r.now().UnixMilli(),
		"CloudWatchMetrics": []any{map[string]any{
			"Namespace":  Namespace,
			"Dimensions": sets,
			"Metrics":    []any{map[string]string{"Name": string(def.Metric), "Unit": def.Unit}},
		}},
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b) // ends the line
	enc.SetEscapeHTML(false)
	_ = enc.Encode(record) // strings and one finite number
	return b.Bytes()
}

func (r *Recorder) write(line []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = r.out.Write(line) // nobody can be told when standard output is gone
}

// tags are the dimensions in Datadog's form. The extension adds env, service and version.
func (r *Recorder) tags(dims []Dimension) []string {
	tags := []string{"stack:" + r.stack}
	for _, d := range dims {
		tags = append(tags, d.name+":"+d.value)
	}
	return tags
}
