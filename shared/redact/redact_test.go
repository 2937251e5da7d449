package redact

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// what replaces pseudonyms by their kind alone, so that a table can be read.
func what(text string) string {
	for _, k := range Kinds() {
		text = strings.ReplaceAll(text, "["+string(k)+":"+hidden+"]", "<"+string(k)+">")
	}
	return text
}

// join keeps what looks like a live token out of this file, for those who search repositories for such.
func join(parts ...string) string { return strings.Join(parts, "") }

const pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7bq\n-----END RSA PRIVATE KEY-----"

// pemLine is a line of a key, as long as PEM has them.
const pemLine = "MIIEowIBAAKCAQEA7bqxYz0123456789abcdefghijklmnopqrstuvwxyzABCDEF"

func TestText(t *testing.T) {
	jwt := "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"
	for _, c := range []struct{ text, want string }{
		// E-mail.
		{"asked by ana.b+x@mail.example.com, twice", "asked by <email>, twice"},
		{"mailto:ana@example.com.", "mailto:<email>."},
		{"担当者ana@example.comです", "担当者<email>です"},
		{"q=ana%40example.com&b=1", "q=<email>&b=1"},
		{`"from":"ana\u0040example.com"`, `"from":"<email>"`},
		{"ana&#64;example.com and ana&commat;example.com", "<email> and <email>"},
		{"ana%2540example.com", "<email>"},
		{"git@github.com:a/b and @here and a@b and img@sha256", "git@github.com:a/b and @here and a@b and img@sha256"},
		{"<20261121081532.4711.99@mx1.example.com>", "<20261121081532.4711.99@mx1.example.com>"},

		{"ana@example.service.com and ana@example.info", "<email> and <email>"},

		// Cards.
		{"card 4111111111111111 declined", "card <card> declined"},
		{"4111 1111 1111 1111, 5555-5555-5555-4444, 3782 822463 10005, 3056 930902 5904", "<card>, <card>, <card>, <card>"},
		{"378282246310005", "<card>"},
		{"4111+1111+1111+1111 4111%201111%201111%201111", "<card> <card>"},
		{"4111111111111112 not by Luhn", "4111111111111112 not by Luhn"},
		{"9111111111111110 not issued", "9111111111111110 not issued"},
		{"x4111111111111111 14111111111111111 0x4111111111111111 41111111-1111-1111", "x4111111111111111 14111111111111111 0x4111111111111111 41111111-1111-1111"},
		{"4111-1111-1111-1111-a 4111 1111-1111 1111", "4111-1111-1111-1111-a 4111 1111-1111 1111"},

		// Passwords and other labelled values.
		{"password=hunter2", "password=<password>"},
		{"DB_PASSWORD: hunter2, next", "DB_PASSWORD: <password>, next"},
		{"password=hun,ter;2&x user=ana", "password=<password> user=ana"},
		{"password=hunter2,user=ana;b=c", "password=<password>,user=ana;b=c"},
		{`{"password": "hunt er\"2", "user": "ana"}`, `{"password": "<password>", "user": "ana"}`},
		{`"{\"password\":\"hunter2\",\"user\":\"ana\"}"`, `"{\"password\":\"<password>\",\"user\":\"ana\"}"`},
		{`{\\\"password\\\":\\\"hunter2\\\",\\\"user\\\":1}`, `{\\\"password\\\":\\\"<password>\\\",\\\"user\\\":1}`},
		{"{&quot;password&quot;:&quot;hunter2&quot;}", "{&quot;password&quot;:&quot;<password>&quot;}"},
		{"**Password:** hunter2 ", "**Password:** <password> "},
		{"パスワード：hunter2", "パスワード：<password>"},
		{"<password>hunter2</password>", "<password><password></password>"},
		{"mysql --user ana --password hunter2 -h db", "mysql --user ana --password <password> -h db"},
		{"params['pwd'] => 'hunter2'", "params['pwd'] => '<password>'"},
		{"pwd=/var/task password=*** token=null secret={{x}} token=${T} secret=arn:aws:secretsmanager:eu-central-1:1:secret:x", "pwd=/var/task password=*** token=null secret={{x}} token=${T} secret=arn:aws:secretsmanager:eu-central-1:1:secret:x"},
		{`"x-api-key": ["abc123", "def456"], "user": "ana"`, `"x-api-key": ["<key>", "<key>"], "user": "ana"`},
		{`token=["abc123", "none", "def456" ["x"`, `token=["<token>", "none", "<token>" ["x"`},
		{"failed to get secret: ResourceNotFoundException: x; token: ExpiredTokenException, password: MyError1", "failed to get secret: ResourceNotFoundException: x; token: ExpiredTokenException, password: <password>"},
		{"secret: SomeError1 token: anerror password: InternalError", "secret: <key> token: <token> password: <password>"},
		{"client_secret=abcdef&grant=x", "client_secret=<key>&grant=x"},
		{"aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key = <key>"},
		{"DD-API-KEY: 0123456789abcdef0123456789abcdef", "DD-API-KEY: <key>"},
		{"DD_APP_KEY=0123456789abcdef0123456789abcdef01234567", "DD_APP_KEY=<key>"},
		{"private_key=abcdef", "private_key=<key>"},
		{"the token was refused; no password given; tokens: 5", "the token was refused; no password given; tokens: 5"},

		// Headers.
		{"Authorization: Bearer abc.def then", "Authorization: Bearer <token> then"},
		{`"authorization":"Basic YW5hOmh1bnRlcjI="`, `"authorization":"Basic <token>"`},
		{"authorization: AWS4-HMAC-SHA256 Credential=AKIAX/2026/s3, SignedHeaders=host;x-amz-date, Signature=fe5f80 end", "authorization: AWS4-HMAC-SHA256 <token> end"},
		{"Authorization: SSWS 00QCjAl4MlV then", "Authorization: SSWS <token> then"},
		{"Authorization: OAuth abcdef Authorization: JWT a.b.c", "Authorization: OAuth <token> Authorization: JWT <token>"},
		{"Authorization: SharedKey acct:c2ln, Authorization: AWS AKID:c2ln", "Authorization: SharedKey <token>, Authorization: AWS <token>"},
		{"Authorization: Vendor-Key 4f9a8b7c6d then", "Authorization: <token> then"},
		{"Authorization: abcdef trace_id=6f1a2b3c4d5e status", "Authorization: <token> trace_id=6f1a2b3c4d5e status"},
		{`Authorization: Digest username="ana", realm="my x", response="6629fae49393a05397450978507c4ef1" then`, "Authorization: Digest <token> then"},
		{`Authorization: Digest username="ana",qop=auth,response="6629fae4", then`, "Authorization: Digest <token>, then"},
		{"Authorization: Digest username='ana', response='6629fae4' then", "Authorization: Digest <token> then"},
		{"Authorization: denied 2026-11-27", "Authorization: <token> 2026-11-27"},
		{"Authorization: Bearer abcdef,user=ana", "Authorization: Bearer <token>,user=ana"},
		{"Cookie: sid=abc123; theme=dark and", "Cookie: <token> and"},
		{"set-cookie: JSESSIONID=0A1B2C; Path=/; HttpOnly", "set-cookie: <token>; HttpOnly"},
		{"sent Bearer abcdefghij0123456789 and Basic YW5hOmh1bnRlcjI=", "sent Bearer <token> and Basic <password>"},
		{"Basic authentication and bearer of bad news", "Basic authentication and bearer of bad news"},

		// Addresses.
		{"postgres://ana:hunter2@db.example.com:5432/x", "postgres://ana:<password>@db.example.com:5432/x"},
		{"https://ana:hun/ter@2@db.example.com/x", "https://ana:<password>@db.example.com/x"},
		{"redis://:hunter2@cache:6379", "redis://:<password>@cache:6379"},
		{"http://host:8080/a@b http://[::1]:8080/a@b", "http://host:8080/a@b http://[::1]:8080/a@b"},
		{"https://s3/x?X-Amz-Credential=AKIA%2F2026&X-Amz-Signature=fe5f80&X-Amz-Security-Token=abc%2B1&a=1", "https://s3/x?X-Amz-Credential=<token>&X-Amz-Signature=<token>&X-Amz-Security-Token=<token>&a=1"},
		{"https://a/b?access_token=abc&sig=d%26e#f=1", "https://a/b?access_token=<token>&sig=<token>"},
		{"https://a/b?next=https%3A%2F%2Fc%2F%3Ftoken%3Dabc%26x%3D1&y=2", "https://a/b?next=https%3A%2F%2Fc%2F%3Ftoken%3D<token>%26x%3D1&y=2"},
		{"https://a/cb?code=4f9a8b7c6d5e4f3a&state=x and ?code=500&key=name", "https://a/cb?code=<token>&state=x and ?code=500&key=name"},
		{"SignedHeaders=host, Signature=fe5f80f77d5fa3beca038a248ff027 and signature: valid", "SignedHeaders=host, Signature=<token> and signature: valid"},
		{"https://hooks.slack.com/services/T0/B0/abcdef?x=1", "https://hooks.slack.com/services/<webhook>?x=1"},
		{"https:\\/\\/discord.com\\/api\\/webhooks\\/1\\/abc", "https:\\/\\/discord.com\\/api\\/webhooks\\/<webhook>"},
		{"https://discord.com/api/v10/webhooks/1/abcdef?x=1", "https://discord.com/api/v10/webhooks/<webhook>?x=1"},
		{"https://hooks.slack.com:443/services/T/B/x https://discord.com:8443/api/v9/webhooks/1", "https://hooks.slack.com:443/services/<webhook> https://discord.com:8443/api/v9/webhooks/<webhook>"},
		{"https://acme.webhook.office.com/webhookb2/a@b/IncomingWebhook/c/d", "https://acme.webhook.office.com/webhookb2/<webhook>"},
		{"https://event-ai.eu-central-1.api.aws/webhook/generic/0a1b", "https://event-ai.eu-central-1.api.aws/webhook/generic/<webhook>"},
		{"https://api.telegram.org/bot12:AAx/send", "https://api.telegram.org/bot<webhook>"},
		{"https://example.com/services/a", "https://example.com/services/a"},

		// Tokens by their form.
		{"id AKIAIOSFODNN7EXAMPLE.", "id <key>."},
		{"AKIAIOSFODNN7EXAMPLEX AKIASHORT", "AKIAIOSFODNN7EXAMPLEX AKIASHORT"},
		{join("gh", "p_16C7e42F292c6912E7710c838347Ae178B4a"), "<token>"},
		{join("github_", "pat_11ABCDEFG0abcdefghij_klmnop"), "<token>"},
		{join("gl", "pat-abcdefghij0123456789"), "<token>"},
		{join("xo", "xb-123456789012-abcdefghij"), "<token>"},
		{join("sk_", "live_abcdefghij0123456789"), "<key>"},
		{join("sk-", "proj-abcdefghij0123456789"), "<key>"},
		{join("AI", "zaSyA0123456789abcdefghijklmnopqrstuv"), "<key>"},
		{join("np", "m_0123456789abcdefghijklmnopqrstuvwxyz"), "<token>"},
		{join("S", "G.abcdefghijklmnopqrstuv.0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"), "<key>"},
		{"jwt " + jwt + ", ok", "jwt <token>, ok"},
		{"jwt " + jwt[:len("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0")], "jwt <token>"},
		{"token=" + join("gh", "p_16C7e42F292c6912E7710c838347Ae178B4a"), "token=<token>"},
		{"sk-checkout-service ghp_short eyJust.a.word dapi", "sk-checkout-service ghp_short eyJust.a.word dapi"},

		// Private keys.
		{"key:\n" + pem + "\nafter", "key:\n<key>\nafter"},
		{strings.ReplaceAll(pem, "\n", `\n`) + `",`, `<key>",`},
		{"a " + pem[:60], "a <key>"},
		{"-------BEGIN PRIVATE KEY----- x", "<key>"},
		{strings.Trim(pem, "-"), "<key>"},
		{strings.ReplaceAll(pem, " ", "+"), "<key>"},
		{"host a " + pem[:51] + " trace_id=6f1a2b3c service checkout", "host a <key> trace_id=6f1a2b3c service checkout"},
		{pem[:51] + `\nQmF0MQ==","service":"checkout"}`, `<key>","service":"checkout"}`},
		{pem[:51] + "… cut off, service checkout is down", "<key>… cut off, service checkout is down"},
		{"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0123456789ABCDEF\n\n" + pemLine + "\nQmF0MQ\nhost: a service", "<key>\nhost: a service"},
		{"-----BEGIN PGP PRIVATE KEY BLOCK----- Version: GnuPG v2.0.22 (GNU/Linux) " + pemLine + " =aB1c host is", "<key> host is"},
		{"a -----BEGIN EC PRIVATE KEY-----\n12:00:00 a " + pemLine + "\n12:00:00 b " + pemLine + "\n12:00:00 service checkout", "a <key>\n12:00:00 service checkout"},
		{`["-----BEGIN PRIVATE KEY-----","` + pemLine + `","` + pemLine + `"],"x":"-----BEGIN`, `["<key>"],"x":"-----BEGIN`},
		{"-----BEGIN PRIVATE KEY-----\n" + pemLine + "\nabcde", "<key>"},
		{"-----BEGIN PRIVATE KEY-----\n" + pemLine + "\n" + strings.Repeat("checkout is down, ", 20) + pemLine, "<key>\n" + strings.Repeat("checkout is down, ", 20) + pemLine},
		{"-----BEGIN PRIVATE KEY----- is missing from the secret of checkout", "<key> is missing from the secret of checkout"},
		{"BEGIN a PRIVATE KEY and -----BEGIN PUBLIC KEY-----", "BEGIN a PRIVATE KEY and -----BEGIN PUBLIC KEY-----"},
		{"-----BEGIN CERTIFICATE-----\nMIID\n-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nMIID\n-----END CERTIFICATE-----"},
	} {
		if got := what(New("").Text(c.text)); got != c.want {
			t.Errorf("%q\n\tbecomes %q\n\twant    %q", c.text, got, c.want)
		}
	}
}

// What an investigation begins with is never touched.
func TestWhatMustSurvive(t *testing.T) {
	for _, text := range []string{
		"event 7879702138782271851, monitor 160076582, at 1795262390000",
		"trace_id: 6f1a2b3c4d5e6f708192a3b4c5d6e7f8, span_id=0123456789abcdef, dd.trace_id=4111111111111111117",
		"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"message_id=e1b7c5a0-8d1f-4a7e-9a52-4f1e8d9c0b1a request-id 4111-1111",
		"commit 9fceb02d0ae598e95dc970b74767f19372d61af8, image sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		"container_id:3f4e5d6c7b8a9f0e1d2c3b4a5f6e7d8c9b0a1f2e3d4c5b6a7f8e9d0c1b2a3f4e",
		"arn:aws:secretsmanager:eu-central-1:123456789012:secret:db-AbCdEf and arn:aws:lambda:eu-central-1:123456789012:function:f",
		"host:ip-10-0-12-34.ec2.internal 10.0.12.34:8080 [2001:db8::1]:443 i-0abcd1234ef567890",
		"avg(last_5m):sum:trace.http.request.errors{env:prod,service:checkout}.as_count() / sum:trace.http.request.hits{*} > 0.05",
		`logs("status:error @http.status_code:>=500 -@usr.token:*").index("*").rollup("count").last("5m") > 10`,
		"https://app.datadoghq.com/monitors/160076582?group=service%3Acheckout&from_ts=1795262390000&to_ts=1795262990000&event_id=7879702138782271851",
		"https://app.datadoghq.com/logs?query=service%3Acheckout+status%3Aerror&live=false",
		"kube_namespace:prod pod_name:checkout-7d9f8b6c5-x2x4z version:1.2.3 email_service:up keyspace:users",
		"X-Amzn-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793",
		`{"key":"c.8873248385148318284"} object key: value, code: build-123456789012, auth=basic-0123456789, key=c.8873248385148318284`,
		"rabbit@ip-10-0-1-2.ec2.internal, postgresql@14-main.service, getty@tty1.service, java.base@17.0.1.jar, app@web.prod.svc.cluster.local",
		// What the bridge and AWS say themselves.
		"Send the bridge's ingest token in the header X-Alertbridge-Token or as a bearer token.",
		`it must be {"url":"https://event-ai.<region>.api.aws/webhook/generic/<id>","token":"..."}, or with "hmac_secret" in place of "token"`,
		"AccessDenied: User: arn:aws:sts::123456789012:assumed-role/ingest is not authorized to perform: sqs:SendMessage on resource: arn:aws:sqs:eu-central-1:123456789012:alerts",
		"the secret could not be read: Secrets Manager answered InternalFailure for alertbridge/token (AWSCURRENT); see the AWS health page if it lasts",
		"github.com/alertbridge/alertbridge/shared/secret/awssecret.(*Store).Current\n\t/src/shared/secret/awssecret/awssecret.go:101",
		"C:\\new\\table and 85% of 100%, R&D; a=b&c=d",
	} {
		if got := New("k").Text(text); got != text {
			t.Errorf("%q\n\tbecomes %q", text, got)
		}
	}
}

func TestPseudonyms(t *testing.T) {
	const text = "ana@example.com bob@example.com ana%40example.com password=ana"
	a, b := New("one").Text(text), New("one").Text(text)
	words := strings.Fields(a)
	if a != b || words[0] != words[2] || words[0] == words[1] || len(words[0]) != len("[email:]")+nameLen {
		t.Errorf("%q and %q: the same value must have the same pseudonym, another one another", a, b)
	}
	if other := New("two").Text(text); strings.Fields(other)[0] == words[0] {
		t.Error("another key gives the same pseudonym")
	}
	// The pseudonym of the same key in one line and in several is one.
	r := New("one")
	if one, lines := r.Text(strings.ReplaceAll(pem, "\n", " ")), r.Text(pem); one != lines {
		t.Errorf("%s and %s for one key", one, lines)
	}
	r = New("one")
	r.Text(text)
	if r.Count(Email) != 3 || r.Count(Password) != 1 || r.Count(Card) != 0 {
		t.Errorf("counted %d, %d, %d", r.Count(Email), r.Count(Password), r.Count(Card))
	}
	var none *Redactor
	if none.Text(text) != text || none.Count(Email) != 0 {
		t.Error("no redactor redacts")
	}
}

func TestHas(t *testing.T) {
	if !Has("ana@example.com") || Has("ana at example.com") || Has("[email:abcdefgh]") {
		t.Error("Has is not what Text would replace")
	}
}

// It sees lines of logs that anybody can have written.
func TestLinear(t *testing.T) {
	const few, many = 16 << 10, 64 << 10 // 4 times as much, and where time grows with the square 16 times as long
	// What takes less than that a busy machine measures badly. Growing with the square it would take more.
	const measurable = 20 * time.Millisecond
	for _, unit := range hostile() {
		if took(unit, many, 1) < measurable {
			continue
		}
		quick, slow := took(unit, few, 5), took(unit, many, 5)
		if slow > time.Second || slow > measurable && slow > 8*quick {
			t.Errorf("%q: %s for %d bytes, and %s for %d", unit, quick, few, slow, many)
		}
	}
}

// hostile are the units of which a text may consist: each word that the tables know, begun and never ended.
func hostile() []string {
	units := []string{
		"a@", "a@a.", "://", "://a:b/", "password={{", `password="`, `password='x\"`, "eyJa.", "eyJa-", "eyJaaaaaaaaaa.eyJ.",
		"-----BEGIN PRIVATE", "-----BEGIN A-----", "-----BEGIN PRIVATE KEY-----x ", "-----BEGIN PRIVATE KEY-----a: ", "--", "4111 ", "4111-",
		"<password>", "=", "cookie: a=b; ", "&amp;", "%25", "\\u0025", "a.", "sk-a-", "/api", "/api/v1", ":1/", "[email:",
		"authorization: digest a=b, ", `authorization: digest a="b, `, "authorization: a ", ",a", "password=a,a", `token=["a",`,
		"bearer+", "bearer ", "basic+", "basic ", "basic+Og",
	}
	for _, f := range forms {
		tail := f.prefix + strings.Repeat("a", 8)
		units = append(units, f.prefix, f.prefix+"-", f.prefix+"_", f.prefix+".", tail+"-", tail+"_", tail+".", tail+"+")
	}
	for _, l := range labels {
		units = append(units, l.name+"=", l.name+":", l.name+"=none", "--"+l.name+" ", "<"+l.name+">", l.name+`=["`)
	}
	for _, p := range parameters {
		units = append(units, p+"=", "?"+p+"=", "&"+p+"=a", "?"+p+"=1,")
	}
	for _, w := range words {
		units = append(units, w, w+"：", w+"=")
	}
	for _, h := range hooks {
		units = append(units, h.path, h.host+h.path, h.host+":1"+h.path)
	}
	return units
}

// took is the least processor time of some runs over a text of so many bytes. What it ends with belongs to hardly any token.
func took(unit string, size, runs int) time.Duration {
	text, least := strings.Repeat(unit, size/len(unit))+"a_", time.Hour
	for range runs {
		began := processorTime()
		New("k").Text(text)
		least = min(least, processorTime()-began)
	}
	return least
}

// processorTime is what this process has used: a clock on the wall also counts what other programs do.
func processorTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err) // it is asked about itself
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func FuzzText(f *testing.F) {
	for _, seed := range []string{
		"password=hunter2 ana@example.com 4111 1111 1111 1111", pem, "a@x.io-4111111111111111", `{\"password\":\"x%22y\"}`,
		"https://u:p@h/?sig=a&b", "[email:abcdefgh]=x", "authorization: Bearer a, b=c", "&amp;#64;", "password=[token:hidden]x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := New("k")
		once := r.Text(text)
		if twice := New("k").Text(once); twice != once {
			t.Errorf("%q\n\tbecomes %q\n\tand then %q", text, once, twice)
		}
		n := 0
		for _, k := range Kinds() {
			n += r.Count(k)
		}
		if (n > 0) != Has(text) || (n == 0) != (once == text) {
			t.Errorf("%q: %d found, Has %t, becomes %q", text, n, Has(text), once)
		}
	})
}
