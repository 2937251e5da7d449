// Package events is the corpus: the events that Lambda hands to the functions, one file each, with what must come out
// of them in manifest.json. The same files serve the tests, `alertbridge run`, `sam local invoke` and the documentation.
//
//	http/         what the HTTP API hands to ingest (payload format 2.0): deliveries from Datadog, good and bad
//	sqs/          what the queue hands to dispatcher, made of the first by ingest itself; see batch_test.go
//	schedule/     what EventBridge hands to scheduler
//	eventbridge/  what EventBridge delivers of the Agent's tasks, for whoever follows them
//
// The deliveries have the shapes of captured ones, with names and values of our own. They are one story: those of http
// are played in the manifest's order against one ledger, so that a recovery follows its trigger.
//
// Their times are fixed, and an alert that is hours old starts nothing. So whoever plays them moves them to the present
// with Fresh, and the manifest says what must come out then. How long a delivery was on its way stays as it is: the one
// that was too old stays too old.
//
// The functions never import this package.
package events

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"strconv"
	"strings"

	lambda "github.com/aws/aws-lambda-go/events"

	"github.com/alertbridge/alertbridge/shared/gate"
)

// The tokens of the corpus: what its deliveries present, and so what ingest has to know when it is given them.
const (
	Token         = "example-ingest-token-for-local-use-only"
	PreviousToken = "example-ingest-token-before-the-last-rotation"
)

//go:embed manifest.json http/*.json sqs/*.json schedule/*.json eventbridge/*.json
var files embed.FS

// Delivery is one event of http with what must come out of it.
type Delivery struct {
	Case      string `json:"case"`  // the file's name without its ending
	About     string `json:"about"` // one line for people
	Generated bool   `json:"generated,omitempty"`

	Status int `json:"status"` // what ingest answers
	// Rejected is ingest's reason where Status is no 2xx, as in its log.
	Rejected string       `json:"rejected,omitempty"`
	Verdict  gate.Verdict `json:"verdict,omitempty"` // empty: nothing is recorded
	Reason   gate.Reason  `json:"reason,omitempty"`
	Agent    *Told        `json:"agent,omitempty"` // what the Agent must receive where the verdict is a start

	Request lambda.APIGatewayV2HTTPRequest `json:"-"`
}

// Told is what must be in the event that the Agent receives.
type Told struct {
	Priority string   `json:"priority"`
	Service  string   `json:"service"`
	Contains []string `json:"contains,omitempty"` // each is in the description
	Lacks    []string `json:"lacks,omitempty"`    // none is anywhere
}

// Batch is one event of sqs with what must come out of it when the ledger is empty.
type Batch struct {
	Case  string `json:"case"`
	About string `json:"about"`
	// Records are what becomes of each record, in order.
	Records []Record `json:"records"`

	Event lambda.SQSEvent `json:"-"`
}

// Record is what becomes of one message: a verdict, or it is given back to the queue.
type Record struct {
	Verdict gate.Verdict `json:"verdict,omitempty"`
	Reason  gate.Reason  `json:"reason,omitempty"`
	Back    bool         `json:"back,omitempty"`
}

// Manifest is the corpus in the order in which it is played.
type Manifest struct {
	HTTP        []Delivery `json:"http"`
	SQS         []Batch    `json:"sqs"`
	Schedule    []Tick     `json:"schedule"`
	EventBridge []Outcome  `json:"eventbridge"`
}

// Tick is one event of schedule. Nothing in it matters to scheduler.
type Tick struct {
	Case  string          `json:"case"`
	About string          `json:"about"`
	Event json.RawMessage `json:"-"`
}

// Outcome is one event of eventbridge with what it says.
type Outcome struct {
	Case  string `json:"case"`
	About string `json:"about"`
	// Kind is what the event speaks of, as package agent calls it.
	Kind   string          `json:"kind,omitempty"`
	Status gate.Status     `json:"status,omitempty"` // how its task stands
	Error  string          `json:"error,omitempty"`  // is in the words for why it cannot be used
	Event  json.RawMessage `json:"-"`
}

// Load reads the corpus. An error means that it does not hang together: an entry without a file, a file without an
// entry, or one that is no event.
func Load() (Manifest, error) { return load(files) }

func load(from fs.FS) (Manifest, error) {
	f := folder{FS: from, entries: map[string]bool{"manifest.json": true}}
	var m Manifest
	f.read("manifest.json", &m)
	for i := range m.HTTP {
		if d := &m.HTTP[i]; d.Generated {
			f.generate(d, m.HTTP[0])
		} else {
			f.readEntry("http", d.Case, &d.Request)
		}
	}
	for i := range m.SQS {
		f.readEntry("sqs", m.SQS[i].Case, &m.SQS[i].Event)
	}
	for i := range m.Schedule {
		f.readEntry("schedule", m.Schedule[i].Case, &m.Schedule[i].Event)
	}
	for i := range m.EventBridge {
		f.readEntry("eventbridge", m.EventBridge[i].Case, &m.EventBridge[i].Event)
	}
	f.noOthers()
	if f.err != nil {
		return Manifest{}, f.err
	}
	return m, nil
}

// File is one file of the corpus as it is stored, such as "http/triggered-p1.json".
func File(name string) ([]byte, error) { return files.ReadFile(name) }

// folder reads files for the entries of a manifest. The first thing that is wrong stays in err.
type folder struct {
	fs.FS
	entries map[string]bool // the files that have one
	err     error
}

func (f *folder) readEntry(kind, name string, into any) {
	file := path.Join(kind, name+".json")
	if f.entries[file] {
		f.fail(fmt.Errorf("manifest.json has %s twice", file))
	}
	f.entries[file] = true
	f.read(file, into)
}

func (f *folder) read(file string, into any) {
	text, err := fs.ReadFile(f, file)
	if err != nil {
		f.fail(fmt.Errorf("manifest.json names %s, which is not there: %w", file, err))
		return
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		f.fail(fmt.Errorf("%s: %w", file, err))
	}
}

// tooLarge is one byte more than ingest takes.
const tooLarge = 256<<10 + 1

// generate makes a delivery that is not worth a file out of a good one.
func (f *folder) generate(d *Delivery, good Delivery) {
	if good.Request.Body == "" {
		return // it could not be read, and that is in err
	}
	if d.Case != "too-large" {
		f.fail(fmt.Errorf("manifest.json wants %s to be generated, and nobody knows how", d.Case))
		return
	}
	d.Request = good.Request
	d.Request.Headers = maps.Clone(good.Request.Headers)
	d.Request.Headers["content-length"] = strconv.Itoa(tooLarge)
	d.Request.RequestContext.RequestID = "TooLargeTooLarge"
	d.Request.Body += strings.Repeat(" ", tooLarge-len(d.Request.Body))
}

// noOthers finds files that nobody says anything about.
func (f *folder) noOthers() {
	err := fs.WalkDir(f, ".", func(file string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && !f.entries[file] {
			err = fmt.Errorf("%s has no entry in manifest.json", file)
		}
		return err
	})
	f.fail(err)
}

func (f *folder) fail(err error) {
	if f.err == nil && err != nil {
		f.err = fmt.Errorf("events: %w", err)
	}
}
