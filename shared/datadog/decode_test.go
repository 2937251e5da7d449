package datadog

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alertbridge/alertbridge/shared/alert"
)

var (
	// event is 1795165200 in epoch seconds, the time of most deliveries in testdata.
	event    = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	received = event.Add(20 * time.Minute)
)

// want is what a delivery must decode to; a field left out must be empty in the alert, except for text and links.
type want struct {
	why        string
	delivery   string
	incident   string
	cycle      bool
	monitor    string // id
	transition alert.Transition
	raw        string
	test       bool
	severity   alert.Severity
	priority   string
	alertType  string
	at         time.Time // the zero time: assumed
	title      string
	service    string
	scope      string // joined by blanks, as are the next ones
	tags       string
	refs       string
	value      string
	threshold  string
	hostname   string
	status     string
	links      string // names, joined by commas
	shape      string
	text       string // the whole text when it is given
}

const (
	org    = "2000417"
	slow   = "Checkout p95 latency is high"
	shop   = "service:checkout env:production"
	cycle  = "2000417/155001234/c.8540000000000000001"
	many   = "aws_account:123456789012 env:production host:ip-10-0-3-17 kube_namespace:shop monitor region:eu-central-1 security-group:sg-1 service:checkout team:payments url:http://shop.example:8443/pay version:4.12.0"
	ids    = "message_id=01J9ZQ4N7V trace_id=6717a1b2c3d4e5f60718293a4b5c6d7e"
	pages  = "Monitor Status,Related Logs,Runbook,Event,Edit Monitor"
	ours   = "alertbridge/1"
	agents = "aws-devops-agent"
)

var deliveries = map[string]want{
	"ours-triggered": {
		why:      "everything that our template carries",
		delivery: "dd-2000417-8540000000000000001", incident: cycle, cycle: true, monitor: "155001234",
		transition: alert.Triggered, raw: "Triggered", severity: alert.Critical, priority: "P1", alertType: "error", at: event,
		title: slow, service: "checkout", scope: shop, tags: many, refs: ids, value: "3.84", threshold: "> 2.5", hostname: "ip-10-0-3-17",
		links: pages, shape: ours,
		text: "Checkout answers slowly. Runbook: https://wiki.hanare.example/runbooks/checkout\n\nValue: 3.84\n\nmessage_id=01J9ZQ4N7V trace_id: 6717a1b2c3d4e5f60718293a4b5c6d7e\n\n" +
			"[![Metric Graph](https://p.datadoghq.com/snapshot/view/dd-snapshots-prod/org_2000417/2026-11-20/0123456789abcdef0123456789abcdef01234567.png)](https://app.datadoghq.com/monitors/155001234?group=service%3Acheckout%2Cenv%3Aproduction&from_ts=1795164300000&to_ts=1795165500000&event_id=8540000000000000001&link_source=monitor_notif)\n\n" +
			"**trace.http.request** over **env:production,service:checkout** was **> 2.5** on average during the **last 5m**.\n\nThe monitor was last triggered at Fri Nov 20 2026 09:00:00 UTC.",
	},
	"ours-re-triggered": {
		why:      "another event of the same cycle",
		delivery: "dd-2000417-8540000000000000002", incident: cycle, cycle: true, monitor: "155001234",
		transition: alert.ReTriggered, raw: "Re-Triggered", severity: alert.Critical, priority: "P1", alertType: "error", at: event.Add(10 * time.Minute),
		title: slow, service: "checkout", scope: shop, tags: many, refs: ids, value: "3.84", threshold: "> 2.5", hostname: "ip-10-0-3-17",
		links: pages, shape: ours,
	},
	"ours-warn": {
		why:      "no priority: the alert type says MEDIUM",
		delivery: "dd-2000417-8540000000000000003", incident: cycle, cycle: true, monitor: "155001234",
		transition: alert.Warn, raw: "Warn", severity: alert.Medium, alertType: "warning", at: event,
		title: slow, service: "checkout", scope: shop, tags: many, refs: ids, value: "3.84", threshold: "> 2.5", hostname: "ip-10-0-3-17",
		links: pages, shape: ours,
	},
	"ours-re-warn": {
		why:      "as documented, seen in no capture",
		delivery: "dd-2000417-8540000000000000004", incident: cycle, cycle: true, monitor: "155001234",
		transition: alert.ReWarn, raw: "Re-Warn", severity: alert.Medium, alertType: "warning", at: event,
		title: slow, service: "checkout", scope: shop, tags: many, refs: ids, value: "3.84", threshold: "> 2.5", hostname: "ip-10-0-3-17",
		links: pages, shape: ours,
	},
	"ours-no-data": {
		why:      "neither priority nor alert type, and No Data implies none: LOW",
		delivery: "dd-2000417-8540000000000000005", incident: cycle, cycle: true, monitor: "155001234",
		transition: alert.NoData, raw: "No Data", severity: alert.Low, at: event,
		title: slow, service: "checkout", scope: shop, tags: many, refs: ids, value: "3.84", threshold: "> 2.5", hostname: "ip-10-0-3-17",
		links: pages, shape: ours,
	},
	"ours-re-no-data": {
		why:      "the priority goes before the alert type",
		delivery: "dd-2000417-8540000000000000006", incident: cycle, cycle: true, monitor: "155001234",
		transition: alert.ReNoData, raw: "Re-No Data", severity: alert.Medium, priority: "P3", alertType: "error", at: event,
		title: slow, service: "checkout", scope: shop, tags: many, refs: ids, value: "3.84", threshold: "> 2.5", hostname: "ip-10-0-3-17",
		links: pages, shape: ours,
	},
	"ours-renotify": {
		why:      "without priority and type, a renotification is of an alert",
		delivery: "dd-2000417-8540000000000000007", incident: cycle, cycle: true, monitor: "155001234",
		transition: alert.Renotify, raw: "Renotify", severity: alert.High, at: event,
		title: slow, service: "checkout", scope: shop, tags: many, refs: ids, value: "3.84", threshold: "> 2.5", hostname: "ip-10-0-3-17",
		links: pages, shape: ours,
	},
	"ours-recovered": {
		why:      "the same incident; the sentence of a recovery is not the threshold",
		delivery: "dd-2000417-8540000000000000008", incident: cycle, cycle: true, monitor: "155001234",
		transition: alert.Recovered, raw: "Recovered", severity: alert.Critical, priority: "P1", alertType: "success", at: event.Add(15 * time.Minute),
		title: slow, service: "checkout", scope: shop, tags: many, hostname: "ip-10-0-3-17",
		links: "Monitor Status,Event,Edit Monitor", shape: ours,
	},
	"ours-recovered-from-warn": {
		why:      "a spelling that receivers guard against; a success without a priority is LOW",
		delivery: "dd-2000417-8540000000000000009", incident: cycle, cycle: true, monitor: "155001234",
		transition: alert.Recovered, raw: "Warn Recovered", severity: alert.Low, alertType: "success", at: event.Add(15 * time.Minute),
		title: slow, service: "checkout", scope: shop, tags: many, refs: ids, value: "3.84", hostname: "ip-10-0-3-17",
		links: pages, shape: ours,
	},
	"ours-unknown-transition": {
		why:      "an unknown transition stays visible",
		delivery: "dd-2000417-8540000000000000010", incident: cycle, cycle: true, monitor: "155001234",
		transition: alert.Unknown, raw: "Muted", severity: alert.Minimal, priority: "P5", alertType: "info", at: event,
		title: slow, service: "checkout", scope: shop, tags: many, refs: ids, value: "3.84", threshold: "> 2.5", hostname: "ip-10-0-3-17",
		links: pages, shape: ours,
	},
	"ours-test-notification": {
		why:      "a test has an incident of its own, although it carries the cycle key of a real one",
		delivery: "dd-2000417-8540000000000000011", incident: "2000417/155001234/t.8540000000000000011", cycle: true, monitor: "155001234",
		transition: alert.Triggered, raw: "Triggered", test: true, severity: alert.Critical, priority: "P1", alertType: "error", at: event,
		title: slow, service: "checkout", scope: "service:checkout", tags: "monitor service:checkout",
		links: "Monitor Status,Edit Monitor", shape: ours, text: "Test notification triggered by aoi@hanare.example.",
	},
	"ours-simple-alert": {
		why:      "no group, no cycle key, no aggregation key: the empty scope is the group",
		delivery: "dd-2000417-8540000000000000012", incident: "2000417/155001300/s." + alert.Hash(), monitor: "155001300",
		transition: alert.Triggered, raw: "Triggered", severity: alert.High, alertType: "error", at: event,
		title: "Orders per minute are low", service: "Orders per minute are low", tags: "monitor team:orders", threshold: "< 10.0",
		links: "Monitor Status,Event,Edit Monitor", shape: ours,
	},
	"ours-composite": {
		why:      "no cycle key: the aggregation key; two sentences on the evaluation say nothing of one threshold",
		delivery: "dd-2000417-8540000000000000013", incident: "2000417/155001301/g.7d793037a0760186574b0282f2f435e7", monitor: "155001301",
		transition: alert.Triggered, raw: "Triggered", severity: alert.High, priority: "P2", alertType: "error", at: event,
		title: "Database is slow and full", service: "db-7", scope: "host:db-7", tags: "host:db-7 monitor", hostname: "db-7",
		links: "Monitor Status,Event,Edit Monitor", shape: ours,
	},
	"ours-slo": {
		why:      "an SLO's page is one more link",
		delivery: "dd-2000417-8540000000000000014", incident: "2000417/155001304/c.8540000000000000014", cycle: true, monitor: "155001304",
		transition: alert.Triggered, raw: "Triggered", severity: alert.High, priority: "P2", alertType: "error", at: event,
		title: "Checkout SLO burns its error budget", service: "checkout", tags: "monitor service:checkout slo_type:monitor",
		links: "Monitor Status,Event,SLO Status", shape: ours,
	},
	"ours-apm": {
		why:      "brackets and braces in the monitor's name, ids in two notations, a variable that stayed",
		delivery: "dd-2000417-8540000000000000015", incident: "2000417/155001305/c.8540000000000000015", cycle: true, monitor: "155001305",
		transition: alert.Triggered, raw: "Triggered", severity: alert.Critical, priority: "P1", alertType: "error", at: event,
		title: "Errors on [payments] {v1}", service: "payments", scope: "resource_name:POST_/v1/pay service:payments",
		tags: "env:production monitor resource_name:POST_/v1/pay service:payments",
		refs: "trace_id=6717a1b2c3d4e5f6 dd.trace_id=8123456789012345678", threshold: "> 20",
		links: "Monitor Status,service:payments status:error @http.status_code:>=500,View Traces,Event,Edit Monitor", shape: ours,
	},
	"ours-rum": {
		why:      "the group is an attribute, whose @ is no handle",
		delivery: "dd-2000417-8540000000000000016", incident: "2000417/155001306/g.202cb962ac59075b964b07152d234b70", monitor: "155001306",
		transition: alert.Triggered, raw: "Triggered", severity: alert.Low, priority: "P4", alertType: "error", at: event,
		title: "Frustrated users in the cart", service: "/cart", scope: "@view.url_path:/cart", tags: "monitor application:shop-web",
		links: "Monitor Status,Event", shape: ours,
	},
	"ours-log-japanese": {
		why:      "Japanese in every text, and colons of Japanese width",
		delivery: "dd-2000417-8540000000000000017", incident: "2000417/155001307/c.8540000000000000017", cycle: true, monitor: "155001307",
		transition: alert.Triggered, raw: "Triggered", severity: alert.High, priority: "P2", alertType: "error", at: event,
		title: "【本番】決済サービスのエラーログが増えています", service: "決済", scope: "service:決済", tags: "env:本番 monitor service:決済",
		refs: "request_id=req-20261120-0042 message_id=m-77", threshold: "> 100", status: "More than 100 log events matched in the last 5m",
		links: "Monitor Status,status:error,Related Logs,手順書,Event,Edit Monitor", shape: ours,
	},
	"ours-markup": {
		why:      "entities, markup, handles, unseen characters, passwords and other schemes",
		delivery: "dd-2000417-8540000000000000018", incident: "2000417/155001308/c.8540000000000000018", cycle: true, monitor: "155001308",
		transition: alert.Triggered, raw: "Triggered", severity: alert.High, alertType: "error", at: event,
		title: "a <b> & c d", service: "search", scope: "service:search", tags: "monitor service:search env:staging ali database_id:shop:main",
		links: "Monitor Status,Link,Go", shape: ours,
		text: "if (a < b && c > d) { panic(\"x\") }\n\n```\njinja2: unexpected '.' <eof> at https://db.internal.example/x\n```\n  [31mIGNORE ALL\n\n" +
			"[Go](http://ops.hanare.example/a?x=1&y=2) [bad](javascript:alert(1)) [ftp](ftp://x.example/)",
	},
	"ours-nested-groups": {
		why:      "brackets in the braces of the title; brackets that are the name's; an empty one",
		delivery: "dd-2000417-8540000000000000019", incident: "2000417/155001309/s." + alert.Hash("az:[eu]-1a", "cluster_name:blue", "host:web-{1}"), monitor: "155001309",
		transition: alert.Triggered, raw: "Triggered", severity: alert.Medium, priority: "P3", alertType: "error", at: event,
		title: "[prod] Disk [/var] is full", service: "[eu]-1a", scope: "az:[eu]-1a host:web-{1} cluster_name:blue", tags: "monitor",
		shape: ours,
	},
	"ours-synthetics": {
		why:      "no monitor link, the text null for what is not there, the priority only in the title",
		delivery: "dd-2000417-8540000000000000020", incident: "2000417/155001310/g.900150983cd24fb0d6963f7d28e17f72", monitor: "155001310",
		transition: alert.ReTriggered, raw: "Re-Triggered", severity: alert.Low, priority: "P4", alertType: "error", at: event,
		title: "[Synthetics] Login on shop.example", service: "[Synthetics] Login on shop.example", tags: "monitor check_type:api",
		shape: ours, text: "An alert has been received for shop.example",
	},
	"ours-unfilled": {
		why:      "variables that nobody filled in say nothing; without event and time each delivery is its own",
		delivery: "dd-0-h" + alert.Hash("-/155001311/s."+alert.Hash(), "Triggered", "Triggered", "2026-11-20T09:20:00.000Z", "Sent by hand"),
		incident: "-/155001311/s." + alert.Hash(), monitor: "155001311",
		transition: alert.Triggered, raw: "Triggered", severity: alert.High,
		title: "Sent by hand", service: "Sent by hand", shape: ours,
	},
	"default-triggered": {
		why:      "monitor and group from the link; nothing but the title says what it is",
		delivery: "dd-2000417-8540000000000000021", incident: "2000417/155001312/s." + alert.Hash("host:web-3"), monitor: "155001312",
		transition: alert.Triggered, raw: "Triggered", severity: alert.Critical, priority: "P1", at: event,
		title: "Memory of web-3 is used up", service: "web-3", scope: "host:web-3", threshold: "< 0.05",
		links: "Monitor Status,Show Processes,Edit Monitor", shape: "datadog-default",
	},
	"default-recovered": {
		why:      "the recovery of default-triggered is of the same incident",
		delivery: "dd-2000417-8540000000000000022", incident: "2000417/155001312/s." + alert.Hash("host:web-3"), monitor: "155001312",
		transition: alert.Recovered, raw: "Recovered", severity: alert.Critical, priority: "P1", at: event.Add(time.Minute),
		title: "Memory of web-3 is used up", service: "web-3", scope: "host:web-3",
		links: "Monitor Status,Edit Monitor", shape: "datadog-default",
	},
	"default-no-priority": {
		why:      "a warning's severity, the group in the title, the monitor in the old kind of link",
		delivery: "dd-2000417-8540000000000000023", incident: "2000417/155001313/s." + alert.Hash("host:web-4"), monitor: "155001313",
		transition: alert.Warn, raw: "Warn", severity: alert.Medium, at: event,
		title: "Agent is late", service: "web-4", scope: "host:web-4",
		links: "Monitor Status,Edit Monitor", shape: "datadog-default", text: "Late.",
	},
	"default-test": {
		why:      "[TEST] behind the transition, as it was in 2020",
		delivery: "dd-2000417-8540000000000000024", incident: "2000417/155001313/t.8540000000000000024", cycle: true, monitor: "155001313",
		transition: alert.Triggered, raw: "Triggered", test: true, severity: alert.High, at: event,
		title: "Agent is late", service: "Agent is late", links: "Monitor Status", shape: "datadog-default",
	},
	"default-test-sentence": {
		why:      "no brackets at all: the sentence in the text tells a test",
		delivery: "dd-2000417-8540000000000000025", incident: "2000417/m-" + alert.Hash(org, "Agent is late") + "/t.8540000000000000025", cycle: true,
		transition: alert.Unknown, test: true, severity: alert.Low, at: event,
		title: "Agent is late", service: "Agent is late", shape: "datadog-default",
	},
	"default-no-monitor-link": {
		why:        "no monitor id anywhere: its name stands in for it",
		delivery:   "dd-2000417-8540000000000000026",
		incident:   "2000417/m-" + alert.Hash(org, "[Synthetics] Basket on shop.example") + "/s." + alert.Hash(),
		transition: alert.Triggered, raw: "Triggered", severity: alert.Medium, priority: "P3", at: event,
		title: "[Synthetics] Basket on shop.example", service: "[Synthetics] Basket on shop.example", shape: "datadog-default",
	},
	"default-posted-event": {
		why:      "somebody mentioned the webhook in an event: no monitor, no title, no transition",
		delivery: "dd-2000417-8540000000000000027", incident: "2000417/m-" + alert.Hash(org, "please look at the new gateway") + "/s." + alert.Hash(),
		transition: alert.Unknown, severity: alert.Low, at: event,
		title: "please look at the new gateway", service: "please look at the new gateway", shape: "datadog-default",
		text: "please look at the new gateway\nIt answers 502.",
	},
	"agent-guide-triggered": {
		why:      "the user guide of AWS DevOps Agent: cycle key in the incident's id, event id in the link, no time; its constants HIGH and datadog say nothing",
		delivery: "dd-0-8540000000000000028", incident: "-/155001314/c.8540000000000000028", cycle: true, monitor: "155001314",
		transition: alert.Triggered, raw: "Triggered", severity: alert.Medium, priority: "P3",
		title: "Cart is slow", service: "cart", scope: "service:cart", tags: "monitor service:cart", threshold: "> 1.5",
		links: "Event", shape: agents,
	},
	"agent-guide-no-cycle": {
		why:      "the same without a cycle key, in a title without brackets",
		delivery: "dd-0-8540000000000000029", incident: "-/155001314/s." + alert.Hash("service:cart"), monitor: "155001314",
		transition: alert.Warn, raw: "Warn", severity: alert.Medium,
		title: "Cart is slow on service:cart", service: "cart", scope: "service:cart", tags: "monitor",
		links: "Event", shape: agents, text: "Cart is slow.",
	},
	"agent-article": {
		why:      "an older way: the event's id as incident, and everything else from the text",
		delivery: "dd-0-8540000000000000030", incident: "-/155001314/s." + alert.Hash("service:cart"), monitor: "155001314",
		transition: alert.Triggered, raw: "Triggered", severity: alert.High, at: event,
		title: "Cart is slow", service: "cart", scope: "service:cart", threshold: "> 1.5",
		links: "Monitor Status,Edit Monitor", shape: agents,
	},
	"groups": {
		why:      `values in groups, "null" as text, an event id that lacks its dollar`,
		delivery: "dd-2000417-8540000000000000031", incident: "2000417/155001315/g.e99a18c428cb38d5f260853678922e03", monitor: "155001315",
		transition: alert.ReTriggered, raw: "Re-Triggered", severity: alert.Medium, priority: "P3", alertType: "error", at: event,
		title: "[Synthetics] Basket on shop.example", service: "[Synthetics] Basket on shop.example", links: "Event", shape: "other",
		text: "An alert has been received for shop.example",
	},
	"flat-numbers": {
		why:      "ids of 19 digits as numbers, a list of tags, a date in seconds, value and threshold as fields",
		delivery: "dd-2000417-8540000000000000032", incident: "2000417/155001316/s." + alert.Hash("queue:orders"), monitor: "155001316",
		transition: alert.Triggered, raw: "triggered", severity: alert.High, priority: "P2", alertType: "error", at: event,
		title: "Queue is long", service: "orders", scope: "queue:orders", tags: "monitor service:orders 7", value: "1834", threshold: "1000",
		links: "Event", shape: "other",
	},
	"metadata-capitals": {
		why:      "variables under their own names, below an object; the event's priority says nothing",
		delivery: "dd-2000417-8540000000000000033", incident: "2000417/155001317/c.8540000000000000032", cycle: true, monitor: "155001317",
		transition: alert.ReWarn, raw: "RE_WARN", severity: alert.Medium, alertType: "warning", at: event,
		title: "Disk is full", service: "db-9", scope: "host:db-9", tags: "host:db-9 monitor", shape: "other",
	},
	"camel-seconds": {
		why:      "names in one word, seconds, ids in fields of their own",
		delivery: "dd-2000417-8540000000000000034", incident: "2000417/155001318/c.8540000000000000034", cycle: true, monitor: "155001318",
		transition: alert.NoData, raw: "no_data", severity: alert.High, alertType: "error", at: event,
		title: "Heartbeat is missing", service: "Heartbeat is missing",
		refs: "trace_id=6717a1b2c3d4e5f6 message_id=20261120.1@mail.hanare.example", shape: "other", text: "Heartbeat is missing.",
	},
}

func TestDecode(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) != len(deliveries) {
		t.Fatalf("%d files in testdata and %d rows in the table: %v", len(files), len(deliveries), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			a, err := Decode(raw, received, nil)
			if err != nil {
				t.Fatal(err)
			}
			w, ok := deliveries[name]
			if !ok {
				t.Fatal("no row in the table")
			}
			compare(t, a, w)
			sound(t, a)
		})
	}
}

func compare(t *testing.T, a alert.Alert, w want) {
	t.Helper()
	at := w.at
	if at.IsZero() {
		at = received
	}
	var refs, links []string
	for _, r := range a.Refs {
		refs = append(refs, r.Name+"="+r.Value)
	}
	for _, l := range a.Links {
		links = append(links, l.Name)
	}
	for _, c := range []struct {
		field     string
		got, want any
	}{
		{"Source", a.Source, "datadog"},
		{"Shape", a.Shape, w.shape},
		{"Delivery", a.Delivery, w.delivery},
		{"Incident", a.Incident.String(), w.incident},
		{"Incident.Cycle", a.Incident.Cycle, w.cycle},
		{"Monitor.ID", a.Monitor.ID, w.monitor},
		{"Monitor.Name", a.Monitor.Name, w.title},
		{"Transition", a.Transition, w.transition},
		{"RawTransition", a.RawTransition, w.raw},
		{"Test", a.Test, w.test},
		{"Severity", a.Severity, w.severity},
		{"Priority", a.Priority, w.priority},
		{"AlertType", a.AlertType, w.alertType},
		{"Time", a.Time, at},
		{"TimeAssumed", a.TimeAssumed, w.at.IsZero()},
		{"Title", a.Title, w.title},
		{"Service()", a.Service(), w.service},
		{"Scope", strings.Join(a.Scope, " "), w.scope},
		{"Tags", strings.Join(a.Tags, " "), w.tags},
		{"Refs", strings.Join(refs, " "), w.refs},
		{"Value", a.Value, w.value},
		{"Threshold", a.Threshold, w.threshold},
		{"Hostname", a.Hostname, w.hostname},
		{"Status", a.Status, w.status},
		{"Links", strings.Join(links, ","), w.links},
		{"Cut", len(a.Cut), 0},
	} {
		if c.got != c.want {
			t.Errorf("%s\n got %q\nwant %q\n(%s)", c.field, c.got, c.want, w.why)
		}
	}
	if w.text != "" && a.Text != w.text {
		t.Errorf("Text\n got %q\nwant %q\n(%s)", a.Text, w.text, w.why)
	}
}

// sound holds what is true of every alert, whatever came in.
func sound(t *testing.T, a alert.Alert) {
	t.Helper()
	if err := a.Check(); err != nil {
		t.Error(err)
	}
	if a.Service() == "" {
		t.Error("Service() is empty")
	}
	for _, text := range []string{a.Text, a.Title, a.Status} {
		if strings.Contains(text, "%%%") || strings.Contains(" "+text, " @slack-payments") {
			t.Errorf("not clean: %q", text)
		}
	}
	for _, l := range a.Links {
		if !strings.HasPrefix(l.URL, "https://") && !strings.HasPrefix(l.URL, "http://") || strings.ContainsAny(l.URL, " \n\"<>") {
			t.Errorf("link %q", l.URL)
		}
	}
	encoded, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	var back alert.Alert
	if err := json.Unmarshal(encoded, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a, back) {
		t.Errorf("JSON makes of %+v\nthis %+v", a, back)
	}
}

// What the queue or a person sends twice must be one delivery, and what Datadog sends next another one.
func TestDeliveryIdentity(t *testing.T) {
	decode := func(body string, at time.Time) alert.Alert {
		t.Helper()
		a, err := Decode([]byte(body), at, nil)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	later := received.Add(time.Hour)
	for _, c := range []struct {
		why, a, b string
		same      bool
	}{
		{"the event decides", `{"id":"85400","title":"[Triggered] A","org_id":"1"}`, `{"id":"85400","title":"[Triggered] B","org_id":"1"}`, true},
		{"another organisation", `{"id":"85400","title":"A","org_id":"1"}`, `{"id":"85400","title":"A","org_id":"2"}`, false},
		{"organisation and event do not run together", `{"id":"2-3","title":"A","org_id":"1"}`, `{"id":"3","title":"A","org_id":"1-2"}`, false},
		{"no event: the time and what it says", `{"monitor_id":"7","title":"[Triggered] A","date":"1795165200000"}`, `{"monitor_id":"7","title":"[Triggered] A","date":"1795165200"}`, true},
		{"another transition", `{"monitor_id":"7","title":"[Triggered] A","date":"1795165200000"}`, `{"monitor_id":"7","title":"[Recovered] A","date":"1795165200000"}`, false},
		{"another group", `{"monitor_id":"7","title":"A","date":"1795165200000","scope":"host:a"}`, `{"monitor_id":"7","title":"A","date":"1795165200000","scope":"host:b"}`, false},
		{"another time", `{"monitor_id":"7","title":"A","date":"1795165200000"}`, `{"monitor_id":"7","title":"A","date":"1795165201000"}`, false},
		{"neither event nor time: never lose a new alert", `{"monitor_id":"7","title":"A"}`, `{"monitor_id":"7","title":"A"}`, false},
	} {
		a, b := decode(c.a, received), decode(c.b, later)
		if (a.Delivery == b.Delivery) != c.same {
			t.Errorf("%s: %s and %s", c.why, a.Delivery, b.Delivery)
		}
	}
}

// The cases that matter when an incident's key is made: the same group always meets, different ones never.
func TestIncidentIdentity(t *testing.T) {
	for _, c := range []struct{ why, body, key string }{
		{"the cycle key first", `{"title":"A","monitor_id":"7","cycle_key":"91","aggreg_key":"a1","scope":"h:1"}`, "c.91"},
		{"a zero is no cycle", `{"title":"A","monitor_id":"7","cycle_key":"0","aggreg_key":"a1"}`, "g.a1"},
		{"nor is a word", `{"title":"A","monitor_id":"7","cycle_key":"None","aggreg_key":"a1"}`, "g.a1"},
		{"nor an unfilled variable", `{"title":"A","monitor_id":"7","incidentId":"datadog-$ALERT_CYCLE_KEY","aggreg_key":"a1"}`, "g.a1"},
		{"nor nothing", `{"title":"A","monitor_id":"7","incidentId":"datadog-","aggreg_key":"a1"}`, "g.a1"},
		{"the order of a scope's tags does not matter", `{"title":"A","monitor_id":"7","scope":"b:2, a:1"}`, "s." + alert.Hash("a:1", "b:2")},
		{"the scope before the title's", `{"title":"[Warn on {x:1}] A","monitor_id":"7","scope":"a:1"}`, "s." + alert.Hash("a:1")},
		{"a star is no group", `{"title":"A","monitor_id":"7","scope":"*"}`, "s." + alert.Hash()},
		{"what an id may not hold", `{"title":"A","monitor_id":"7","cycle_key":"a/1"}`, "c.a-1-" + alert.Hash("c.a/1")},
		{
			"the last Monitor Status is Datadog's, also in that it has no group",
			`{"title":"A","body":"[Monitor Status](https://x.datadoghq.com/monitors/8?group=h%3A1)\n[Monitor Status](https://x.datadoghq.com/monitors/7)"}`,
			"s." + alert.Hash(),
		},
		{"a group of another page is none", `{"title":"A","monitor_id":"7","body":"[x](https://x.example/d?group=h%3A1)"}`, "s." + alert.Hash()},
	} {
		a, err := Decode([]byte(c.body), received, nil)
		if err != nil {
			t.Fatal(err)
		}
		if a.Incident.Key != c.key || a.Incident.Monitor != "7" {
			t.Errorf("%s: %s, want %s", c.why, a.Incident, c.key)
		}
		if want := strings.HasPrefix(c.key, "c."); a.Incident.Cycle != want {
			t.Errorf("%s: Cycle is %v", c.why, a.Incident.Cycle)
		}
	}
}

// The alert has Datadog's aggregation key as it came, whatever its incident is called by, or none.
func TestAggregationKey(t *testing.T) {
	const key = "06ade3da0286048d242ea8e46f521c93" // as a webhook was seen to bring it
	longest := strings.Repeat("1", alert.MaxAggregation)
	body := func(v string) string { return `{"title":"A","monitor_id":"7","cycle_key":"91","aggreg_key":` + v + `}` }
	for _, c := range []struct{ why, body, key, incident string }{
		{"beside the cycle key", body(`"` + key + `"`), key, "c.91"},
		{"without it the incident has it too", `{"title":"A","monitor_id":"7","aggreg_key":"` + key + `"}`, key, "g." + key},
		{"of a test too", `{"id":"85","title":"[TEST] A","monitor_id":"7","aggreg_key":"` + key + `"}`, key, "t.85"},
		{"by another name", `{"title":"A","monitor_id":"7","cycle_key":"91","aggregationKey":"` + key + `"}`, key, "c.91"},
		{"as an id is called that has no room for it", `{"title":"A","monitor_id":"7","aggreg_key":"a/1"}`, "a/1", "g.a-1-" + alert.Hash("g.a/1")},
		{"a number, as it is written", body(`7879702138782271851`), "7879702138782271851", "c.91"},
		{"blanks around it are not part of it", body(`" ` + key + ` "`), key, "c.91"},
		{"none was sent", `{"title":"A","monitor_id":"7","cycle_key":"91"}`, "", "c.91"},
		{"an empty one", body(`""`), "", "c.91"},
		{"null", body(`"null"`), "", "c.91"},
		{"not filled in", body(`"$AGGREG_KEY"`), "", "c.91"},
		{"a sentence is no id", body(`"disk 1 is full"`), "", "c.91"},
		{"nor is a word", body(`"None"`), "", "c.91"},
		{"what nobody sees would get lost", body(`"a1\u200bb"`), "", "c.91"},
		{"the longest that Datadog takes", body(`"` + longest + `"`), longest, "c.91"},
		{"cut it would be another", body(`"` + longest + `1"`), "", "c.91"},
	} {
		a, err := Decode([]byte(c.body), received, nil)
		if err != nil {
			t.Fatal(err)
		}
		if a.Aggregation != c.key || a.Incident.Key != c.incident {
			t.Errorf("%s: %q of the incident %s, want %q of %s", c.why, a.Aggregation, a.Incident.Key, c.key, c.incident)
		}
	}
	for file, want := range map[string]string{
		"ours-triggered": "5d41402abc4b2a76b9719d911017c592", "ours-recovered": "5d41402abc4b2a76b9719d911017c592",
		"ours-composite": "7d793037a0760186574b0282f2f435e7", "groups": "e99a18c428cb38d5f260853678922e03",
		"metadata-capitals": "0cc175b9c0f1b6a831c399e269772661", "ours-apm": "", "ours-unfilled": "",
	} {
		a, err := Decode(read(t, file+".json"), received, nil)
		if err != nil || a.Aggregation != want {
			t.Errorf("%s: the key is %q, want %q (%v)", file, a.Aggregation, want, err)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	reached := map[Reason]bool{}
	for _, c := range []struct {
		why, body string
		want      Reason
	}{
		{"nothing", "", EmptyBody},
		{"blanks and a byte order mark", "\xef\xbb\xbf \r\n", EmptyBody},
		{"a form", "payload=%7B%22id%22%3A1%7D", FormEncoded},
		{"a form without a name", "%7B%22id%22%3A1%7D", FormEncoded},
		{"broken off", `{"id": "1"`, NotJSON},
		{"a trailing comma", `{"id": "1",}`, NotJSON},
		{"a variable without quotes that was empty", `{"date": , "id": "1"}`, NotJSON},
		{"something behind it", `{"title": "a"} {"title": "b"}`, NotJSON},
		{"text", "hello", NotJSON},
		{"a control character", "{\"title\": \"a\x01\"}", NotJSON},
		{"a list", `[{"title": "a"}]`, NotAnObject},
		{"null", `null`, NotAnObject},
		{"JSON in a string", `"{\"title\": \"a\"}"`, NotAnObject},
		{"deep", strings.Repeat(`{"a":`, 33) + "1" + strings.Repeat("}", 33), TooDeep},
		{"very deep", strings.Repeat("[", 1<<18), TooDeep},
		{"deep behind a string with brackets", `{"a":"[[[[\"{{","b":` + strings.Repeat("[", 40), TooDeep},
		{"an object of somebody else", `{"foo": {"bar": 1}, "list": [1, {"title": "x"}]}`, NotAnAlert},
		{"no object at all", `{}`, NotAnAlert},
		{"our template as it is", Template(), NotAnAlert},
		{"a greeting", `{"message": "hello"}`, NotAnAlert},
		{"an event of which nothing is said", `{"id": "85400", "org": {"id": "1"}}`, NotAnAlert},
		{"a title that is nothing but a bracket", `{"title": "[P1]"}`, NotAnAlert},
	} {
		t.Run(c.why, func(t *testing.T) {
			a, err := Decode([]byte(c.body), received, nil)
			var bad *DecodeError
			if !errors.As(err, &bad) || bad.Reason != c.want {
				t.Fatalf("Decode() = %v, want %s", err, c.want)
			}
			if !reflect.DeepEqual(a, alert.Alert{}) {
				t.Errorf("with an error comes %+v", a)
			}
			if w := bad.Words; !strings.HasPrefix(w, "The body ") || !strings.HasSuffix(w, ".") || !strings.Contains(w, ": ") {
				t.Errorf("%q is not a sentence that names the mend", w)
			}
			reached[bad.Reason] = true
		})
	}
	for _, r := range Reasons() {
		if !reached[r] {
			t.Errorf("nothing leads to %s", r)
		}
	}
}

// What is wrong with the payload and at which byte, as whoever wrote it reads it.
func TestNotJSONWords(t *testing.T) {
	for body, where := range map[string]string{
		`{"id": "1"`:            "it ends too early, after byte 10",
		`{"id": "1`:             "it ends too early, after byte 9",
		`{"id": "1",}`:          "invalid character '}' looking for beginning of object key string at byte 12",
		`{"id": "1"]`:           "invalid character ']' after object key:value pair at byte 11",
		`{"date": , "id": "1"}`: "invalid character ',' looking for beginning of value at byte 10",
		`{"id": 1 "date": 2}`:   "invalid character '\"' after object key:value pair at byte 10",
	} {
		_, err := Decode([]byte(body), received, nil)
		want := "datadog: not_json: The body is not JSON (" + where + "): in the payload of the webhook in Datadog, look for a missing or trailing comma, and for a variable without quotes."
		if err == nil || err.Error() != want {
			t.Errorf("%s\n got %v\nwant %s", body, err, want)
		}
	}
}

// A body says at which byte it breaks, and nothing of what it holds.
func TestDecodeErrorsTellNoContent(t *testing.T) {
	_, err := Decode([]byte(`{"token": "hunter2", "id": oops}`), received, nil)
	if err == nil || !strings.Contains(err.Error(), "byte 28") || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "oops") {
		t.Errorf("got %v", err)
	}
}

func TestDecodeBounds(t *testing.T) {
	var tags []string
	for i := range 100 {
		tags = append(tags, "a"+string(rune('a'+i/26))+string(rune('a'+i%26))+":1")
	}
	body, _ := json.Marshal(map[string]any{
		"title": strings.Repeat("長", 500), "monitor_id": "7", "body": strings.Repeat("あ", 5210),
		"tags":  strings.Join(tags, ",") + ",service:shop,version:3",
		"scope": strings.Repeat("k:v,", 3) + strings.Repeat("x", 400),
		"link":  "https://app.datadoghq.com/event/event?id=1&x=" + strings.Repeat("y", 1000),
	})
	a, err := Decode(body, received, nil)
	if err != nil {
		t.Fatal(err)
	}
	sound(t, a)
	want := []string{
		"text cut from 5210 to 4000 characters", "title cut from 500 to 400 characters", "monitor name cut from 500 to 400 characters",
		"scope: 1 of 2 cut to 300 characters", "tags cut from 102 to 60", "links: 1 of 1 left out",
	}
	if !slices.Equal(a.Cut, want) {
		t.Errorf("Cut = %q, want %q", a.Cut, want)
	}
	if a.Tag("service") != "shop" || a.Tag("version") != "3" {
		t.Errorf("what an investigation needs was cut: %q", a.Tags)
	}
}

// A body with more values than are looked at keeps those at its top.
func TestDecodeLooksAtTheTopFirst(t *testing.T) {
	inner := map[string]string{}
	for i := range maxLeaves + 10 {
		inner[strings.Repeat("x", 1+i%50)+string(rune('A'+i%26))+time.Duration(i).String()] = "1"
	}
	body, _ := json.Marshal(map[string]any{"aaa": inner, "title": "[Warn] A", "org": map[string]string{"id": "5"}})
	a, err := Decode(body, received, nil)
	if err != nil || a.Title != "A" || a.Transition != alert.Warn {
		t.Fatalf("got %+v, %v", a, err)
	}
	if len(a.Cut) != 1 || !strings.Contains(a.Cut[0], "2000") {
		t.Errorf("Cut = %q", a.Cut)
	}
}

func TestDuplicateKeys(t *testing.T) {
	a, err := Decode([]byte(`{"title":"A","monitor_id":"7","title":"B","monitor_id":"","org":{"id":"1"},"org":{"name":"N"}}`), received, nil)
	if err != nil || a.Title != "B" || a.Monitor.ID != "" || a.OrgID != "" || a.OrgName != "N" {
		t.Errorf("the last one must count: %+v, %v", a, err)
	}
}
