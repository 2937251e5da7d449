package telemetrytest_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/telemetry/telemetrytest"
)

// The benchmarks of the compiled functions: `make bench`. What is compared runs in turns, round after round, so that
// whatever else the machine does meets all of it alike. docs/performance.md says what the numbers mean.

// run is one way to start a function.
type run struct {
	name     string   // in the table
	function string   // hello, or one of ours
	binary   string   // the function's, when it is another one than the deployed; "" otherwise
	settings []string // beside those that it is deployed with
	traced   bool     // with the extension
	cold     bool     // with a binary that is not in the page cache
}

// BenchmarkStart measures each function from exec to its first answered event, beside the least that Go can do.
func BenchmarkStart(b *testing.B) {
	for _, cold := range []bool{false, true} {
		runs := []run{{name: "hello", function: "hello", cold: cold}}
		for _, traced := range []bool{false, true} {
			for _, function := range []string{"ingest", "dispatcher", "scheduler", "outcome"} {
				name := function + map[bool]string{true: ", traced"}[traced]
				runs = append(runs, run{name: name, function: function, traced: traced, cold: cold})
			}
		}
		compare(b, runs)
	}
}

// BenchmarkLevers measures what each setting of the template gives to the start of a traced ingest, and what other ways
// to build it do, which .ci/trace-test puts into the folder levers.
func BenchmarkLevers(b *testing.B) {
	telemetry, remote := "DD_INSTRUMENTATION_TELEMETRY_ENABLED=true", "DD_REMOTE_CONFIGURATION_ENABLED=true"
	metrics, logs := "DD_RUNTIME_METRICS_V2_ENABLED=true", "DD_TRACE_STARTUP_LOGS=true"
	runs := []run{{name: "as deployed"}}
	for _, settings := range [][]string{
		{"GOGC=100"},
		{"GOGC=200"},
		{"GOGC=800"},
		{"GOGC=off"},
		{telemetry},
		{remote},
		{metrics},
		{logs},
		{telemetry, remote, metrics, logs},
		{untraced},
	} {
		runs = append(runs, run{name: strings.Join(settings, " "), settings: settings})
	}
	built, err := os.ReadDir(binary("levers"))
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range built {
		runs = append(runs, run{name: f.Name(), binary: "levers/" + f.Name()})
	}
	for _, cold := range []bool{false, true} {
		for i := range runs {
			runs[i].function, runs[i].traced, runs[i].cold = "ingest", true, cold
		}
		compare(b, runs)
	}
}

// untraced leaves the extension and the tracer's code, and takes the tracer.
const untraced = "DD_TRACE_ENABLED=false"

// compare does all runs in each round, and prints their medians and how many times that of the first run each is. Beside the
// medians stand the first deciles, which are those of the machine's quiet moments.
func compare(b *testing.B, runs []run) {
	b.Run(map[bool]string{false: "warm", true: "cold"}[runs[0].cold]+" page cache", func(b *testing.B) {
		l := newLab(b)
		for _, r := range runs {
			l.start(r) // what is done only once
		}
		inits, wholes := make([][]time.Duration, len(runs)), make([][]time.Duration, len(runs))
		for b.Loop() {
			for _, i := range rand.Perm(len(runs)) { // none always follows the same other one
				init, whole := l.start(runs[i])
				inits[i], wholes[i] = append(inits[i], init), append(wholes[i], whole)
			}
		}
		// On standard output, because a benchmark's own log is cut after ten lines.
		fmt.Printf("\nms, n = %d: init and whole by median, whole by first decile, each with its ratio\n", b.N)
		for i, r := range runs {
			for _, column := range []struct {
				all [][]time.Duration
				q   float64
			}{{inits, .5}, {wholes, .5}, {wholes, .1}} {
				took := at(column.all[i], column.q)
				fmt.Printf("%6.1f %4.2f ", took, took/at(column.all[0], column.q))
			}
			fmt.Println(" " + r.name)
		}
	})
}

// BenchmarkWarmIngest invokes two environments of ingest in turns, one with tracing and one without.
func BenchmarkWarmIngest(b *testing.B) {
	l := newLab(b)
	var functions [2]*telemetrytest.Function // without, with
	for i := range functions {
		l.install(i == 1)
		functions[i] = l.run("ingest", "ingest")
	}
	event := delivery(b, "triggered-p1")
	var all [2][]time.Duration
	invoke := func() {
		for i, f := range functions {
			r := f.Invoke(event)
			answered(b, r, 202)
			all[i] = append(all[i], r.Took)
		}
		l.aws.Take()
	}
	for range 200 {
		invoke()
	}
	all = [2][]time.Duration{}
	for b.Loop() {
		invoke()
	}
	without, with := at(all[0], .5), at(all[1], .5)
	fmt.Printf("\nmedian ms of %d: %.3f without tracing, %.3f with, ratio %.2f\n", b.N, without, with, with/without)
}

// at is a quantile, in milliseconds.
func at(all []time.Duration, q float64) float64 {
	slices.Sort(all)
	return float64(all[int(q*float64(len(all)))]) / 1e6
}
