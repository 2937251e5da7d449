package secret_test

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/alertbridge/alertbridge/shared/secret"
)

const text = "s3cr3t-Zq7vX"

// holders are the ways in which a Value gets into something that is printed. The unexported fields matter most: fmt
// cannot call methods on them.
func holders() map[string]any {
	v := secret.New(text)
	type inner struct{ hidden secret.Value }
	type outer struct {
		Exported secret.Value
		hidden   secret.Value
		Pointer  *secret.Value
		Inner    inner
		InnerPtr *inner
		List     []secret.Value
		Array    [1]secret.Value
		Map      map[string]secret.Value
		Any      any
		hiddenAn any
	}
	o := outer{
		Exported: v, hidden: v, Pointer: &v, Inner: inner{v}, InnerPtr: &inner{v},
		List: []secret.Value{v}, Array: [1]secret.Value{v}, Map: map[string]secret.Value{"k": v}, Any: v, hiddenAn: v,
	}
	pp := &v
	return map[string]any{
		"value":              v,
		"pointer":            &v,
		"pointer to pointer": &pp,
		"struct":             o,
		"struct pointer":     &o,
		"slice":              []secret.Value{v},
		"slice of any":       []any{v, &v, o},
		"array":              [2]secret.Value{v, v},
		"map value":          map[string]secret.Value{"key": v},
		"map of structs":     map[string]outer{"key": o},
		"map of pointers":    map[string]*outer{"key": &o},
		"pointer as map key": map[*secret.Value]int{&v: 1},
		"struct as map key":  map[any]int{&inner{v}: 1},
		"version":            secret.Version{ID: "v1", Value: v},
		"anonymous":          struct{ secret.Value }{v},
		"reflect value":      reflect.ValueOf(o),
		"channel of it":      make(chan secret.Value),
	}
}

// leaks says in which form the text is in s, or "".
func leaks(s string) string {
	forms := map[string]string{
		"plain":      text,
		"hex":        hex.EncodeToString([]byte(text)),
		"HEX":        strings.ToUpper(hex.EncodeToString([]byte(text))),
		"spaced hex": fmt.Sprintf("% x", text),
		"0x hex":     fmt.Sprintf("%# x", text),
		"Go bytes":   strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", []byte(text)), "[]byte{"), "}"),
		"bytes":      strings.Trim(fmt.Sprint([]byte(text)), "[]"),
		"base64":     base64.StdEncoding.EncodeToString([]byte(text)),
		"quoted":     strings.Trim(fmt.Sprintf("%+q", text), `"`),
		"half":       text[:len(text)/2],
	}
	for form, f := range forms {
		if strings.Contains(s, f) {
			return form
		}
	}
	return ""
}

// TestLeaksFindsALeak keeps the helper honest: a plain string in the same places is found.
func TestLeaksFindsALeak(t *testing.T) {
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%# x", "%d", "%p", "%w"} {
		if got := fmt.Sprintf(verb, struct{ s string }{text}); leaks(got) == "" {
			t.Errorf("%s printed %q and it was not seen", verb, got)
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%# x", "%d"} {
		if got := fmt.Sprintf(verb, []byte(text)); leaks(got) == "" {
			t.Errorf("%s of bytes printed %q and it was not seen", verb, got)
		}
	}
}

func TestFmtNeverPrintsIt(t *testing.T) {
	flags := []string{"", "+", "#", "-", " ", "0", "+#", "# ", "20", "-20", ".3", "20.3", "+20.3"}
	for name, h := range holders() {
		for verb := range rune(128) {
			for _, flag := range flags {
				format := "%" + flag + string(verb)
				if got := fmt.Sprintf(format, h); leaks(got) != "" {
					t.Fatalf("%s of %s leaks (%s): %s", format, name, leaks(got), got)
				}
			}
		}
		for _, format := range []string{"%*d", "%.*f", "%[1]*[1]d", "no verb", "%[3]v", "%!"} {
			if got := fmt.Sprintf(format, h, h); leaks(got) != "" {
				t.Fatalf("%s of %s leaks: %s", format, name, got)
			}
		}
		if got := fmt.Sprint(h) + fmt.Sprintln(h) + string(fmt.Append(nil, h)); leaks(got) != "" {
			t.Fatalf("Print of %s leaks: %s", name, got)
		}
	}
}

func TestPrintsThePlaceholder(t *testing.T) {
	v := secret.New(text)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%20.3s"} {
		if got := fmt.Sprintf(format, v); got != "[secret]" {
			t.Errorf("%s = %q, want [secret]", format, got)
		}
		if got := fmt.Sprintf(format, secret.Value{}); got != "[secret]" {
			t.Errorf("%s of none = %q, want [secret]", format, got)
		}
	}
	if v.String() != "[secret]" || v.LogValue().String() != "[secret]" {
		t.Errorf("String = %q, LogValue = %q", v.String(), v.LogValue())
	}
}

func TestLogsNeverPrintIt(t *testing.T) {
	var out bytes.Buffer
	options := &slog.HandlerOptions{AddSource: true, Level: slog.LevelDebug}
	std := log.New(&out, "", 0)
	for name, h := range holders() {
		for _, l := range []*slog.Logger{
			slog.New(slog.NewTextHandler(&out, options)),
			slog.New(slog.NewJSONHandler(&out, options)),
		} {
			l.Info("m", "k", h)
			l.Info("m", h)
			l.Info("m", slog.Group("g", "k", h))
			l.With("k", h).WithGroup("g").Error("m", "k", h, "err", fmt.Errorf("wrapped %v", h))
		}
		std.Print(h)
		std.Printf("%v %+v %#v", h, h, h)
		if f := leaks(out.String()); f != "" {
			t.Fatalf("a log of %s leaks (%s): %s", name, f, out.String())
		}
	}
	if !strings.Contains(out.String(), `"k":"[secret]"`) || !strings.Contains(out.String(), "k=[secret]") {
		t.Error("a Value in a log is not shown as [secret]")
	}
}

func TestEncodersNeverPrintIt(t *testing.T) {
	for name, h := range holders() {
		j, _ := json.Marshal(h)
		x := marshalXML(h)
		var g bytes.Buffer
		_ = gob.NewEncoder(&g).Encode(h)
		for _, got := range []string{string(j), string(x), g.String()} {
			if f := leaks(got); f != "" {
				t.Fatalf("encoding %s leaks (%s): %s", name, f, got)
			}
		}
	}
	got, err := json.Marshal(struct{ A, B secret.Value }{A: secret.New(text)})
	if want := `{"A":"[secret]","B":"[secret]"}`; err != nil || string(got) != want {
		t.Errorf("json = %s, %v, want %s", got, err, want)
	}
}

func TestErrorsNeverPrintIt(t *testing.T) {
	wrong := "calling with %w" // a Value is no error; in a variable, because vet knows that too
	for name, h := range holders() {
		for _, err := range []error{
			fmt.Errorf("calling with %v", h),
			fmt.Errorf(wrong, h),
			errors.Join(fmt.Errorf("one %s", h), fmt.Errorf("two %q", h)),
			fmt.Errorf("outer: %w", &os.PathError{Op: "read", Path: fmt.Sprint(h), Err: fmt.Errorf("%+v", h)}),
		} {
			if got := fmt.Sprintf("%v %+v %#v %s", err, err, err, err.Error()); leaks(got) != "" {
				t.Fatalf("error with %s leaks: %s", name, got)
			}
		}
	}
}

// marshalXML survives what encoding/xml does to the types that it does not know: for an anonymous struct it panics.
func marshalXML(v any) (out []byte) {
	defer func() {
		if r := recover(); r != nil {
			out = fmt.Append(out, r)
		}
	}()
	out, _ = xml.Marshal(v)
	return out
}

// TestPanicNeverPrintsIt starts itself again for each holder, because what the runtime prints of a panic goes to the
// standard error of a process that dies.
func TestPanicNeverPrintsIt(t *testing.T) {
	if name := os.Getenv("PANIC_WITH"); name != "" {
		panic(holders()[name])
	}
	for name := range holders() {
		cmd := exec.Command(os.Args[0], "-test.run=^TestPanicNeverPrintsIt$", "-test.v")
		cmd.Env = append(os.Environ(), "PANIC_WITH="+name)
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "panic: ") {
			t.Fatalf("%s: the process was to die of a panic: %v\n%s", name, err, out)
		}
		if f := leaks(string(out)); f != "" {
			t.Fatalf("a panic with %s leaks (%s):\n%s", name, f, out)
		}
	}
}

func TestReveal(t *testing.T) {
	if got := secret.New(text).Reveal(); got != text {
		t.Errorf("Reveal = %q, want %q", got, text)
	}
	var zero secret.Value
	if zero.Reveal() != "" || !zero.IsZero() || !secret.New("").IsZero() || secret.New(text).IsZero() {
		t.Error("the zero Value is no secret, New of nothing is the zero Value, and New of a text is not")
	}
}

func TestEqual(t *testing.T) {
	var none secret.Value
	tests := []struct {
		why  string
		a, b secret.Value
		want bool
	}{
		{"the same text", secret.New(text), secret.New(text), true},
		{"another text of the same length", secret.New(text), secret.New(strings.ToLower(text)), false},
		{"a prefix", secret.New(text), secret.New(text[:5]), false},
		{"none set must let nobody in", none, secret.New(text), false},
		{"none sent must not get in", secret.New(text), none, false},
		{"none set and none sent: still closed", none, none, false},
	}
	for _, tt := range tests {
		if got := tt.a.Equal(tt.b); got != tt.want {
			t.Errorf("%s: Equal = %v", tt.why, got)
		}
	}
}

func TestNotComparable(t *testing.T) {
	if reflect.TypeFor[secret.Value]().Comparable() {
		t.Error("a Value can be compared with ==, whose time depends on the text")
	}
}
