package awsstart

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/alertbridge/alertbridge/shared/alert"
	"github.com/alertbridge/alertbridge/shared/setting"
)

// vault notes which secrets are asked for, and has a version of each.
type vault struct{ asked []string }

func (v *vault) GetSecretValue(_ context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	v.asked = append(v.asked, *in.SecretId)
	text, version := `{"url": "https://event-ai.eu-central-1.api.aws/webhook/generic/1", "token": "t"}`, "of "+*in.SecretId
	return &secretsmanager.GetSecretValueOutput{SecretString: &text, VersionId: &version, Name: in.SecretId}, nil
}

// Each Agent has its own client with its own secret, and none is read before it is needed.
func TestEachAgentHasItsSecret(t *testing.T) {
	v := &vault{}
	at := setting.Agents{Secret: "arn:default", SecretsPrefix: "bridge/agents/", Host: "event-ai.eu-central-1.api.aws"}
	clients, err := agents([]string{"default", "payments", "search_2"}, at, v, slog.New(slog.DiscardHandler))
	if err != nil || len(clients) != 3 || len(v.asked) != 0 {
		t.Fatalf("%d clients, %v; secrets asked for: %v", len(clients), err, v.asked)
	}
	for name, want := range map[string]string{"default": "arn:default", "payments": "bridge/agents/payments", "search_2": "bridge/agents/search_2"} {
		if got, err := clients[name].SecretVersion(t.Context()); err != nil || got != "of "+want {
			t.Errorf("the version of %s is %q (%v), want that of %s", name, got, err, want)
		}
	}
	slices.Sort(v.asked)
	if want := []string{"arn:default", "bridge/agents/payments", "bridge/agents/search_2"}; !slices.Equal(v.asked, want) {
		t.Errorf("asked for %v, want %v", v.asked, want)
	}
}

func TestAgentsThatCannotBe(t *testing.T) {
	at := setting.Agents{Secret: "s", Host: "event-ai.eu-central-1.api.aws"}
	if clients, err := agents([]string{"default"}, at, &vault{}, slog.New(slog.DiscardHandler)); err != nil || len(clients) != 1 {
		t.Errorf("one Agent needs no prefix: %v", err)
	}
	_, err := agents([]string{"default", "payments"}, at, &vault{}, slog.New(slog.DiscardHandler))
	if want := `the policy names the Agent "payments", and AGENT_SECRETS_PREFIX is not set: nobody knows where its secret is`; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	at.Host = "https://event-ai.eu-central-1.api.aws"
	if _, err := agents([]string{"default"}, at, &vault{}, slog.New(slog.DiscardHandler)); err == nil || !strings.HasPrefix(err.Error(), "AGENT_HOST: ") {
		t.Errorf("with an address as the host: %v", err)
	}
}

// All that is wrong with a policy is one line, with the place of each mistake.
func TestPolicyThatIsWrongIsOneLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "team.yaml")
	if err := os.WriteFile(file, []byte("hold:\n  P2: soon\nmodus: full\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := LoadPolicy(file, nil, false)
	if err == nil || strings.Contains(err.Error(), "\n") {
		t.Fatalf("not one line: %v", err)
	}
	for _, want := range []string{"POLICY_FILE: team.yaml:2:", "; team.yaml:3:1: ", "(try alertbridge policy check)"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\ndoes not say %q", err, want)
		}
	}
}

// A relative path begins beside the binary, wherever the process was started.
func TestPolicyStandsBesideTheBinary(t *testing.T) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	beside := filepath.Join(filepath.Dir(binary), "beside-the-binary.yaml")
	_, err = LoadPolicy("beside-the-binary.yaml", nil, true)
	if err == nil || !strings.Contains(err.Error(), beside) {
		t.Errorf("without a file: %v, want one that names %s", err, beside)
	}
	if err := os.WriteFile(beside, []byte("agent: payments\nagents:\n  payments: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(beside)
	p, err := LoadPolicy("beside-the-binary.yaml", nil, true)
	if err != nil || !slices.Equal(p.Agents(), []string{"payments"}) || !p.For(alert.Alert{}).Tells {
		t.Errorf("beside the binary: %v, %v", p, err)
	}
}

// What New makes is complete, and nothing was called for it.
func TestPartsAreComplete(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-central-1")
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	parts, err := New(Settings{Table: "ledger", Policy: file, Agents: setting.Agents{Secret: "s", Host: "event-ai.eu-central-1.api.aws"}})
	if err != nil {
		t.Fatal(err)
	}
	if parts.Starter.Agents["default"] == nil || parts.Agents["default"] == nil || parts.Starter.Ledger != parts.Ledger || parts.Ledger == nil || parts.Outbox == nil ||
		parts.Log == nil || parts.Metrics == nil || !slices.Equal(parts.Policy.Agents(), []string{"default"}) {
		t.Errorf("parts %+v", parts)
	}
	if _, err := New(Settings{Policy: "/nowhere/policy.yaml"}); err == nil || !strings.Contains(err.Error(), "/nowhere/policy.yaml") {
		t.Errorf("without a policy: %v", err)
	}
}

// An agent space of an Agent that the policy does not have is a mistake in the settings, and said with their name.
func TestSpacesAreOfAgentsThatThereAre(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := LoadPolicy(file, map[string]string{"payments": "space-1"}, false)
	if want := `AGENT_SPACES: the policy has no Agent "payments" whose work could be followed; it has default`; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	p, err := LoadPolicy(file, map[string]string{"default": "space-1"}, true)
	if err != nil {
		t.Fatal(err)
	}
	if r := p.For(alert.Alert{}); !r.Followed || !r.Tells {
		t.Errorf("followed %t, told %t", r.Followed, r.Tells)
	}
}
