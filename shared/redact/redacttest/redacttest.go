// Package redacttest plants secrets and searches for them: Secrets are the plants, Found finds one in what a program has
// said, in whatever form it says it.
package redacttest

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"net/url"
	"strings"

	"github.com/alertbridge/alertbridge/shared/redact"
)

// Secret is one that somebody put into an alert. None of them opens anything.
type Secret struct {
	Name  string
	Kind  redact.Kind
	Text  string // as it stands there
	Value string // what of it must be found nowhere
}

// Secrets lists a secret of every form that package redact knows. Tokens are put together here, so that whoever searches
// repositories for live ones does not find this file.
func Secrets() []Secret {
	join := func(parts ...string) string { return strings.Join(parts, "") }
	labelled := func(name string, kind redact.Kind, before, value, after string) Secret {
		return Secret{name, kind, before + value + after, value}
	}
	plain := func(name string, kind redact.Kind, parts ...string) Secret {
		return Secret{name, kind, join(parts...), join(parts...)}
	}
	jwt := []string{"eyJhbGciOiJIUzI1", "NiJ9.eyJzdWIiOiJhbmEtNDcxMSJ9", ".c0qzT1vGk2M8xWw7hJ5RyQ"}
	return []Secret{
		plain("e-mail", redact.Email, "ana.planted@", "example.com"),
		plain("e-mail with a tag", redact.Email, "bob+planted1@", "mail.example.co.uk"),
		labelled("e-mail in an address", redact.Email, "mailto:", "eve.planted@example.org", ""),
		plain("card", redact.Card, "4111111111", "111111"),
		plain("card in groups", redact.Card, "5555 5555 ", "5555 4444"),
		plain("card with dashes", redact.Card, "6011-1111-", "1111-1117"),
		plain("card of 15 digits", redact.Card, "3782822463", "10005"),
		labelled("password", redact.Password, "password=", "Tr0ub4dor-plant01", ""),
		labelled("password with a blank before it", redact.Password, "DB_PASSWORD: ", "Tr0ub4dor-plant02", ""),
		labelled("password in JSON", redact.Password, `{"passwd":"`, "Tr0ub4dor-plant03", `"}`),
		labelled("password in JSON in JSON", redact.Password, `"{\"password\":\"`, "Tr0ub4dor-plant04", `\"}"`),
		labelled("password in XML", redact.Password, "<password>", "Tr0ub4dor-plant05", "</password>"),
		labelled("password of a command", redact.Password, "mysql --password ", "Tr0ub4dor-plant06", " -h db"),
		labelled("passphrase", redact.Password, "passphrase='", "Tr0ub4dor-plant07", "'"),
		labelled("password in Japanese", redact.Password, "パスワード：", "Tr0ub4dor-plant08", ""),
		labelled("password in an address", redact.Password, "postgres://ana:", "Tr0ub4dor-plant09", "@db:5432/shop"),
		labelled("password in a web address", redact.Password, "https://ana:", "Tr0ub4dor-plant10", "@host.example/x"),
		labelled("basic credentials", redact.Password, "Basic ", "YW5hOlRyMHViNGRvci1wbGFudDEx", ""),
		labelled("client secret", redact.Key, "client_secret=", "0plantedclientsecret1", ""),
		labelled("API key", redact.Key, "api_key=", "0plantedapikey000002", ""),
		labelled("API key of Datadog", redact.Key, "DD-API-KEY: ", "0123456789abcdef0123456789abc003", ""),
		labelled("secret access key", redact.Key, "aws_secret_access_key = ", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYPLANTED004", ""),
		labelled("private key by label", redact.Key, "private_key=", "0plantedprivatekey005", ""),
		plain("access key id", redact.Key, "AKIA", "IOSFODNN7PLANTED"),
		plain("access key id of a session", redact.Key, "ASIA", "IOSFODNN7PLANTED"),
		plain("key of Google", redact.Key, "AIza", "SyA0123456789plantedabcdefghijklmno"),
		plain("key of Stripe", redact.Key, "sk_", "live_0planted0123456789"),
		plain("key of an AI", redact.Key, "sk-", "ant-api03-0planted0123456789"),
		plain("key of SendGrid", redact.Key, "SG", ".0planted0123456789abc.0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"),
		{
			"private key", redact.Key,
			"-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAplantedplanted\n-----END RSA PRIVATE KEY-----", "MIIEowIBAAKCAQEAplantedplanted",
		},
		{"cut private key", redact.Key, "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqplanted", "MIIEvQIBADANBgkqplanted"},
		plain("token of GitHub", redact.Token, "gh", "p_0planted0123456789abcdefghijklmnop"),
		plain("fine-grained token of GitHub", redact.Token, "github_", "pat_0planted0123456789_abcdefghijkl"),
		plain("token of GitLab", redact.Token, "gl", "pat-0planted012345678901"),
		plain("token of Slack", redact.Token, "xo", "xb-123456789012-0planted0"),
		plain("token of npm", redact.Token, "np", "m_0planted0123456789abcdefghijklmnopqr"),
		plain("token of Hugging Face", redact.Token, "h", "f_plantedabcdefghijklmnopqrstuvwxyz"),
		plain("JSON Web Token", redact.Token, jwt...),
		plain("JSON Web Token without its signature", redact.Token, "eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiJwbGFudGVkIn0"),
		labelled("token by label", redact.Token, "session_token: ", "0plantedtoken000001", ""),
		labelled("bearer token", redact.Token, "Authorization: Bearer ", "0plantedtoken000002", ""),
		labelled("token of another scheme", redact.Token, "Authorization: SSWS ", "0plantedtoken000009", ""),
		labelled("token of an unknown scheme", redact.Token, "Authorization: Planted ", "0plantedtoken000010", ""),
		labelled("bearer token in prose", redact.Token, "with Bearer ", "0plantedtoken000003", ""),
		labelled("cookie", redact.Token, "Cookie: ", "sid=0plantedcookie004", "; theme=dark"),
		labelled("token in an address", redact.Token, "https://host.example/x?access_token=", "0plantedtoken000005", "&y=1"),
		labelled("signature in an address", redact.Token, "https://s3.example/x?X-Amz-Signature=", "0plantedsignature006", "&y=1"),
		labelled("session token in an address", redact.Token, "https://s3.example/x?X-Amz-Security-Token=", "0plantedtoken000007", ""),
		labelled("shared access signature", redact.Token, "https://blob.example/x?sv=2026&sig=", "0plantedsignature008", ""),
		labelled("webhook of Slack", redact.Webhook, "https://hooks.slack.com/services/", "T0PLANT/B0PLANT/0planted0001", ""),
		labelled("webhook of Discord", redact.Webhook, "https://discord.com/api/webhooks/", "471100000000000002/0planted0002", ""),
		labelled("webhook of Discord with a version", redact.Webhook, "https://discord.com:443/api/v10/webhooks/", "471100000000000005/0planted0005", ""),
		labelled("webhook of Teams", redact.Webhook, "https://acme.webhook.office.com/webhookb2/", "0planted-0003", ""),
		labelled("webhook of the Agent", redact.Webhook, "https://event-ai.eu-central-1.api.aws/webhook/generic/", "0planted-0004", ""),
	}
}

// Found tells whether a text holds the value, as it is or in a form that programs give to texts: "" when it does not,
// else the form. Capitals do not matter.
func Found(text, value string) string {
	text = strings.ToLower(text)
	quoted, _ := json.Marshal(value)
	for i, f := range []struct{ name, form string }{
		{"as it is", value},
		{"in JSON", strings.Trim(string(quoted), `"`)},
		{"in HTML", html.EscapeString(value)},
		{"in a query", url.QueryEscape(value)},
		{"in a path", url.PathEscape(value)},
		{"without blanks", strings.Join(strings.Fields(value), "")},
	} {
		if (i == 0 || f.form != value) && strings.Contains(text, strings.ToLower(f.form)) {
			return f.name
		}
	}
	for _, core := range inBase64(value) {
		if strings.Contains(text, strings.ToLower(core)) {
			return "in base64"
		}
	}
	return ""
}

// inBase64 is what is seen of a value in the base64 of a longer text, at each of its three positions.
func inBase64(value string) (cores []string) {
	for shift := range 3 {
		encoded := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), value...))
		cores = append(cores, encoded[(shift*8+5)/6:len(value+"  "[:shift])*8/6])
	}
	return cores
}
