package alertbridge_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/alertbridge/alertbridge/"

// rule says what packages may not import, and why. Folders and imports are path prefixes; ours are written without the
// module's name.
type rule struct {
	in      []string // the packages that the rule is for; nil: all
	except  []string // and not for these
	never   []string // imports that it forbids; nil: all that only does not list
	only    []string // imports that it allows all the same; "std" is the standard library
	tests   bool     // also in test files
	because string
}

const (
	awsSDK    = "github.com/aws/aws-sdk-go-v2"
	smithy    = "github.com/aws/smithy-go"
	awsLambda = "github.com/aws/aws-lambda-go"
)

var mains = []string{"functions/ingest", "functions/dispatcher", "functions/scheduler", "functions/outcome"}

var rules = []rule{
	{
		in: []string{"shared/alert"}, only: []string{"std"},
		because: "what an alert is must not depend on who sent it or where it is kept",
	},
	{
		in: []string{"shared/redact"}, only: []string{"std"},
		because: "what takes secrets out of text must be able to stand anywhere, below the logger too",
	},
	{
		in: []string{"shared/answer"}, except: []string{"shared/answer/ddevents", "shared/answer/pagerduty", "shared/answer/words"},
		only:    []string{"std", "shared/alert", "shared/delivery", "shared/redact"},
		because: "what is told, and what becomes of it, must not depend on where it is told",
	},
	{
		in:      []string{"shared/answer/words"},
		only:    []string{"std", "shared/alert", "shared/answer", "shared/gate", "shared/redact"},
		because: "what is said of a case is a matter of the case alone: not of when and where it is said",
	},
	{
		in: []string{"shared/call", "shared/answer/ddevents", "shared/answer/pagerduty"},
		only: []string{
			"std", "shared/alert", "shared/answer", "shared/call", "shared/clock", "shared/delivery", "shared/redact", "shared/secret",
		},
		because: "a call and a place where answers go know nothing of gate, ledger and stores: they are handed finished data",
	},
	{
		in: []string{"shared/batch"}, only: []string{"std", awsLambda + "/events", "shared/telemetry"},
		because: "how messages are taken must not depend on what is in them",
	},
	{
		in: []string{"shared/match"}, only: []string{"std", "shared/alert"},
		because: "which alerts are meant is asked by what decides, by what is set by hand and by the operator's command",
	},
	{
		in: []string{"shared/gate", "shared/delivery", "shared/secret"}, except: []string{"shared/secret/awssecret"},
		only:    []string{"std", "shared/alert", "shared/match", "shared/gate", "shared/delivery", "shared/secret"},
		because: "what decides must run anywhere: in a function, in a test, in a simulation",
	},
	{
		except: append([]string{
			"shared/queue/sqsqueue", "shared/ledger/dynamoledger", "shared/secret/awssecret", "shared/start/awsstart",
			"shared/agent/agentapi", // the Agent's API is AWS's too, and signed as all of them are
			"cmd/alertbridge",
		}, mains...),
		never:   []string{awsSDK, smithy},
		because: "AWS is met in adapters named after what they adapt; everything else can be run without it",
	},
	{
		in:      []string{"functions/ingest/intake", "functions/dispatcher/dispatch", "functions/scheduler/schedule", "functions/scheduler/tell", "functions/outcome/follow"},
		never:   []string{awsSDK, smithy},
		because: "a handler runs in tests and on a laptop over other adapters; its main alone chooses those of AWS",
	},
	{
		except: []string{"shared/telemetry"}, tests: true,
		never:   []string{"github.com/DataDog/", "gopkg.in/DataDog/"},
		because: "Datadog's packages will be replaced by their successors, and that must be a change of one package",
	},
	{
		except:  []string{"shared/policy", "cmd/alertbridge/scenario"},
		never:   []string{"github.com/goccy/"},
		because: "YAML is read strictly, where each of the two files that people write is; what they mean is plain data everywhere else",
	},
	{
		in:      []string{"shared"},
		never:   []string{"functions", "cmd", "events"},
		because: "what is shared must not know who uses it",
	},
	{
		in:      mains,
		never:   []string{"shared/queue/memqueue", "shared/ledger/memledger"},
		because: "a function in production has no adapter that keeps things in memory",
	},
	{
		in: []string{"functions"}, never: []string{"cmd", "events"},
		because: "what is deployed must not carry the operator's command or the test corpus",
	},
	{
		in:      []string{"shared", "functions"},
		never:   []string{awsLambda + "/lambda"},
		except:  []string{"shared/telemetry"},
		because: "one place starts a function, and guards it",
	},
	{
		except: []string{"cmd"},
		never: []string{
			"shared/agent/agenttest", "shared/ledger/ledgertest", "shared/queue/queuetest", "shared/telemetry/telemetrytest",
			"shared/ledger/dynamoledger/dynamotest", "shared/queue/sqsqueue/sqstest", "shared/setting/settingtest", "docs/docstest",
			"shared/datadog/datadogtest", "shared/redact/redacttest", "shared/answer/answertest", "shared/call/calltest", "shared/goldentest",
		},
		because: "what stands in for something in tests must not reach production",
	},
	{
		never: []string{"text/template", "html/template", "net/rpc", "plugin"}, except: []string{"cmd", "events"},
		because: "each of them switches off the linker's dead-code elimination for the whole function: 8 MB more",
	},
}

func TestImports(t *testing.T) {
	files := sources(t)
	for _, r := range rules {
		met := 0
		for _, f := range files {
			if f.test && !r.tests || !under(f.folder, r.in, true) || under(f.folder, r.except, false) || ofTests(f.folder) {
				continue
			}
			for _, imp := range f.imports {
				met++
				if r.forbids(imp) {
					t.Errorf("%s imports %s, and must not: %s", f.path, imp, r.because)
				}
			}
		}
		if met == 0 {
			t.Errorf("the rule %q meets no import at all; is it still about this code?", r.because)
		}
	}
}

func (r rule) forbids(imp string) bool {
	if r.never != nil {
		return under(imp, r.never, false)
	}
	std := !strings.Contains(strings.Split(imp, "/")[0], ".") && !ours(imp)
	return !(std && slices.Contains(r.only, "std")) && !under(imp, r.only, false)
}

// ours tells an import of this module, which sources has stripped of the module's name.
func ours(imp string) bool {
	return under(imp, []string{"shared", "functions", "cmd", "events"}, false)
}

// under tells whether a path is one of these or below it; without any, otherwise.
func under(path string, prefixes []string, otherwise bool) bool {
	if len(prefixes) == 0 {
		return otherwise
	}
	return slices.ContainsFunc(prefixes, func(p string) bool {
		return path == p || strings.HasPrefix(path, strings.TrimSuffix(p, "/")+"/")
	})
}

// ofTests tells a package that is itself a helper of tests: it may import what it helps with.
func ofTests(folder string) bool {
	for part := range strings.SplitSeq(folder, "/") {
		if part == "testdata" || strings.HasPrefix(part, ".") || len(part) > 4 && strings.HasSuffix(part, "test") {
			return true
		}
	}
	return false
}

type source struct {
	path, folder string
	test         bool
	imports      []string
}

// sources reads what every Go file of the repository imports.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasPrefix(path, ".") || !strings.Contains(path, "/") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		s := source{path: path, folder: filepath.Dir(path), test: strings.HasSuffix(path, "_test.go")}
		for _, i := range f.Imports {
			name, _ := strconv.Unquote(i.Path.Value)
			s.imports = append(s.imports, strings.TrimPrefix(name, module))
		}
		all = append(all, s)
		return nil
	})
	if err != nil || len(all) < 50 {
		t.Fatalf("%d files: %v", len(all), err)
	}
	return all
}

// The rules must bite: each is held against an import that it is there to forbid.
func TestImportRulesForbid(t *testing.T) {
	for _, c := range []struct {
		folder, imp string
		forbidden   bool
	}{
		{"shared/alert", "encoding/json", false},
		{"shared/alert", "shared/gate", true},
		{"shared/redact", "shared/alert", true},
		{"shared/answer", "shared/call", true},
		{"shared/answer/ddevents", "shared/call", false},
		{"shared/answer/ddevents", "shared/gate", true},
		{"shared/answer/words", "shared/gate", false},
		{"shared/answer/words", "shared/ledger", true},
		{"shared/call", "golang.org/x/net", true},
		{"shared/batch", awsLambda + "/events", false},
		{"shared/batch", "shared/queue", true},
		{"shared/gate", "shared/ledger", true},
		{"shared/gate", "shared/match", false},
		{"shared/gate", "shared/policy", true},
		{"shared/match", "shared/gate", true},
		{"shared/policy", "github.com/goccy/go-yaml/ast", false},
		{"cmd/alertbridge/scenario", "github.com/goccy/go-yaml/ast", false},
		{"cmd/alertbridge", "github.com/goccy/go-yaml", true},
		{"shared/gate", "golang.org/x/text", true},
		{"shared/ledger", awsSDK + "/aws", true},
		{"shared/ledger/dynamoledger", awsSDK + "/aws", false},
		{"functions/ingest", awsSDK + "/config", false},
		{"shared/start", awsSDK + "/config", true},
		{"shared/start/awsstart", awsSDK + "/config", false},
		{"shared/agent", awsSDK + "/service/devopsagent", true},
		{"shared/agent/agentapi", awsSDK + "/service/devopsagent", false},
		{"functions/ingest/intake", awsSDK + "/service/sqs", true},
		{"functions/dispatcher/dispatch", smithy, true},
		{"functions/scheduler/schedule", awsSDK + "/service/dynamodb", true},
		{"functions/dispatcher/dispatch", "gopkg.in/DataDog/dd-trace-go.v1/ddtrace/tracer", true},
		{"shared/telemetry", "gopkg.in/DataDog/dd-trace-go.v1/ddtrace/tracer", false},
		{"shared/start", "functions/dispatcher/dispatch", true},
		{"functions/ingest", "shared/queue/memqueue", true},
		{"functions/ingest/intake", "cmd/alertbridge/local", true},
		{"shared/start", awsLambda + "/lambda", true},
		{"functions/scheduler", "shared/agent/agenttest", true},
		{"cmd/alertbridge/local", "shared/agent/agenttest", false},
		{"shared/agent/agentapi", "shared/agent/agenttest/apitest", true},
		{"shared/datadog", "text/template", true},
	} {
		got := false
		for _, r := range rules {
			if under(c.folder, r.in, true) && !under(c.folder, r.except, false) && r.forbids(c.imp) {
				got = true
			}
		}
		if got != c.forbidden {
			t.Errorf("%s importing %s: forbidden %t, want %t", c.folder, c.imp, got, c.forbidden)
		}
	}
}
