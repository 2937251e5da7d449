package awssecret_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/alertbridge/alertbridge/shared/secret"
	"github.com/alertbridge/alertbridge/shared/secret/awssecret"
)

// service stands in for Secrets Manager: what it holds can be changed while a Store stands on it.
type service struct {
	mu       sync.Mutex
	values   map[string]string // by stage; the version id is "v-" and the value
	fail     error             // answered to every request while it is set
	hang     bool              // answers nothing until the request is given up
	slow     time.Duration
	requests []string // the stage of each
}

func holding(current, previous string) *service {
	s := &service{values: map[string]string{"AWSCURRENT": current}}
	if previous != "" {
		s.values["AWSPREVIOUS"] = previous
	}
	return s
}

func (s *service) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stage := aws.ToString(in.VersionStage)
	s.requests = append(s.requests, stage)
	value, ok := s.values[stage]
	fail, hang, slow := s.fail, s.hang, s.slow
	s.mu.Unlock()
	defer s.mu.Lock()
	if hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	time.Sleep(slow)
	switch {
	case fail != nil:
		return nil, fail
	case !ok:
		return nil, apiError("ResourceNotFoundException")
	}
	return &secretsmanager.GetSecretValueOutput{SecretString: &value, VersionId: aws.String("v-" + value)}, nil
}

func (s *service) set(change func(*service)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *service) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests)
}

func apiError(code string) error {
	return &smithy.GenericAPIError{Code: code, Message: "about hunter2 and arn:aws:iam::111122223333:role/x"}
}

// newStore is a Store over s whose log goes to the buffer.
func newStore(s *service) (*awssecret.Store, *bytes.Buffer) {
	var log bytes.Buffer
	return awssecret.New(s, "alertbridge/agent", awssecret.Options{Log: slog.New(slog.NewTextHandler(&log, nil))}), &log
}

// show is a version in one word, for comparing: its text, and "~" before it when it is stale.
func show(v secret.Version, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	text := v.Value.Reveal()
	if v.ID != "v-"+text {
		return fmt.Sprintf("value %s with the id %s", text, v.ID)
	}
	if v.Stale {
		return "~" + text
	}
	return text
}

func showAll(all []secret.Version) string {
	var texts []string
	for _, v := range all {
		texts = append(texts, show(v, nil))
	}
	return strings.Join(texts, " ")
}

func TestCurrentIsRememberedForFiveMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := holding("one", "")
		store, _ := newStore(s)
		ctx := t.Context()
		steps := []struct {
			why      string
			wait     time.Duration
			value    string // what the service holds from now on
			want     string
			requests int // so far
		}{
			{"the first call reads", 0, "one", "one", 1},
			{"the second finds it", 0, "two", "one", 1},
			{"just before five minutes", 5*time.Minute - 1, "two", "one", 1},
			{"after five minutes it is read again", 1, "two", "two", 2},
		}
		for _, step := range steps {
			time.Sleep(step.wait)
			s.set(func(s *service) { s.values["AWSCURRENT"] = step.value })
			if got := show(store.Current(ctx)); got != step.want || s.count() != step.requests {
				t.Errorf("%s: %q after %d requests, want %q after %d", step.why, got, s.count(), step.want, step.requests)
			}
		}
	})
}

func TestOneCallerReadsForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := holding("one", "zero")
		s.slow = time.Second
		store, _ := newStore(s)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if got := show(store.Current(t.Context())); got != "one" {
					t.Errorf("Current = %q, want one", got)
				}
				if got, err := store.Accepted(t.Context()); showAll(got) != "one zero" || err != nil {
					t.Errorf("Accepted = %q, %v, want one zero", showAll(got), err)
				}
			})
		}
		all.Wait()
		if s.count() != 2 {
			t.Errorf("%d requests for two stages, want 2", s.count())
		}
	})
}

// TestACallerWhoGivesUpTakesNobodyWithIt: the one who reads for all is an ordinary caller with a deadline of its own.
func TestACallerWhoGivesUpTakesNobodyWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := holding("one", "")
		s.hang = true
		store, _ := newStore(s)
		var both sync.WaitGroup
		both.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			if _, err := store.Current(ctx); !errors.Is(err, secret.ErrUnavailable) {
				t.Errorf("who gave up got %v, want ErrUnavailable", err)
			}
		})
		synctest.Wait()
		both.Go(func() {
			time.Sleep(time.Millisecond)
			s.set(func(s *service) { s.hang = false })
			if got := show(store.Current(t.Context())); got != "one" {
				t.Errorf("who waited got %q, want one", got)
			}
		})
		both.Wait()
	})
}

func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := holding("one", "zero")
		s.hang = true
		store, _ := newStore(s)
		calls := map[string]func() error{
			"Current":         func() error { _, err := store.Current(t.Context()); return err },
			"Refresh":         func() error { _, _, err := store.Refresh(t.Context()); return err },
			"Accepted":        func() error { _, err := store.Accepted(t.Context()); return err },
			"RefreshAccepted": func() error { _, _, err := store.RefreshAccepted(t.Context()); return err },
		}
		for name, call := range calls {
			began := time.Now()
			err := call()
			if took := time.Since(began); took > awssecret.Total || took < awssecret.TryTimeout {
				t.Errorf("%s took %v, want between a try's %v and %v in all", name, took, awssecret.TryTimeout, awssecret.Total)
			}
			if !errors.Is(err, secret.ErrUnavailable) || !strings.Contains(err.Error(), "did not answer in time") {
				t.Errorf("%s = %v, want ErrUnavailable that says that there was no answer in time", name, err)
			}
			time.Sleep(time.Minute)
		}
		// Two tries for each reading: of one stage, one, two, and two stages.
		if want := 2 + 2 + 4 + 4; s.count() != want {
			t.Errorf("%d requests, want %d", s.count(), want)
		}
	})
}

func TestLastGoodValueOutlivesAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := holding("one", "")
		store, log := newStore(s)
		ctx := t.Context()
		if got := show(store.Current(ctx)); got != "one" {
			t.Fatal(got)
		}
		s.set(func(s *service) { s.fail = apiError("InternalServiceError"); s.values["AWSCURRENT"] = "two" })
		time.Sleep(awssecret.TTL)
		for range 20 { // ten minutes of a busy function
			for range 3 {
				if got := show(store.Current(ctx)); got != "~one" {
					t.Fatalf("during the outage Current = %q, want the stale one", got)
				}
			}
			time.Sleep(30 * time.Second)
		}
		if want := 1 + 20*awssecret.Tries; s.count() != want {
			t.Errorf("%d requests, want %d: one reading in 30 s", s.count(), want)
		}
		if n := strings.Count(log.String(), "level=WARN"); n != 1 {
			t.Errorf("the outage was told %d times, want once:\n%s", n, log)
		}
		s.set(func(s *service) { s.fail = nil })
		before := s.count()
		for range 3 {
			if got := show(store.Current(ctx)); got != "two" {
				t.Errorf("after the outage Current = %q, want two", got)
			}
		}
		if s.count() != before+1 {
			t.Errorf("%d requests after the outage, want 1", s.count()-before)
		}
		if n := strings.Count(log.String(), "can be read again"); n != 1 {
			t.Errorf("the end of the outage was told %d times, want once:\n%s", n, log)
		}
		for _, word := range []string{"one", "two", "hunter2"} {
			if strings.Contains(log.String(), "="+word) || strings.Contains(log.String(), "hunter2") {
				t.Errorf("the log holds a value or the service's message:\n%s", log)
			}
		}
	})
}

func TestWithoutAValueAFailureIsAskedAgainSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := holding("one", "")
		s.fail = apiError("AccessDeniedException") // not worth a second try: one request for each reading
		store, log := newStore(s)
		for range 10 {
			if _, err := store.Current(t.Context()); !errors.Is(err, secret.ErrUnavailable) {
				t.Fatalf("Current = %v, want ErrUnavailable", err)
			}
		}
		if s.count() != 1 {
			t.Errorf("%d requests for ten deliveries in one moment, want 1", s.count())
		}
		s.set(func(s *service) { s.fail = nil })
		time.Sleep(2 * time.Second)
		if got := show(store.Current(t.Context())); got != "one" {
			t.Errorf("two seconds later Current = %q, want one", got)
		}
		if strings.Contains(log.String(), "WARN") {
			t.Errorf("what is returned is not logged as well:\n%s", log)
		}
	})
}

func TestASecretThatIsTakenAwayIsGone(t *testing.T) {
	for _, code := range []string{"ResourceNotFoundException", "InvalidRequestException"} {
		synctest.Test(t, func(t *testing.T) {
			s := holding("one", "")
			store, _ := newStore(s)
			if got := show(store.Current(t.Context())); got != "one" {
				t.Fatal(got)
			}
			s.set(func(s *service) { s.fail = apiError(code) })
			time.Sleep(awssecret.TTL)
			if _, err := store.Current(t.Context()); !errors.Is(err, secret.ErrMissing) {
				t.Errorf("%s: Current = %v, want ErrMissing", code, err)
			}
			// A failure after that must not bring the value back.
			s.set(func(s *service) { s.fail = apiError("InternalServiceError") })
			time.Sleep(awssecret.TTL)
			if _, err := store.Current(t.Context()); !errors.Is(err, secret.ErrUnavailable) {
				t.Errorf("%s: then, during an outage, Current = %v, want ErrUnavailable", code, err)
			}
		})
	}
}

func TestAFilledSecretIsSeenSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := holding(" \n", "")
		store, _ := newStore(s)
		if _, err := store.Current(t.Context()); !errors.Is(err, secret.ErrMissing) {
			t.Fatalf("Current of an empty secret = %v, want ErrMissing", err)
		}
		s.set(func(s *service) { s.values["AWSCURRENT"] = "one" })
		time.Sleep(2 * time.Second)
		if got := show(store.Current(t.Context())); got != "one" {
			t.Errorf("Current = %q, want one", got)
		}
	})
}

func TestRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := holding("one", "")
		store, _ := newStore(s)
		ctx := t.Context()
		_, _ = store.Current(ctx)
		steps := []struct {
			why      string
			wait     time.Duration
			value    string
			want     string
			fresh    bool
			requests int
		}{
			{"reads although the value is young", time.Second, "two", "two", true, 2},
			{"not again within 30 s, whoever asks", 29 * time.Second, "three", "two", false, 2},
			{"again after 30 s", time.Second, "three", "three", true, 3},
		}
		for _, step := range steps {
			time.Sleep(step.wait)
			s.set(func(s *service) { s.values["AWSCURRENT"] = step.value })
			v, fresh, err := store.Refresh(ctx)
			if got := show(v, err); got != step.want || fresh != step.fresh || s.count() != step.requests {
				t.Errorf("%s: %q, fresh %v after %d requests, want %q, %v after %d",
					step.why, got, fresh, s.count(), step.want, step.fresh, step.requests)
			}
		}
		if got := show(store.Current(ctx)); got != "three" {
			t.Errorf("Current after Refresh = %q, want three", got)
		}
		s.set(func(s *service) { s.fail = errors.New("dial tcp 10.0.0.1:443: refused") })
		time.Sleep(time.Minute)
		if v, fresh, err := store.Refresh(ctx); show(v, err) != "~three" || fresh {
			t.Errorf("Refresh during an outage = %q, fresh %v, want the stale three, not fresh", show(v, err), fresh)
		}
	})
}

// TestRefreshUnderAttack: requests with wrong tokens come as fast as they like, and at the same time.
func TestRefreshUnderAttack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := holding("one", "zero")
		s.slow = 50 * time.Millisecond
		store, _ := newStore(s)
		_, _ = store.Accepted(t.Context())
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				for range 600 {
					_, _, _ = store.RefreshAccepted(t.Context())
					time.Sleep(100 * time.Millisecond)
				}
			})
		}
		all.Wait()
		// A minute: two stages at the start, and two more for each refresh at 0, 30 and 60 s.
		if s.count() > 2+3*2 {
			t.Errorf("%d requests in a minute, want at most 8", s.count())
		}
	})
}

// TestRefreshesThatMeetShareOneReading: ten calls get a 401 at the same moment, and all of them must see the new key.
func TestRefreshesThatMeetShareOneReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := holding("one", "")
		s.slow = time.Second
		store, _ := newStore(s)
		_, _ = store.Current(t.Context())
		s.set(func(s *service) { s.values["AWSCURRENT"] = "two" })
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if v, fresh, err := store.Refresh(t.Context()); show(v, err) != "two" || !fresh {
					t.Errorf("Refresh = %q, fresh %v, want a fresh two", show(v, err), fresh)
				}
			})
		}
		all.Wait()
		if s.count() != 2 {
			t.Errorf("%d requests, want 2", s.count())
		}
	})
}

func TestAccepted(t *testing.T) {
	down := apiError("InternalServiceError")
	tests := []struct {
		why     string
		service *service
		want    string
		wantErr error
	}{
		{"both during a rotation", holding("two", "one"), "two one", nil},
		{"a secret that was never rotated has one", holding("one", ""), "one", nil},
		{"an empty secret lets nobody in", holding("", ""), "", secret.ErrMissing},
		{"nothing is known while the service is down", &service{fail: down}, "", secret.ErrUnavailable},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			store, _ := newStore(tt.service)
			got, err := store.Accepted(t.Context())
			if showAll(got) != tt.want || !errors.Is(err, tt.wantErr) {
				t.Errorf("%s: %q, %v, want %q, %v", tt.why, showAll(got), err, tt.want, tt.wantErr)
			}
		})
	}
}

// TestAcceptedWithOneUnknown: a token that is not the current one may still be the one before it, so the caller must
// hear that this is not known.
func TestAcceptedWithOneUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := holding("two", "one")
		store, _ := newStore(s)
		_, _ = store.Current(t.Context())
		s.set(func(s *service) { s.fail = apiError("InternalServiceError") })
		got, err := store.Accepted(t.Context())
		if showAll(got) != "two" || !errors.Is(err, secret.ErrUnavailable) {
			t.Errorf("Accepted = %q, %v, want two and ErrUnavailable", showAll(got), err)
		}
	})
}

// A panic below, in the SDK for one, is the caller's own: a guard around him catches it, and the next call goes on.
func TestAPanicIsTheCallers(t *testing.T) {
	for _, stage := range []string{"AWSCURRENT", "AWSPREVIOUS"} {
		client := &panicking{service: holding("one", "zero"), stage: stage}
		store := awssecret.New(client, "alertbridge/token", awssecret.Options{})
		func() {
			defer func() {
				if v := recover(); v != "planted in "+stage {
					t.Errorf("recovered %v", v)
				}
			}()
			_, err := store.Accepted(t.Context())
			t.Errorf("it went on, with %v", err)
		}()
		if n := client.count(); n != 1 {
			t.Errorf("%d readings were over when the panic over %s came out, want that of the other stage", n, stage)
		}
		client.stage = ""
		if all, err := store.Accepted(t.Context()); err != nil || showAll(all) != "one zero" {
			t.Errorf("after a panic over %s: %s, %v", stage, showAll(all), err)
		}
	}
}

// panicking is a service whose client panics over one stage.
type panicking struct {
	*service
	stage string
}

func (p *panicking) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, o ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	if p.stage != "" && aws.ToString(in.VersionStage) == p.stage {
		panic("planted in " + p.stage)
	}
	return p.service.GetSecretValue(ctx, in, o...)
}

func TestErrorsTellWhatToDo(t *testing.T) {
	tests := []struct {
		err      error
		is       error
		requests int
		want     string
	}{
		{apiError("ResourceNotFoundException"), secret.ErrMissing, 1, "put a value"},
		{apiError("InvalidRequestException"), secret.ErrMissing, 1, "restore it"},
		{apiError("AccessDeniedException"), secret.ErrUnavailable, 1, "allow the function's role secretsmanager:GetSecretValue"},
		{apiError("DecryptionFailure"), secret.ErrUnavailable, 1, "KMS key"},
		{apiError("InvalidParameterException"), secret.ErrUnavailable, 1, "name or ARN"},
		{apiError("ExpiredTokenException"), secret.ErrUnavailable, 1, "credentials"},
		{apiError("ThrottlingException"), secret.ErrUnavailable, 2, "answered ThrottlingException"},
		{apiError("InternalServiceError"), secret.ErrUnavailable, 2, "answered InternalServiceError"},
		{errors.New("dial tcp 10.0.0.1:443: connection refused"), secret.ErrUnavailable, 2, "could not be reached"},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			s := &service{fail: tt.err}
			store, _ := newStore(s)
			_, err := store.Current(t.Context())
			if !errors.Is(err, tt.is) || s.count() != tt.requests {
				t.Fatalf("%v: %v after %d requests, want %v after %d", tt.err, err, s.count(), tt.is, tt.requests)
			}
			text := err.Error()
			if !strings.Contains(text, tt.want) || !strings.Contains(text, "alertbridge/agent") {
				t.Errorf("%q does not name the secret and %q", text, tt.want)
			}
			for _, never := range []string{"hunter2", "111122223333", "10.0.0.1", "\n"} {
				if strings.Contains(text, never) {
					t.Errorf("%q holds %q", text, never)
				}
			}
		})
	}
}

func TestBinaryValue(t *testing.T) {
	store := awssecret.New(binary{}, "alertbridge/agent", awssecret.Options{})
	_, err := store.Current(t.Context())
	if !errors.Is(err, secret.ErrMissing) || !strings.Contains(err.Error(), "as text") {
		t.Errorf("Current = %v, want ErrMissing that asks for text", err)
	}
}

type binary struct{}

func (binary) GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	return &secretsmanager.GetSecretValueOutput{SecretBinary: []byte("hunter2"), VersionId: aws.String("v")}, nil
}
