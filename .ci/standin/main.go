// Command standin plays, for .ci/sam-test, what is around the functions and what no engine gives: Secrets Manager, the
// Agent with its API and its events, and Datadog's events and PagerDuty under their own names. It also makes the queue and
// the table, as template.yaml has them, hands out events, and tells what has happened.
//
//	POST /                     Secrets Manager's GetSecretValue
//	GET  /event/http/CASE      a delivery of the corpus, as if it came now; ?token=T changes what it presents
//	GET  /event/sqs            takes the oldest message from the queue, as Lambda would hand it on
//	GET  /event/outcome        the oldest event of the Agent's that nobody has had, as Lambda would hand it on
//	GET  /event/outcome/CASE   an event of the corpus, said now, of a task that nobody has
//	GET  /fill                 puts a value into the Agent's secret, which has none before
//	GET  /state                one line: messages, cases, what the Agent received, what was told
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/alertbridge/alertbridge/shared/agent/agenttest"
	"github.com/alertbridge/alertbridge/shared/agent/agenttest/apitest"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("standin: ")
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	listen := flag.String("listen", "127.0.0.1:0", "`address` to answer on, which the functions must reach")
	sqsURL := flag.String("sqs", "", "`URL` of what stands in for SQS")
	dynamoURL := flag.String("dynamodb", "", "`URL` of what stands in for DynamoDB")
	template := flag.String("template", ".ci/template.json", "the translated template, a `file`")
	env := flag.String("env", "", "`file` to write what sam is to set for the functions")
	url := flag.String("url", "", "`file` to write where this answers, once it does")
	certificate := flag.String("certificate", "", "`file` to write the certificate of the places where people are told")
	apiURL := flag.String("api", "", "`file` to write where the Agent's API answers, once it does")
	flag.Parse()

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	aws, err := newResources(ctx, *sqsURL, *dynamoURL, *template)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	host, _, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return err
	}
	// Its investigations are over at once, so that the test need not wait for one.
	over := apitest.Plan{Summary: apitest.Typical.Summary}
	work := apitest.NewInvestigations(apitest.InvestigationsOptions{Plan: func(apitest.Incident) apitest.Plan { return over }})
	agent, err := agenttest.NewServer(agenttest.Options{Address: net.JoinHostPort(host, "0"), OnRequest: opensIn(work)})
	if err != nil {
		return err
	}
	defer agent.Close()
	api, err := apitest.NewServer(apitest.Options{Address: net.JoinHostPort(host, "0"), Investigations: work})
	if err != nil {
		return err
	}
	defer api.Close()
	told, err := newPlaces()
	if err != nil {
		return err
	}
	if err := told.listen(host, *certificate); err != nil {
		return err
	}
	w := &world{resources: aws, agent: agent, work: work, told: told, secrets: newSecrets()}
	w.secrets.put(eventsKey, told.datadog.Key())
	w.secrets.put(pagerKey, told.pager.Key())

	if err := writeEnv(*env, aws, agent.Host(), work.Space()); err != nil {
		return err
	}
	if err := os.WriteFile(*apiURL, []byte(api.URL()), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(*url, []byte("http://"+l.Addr().String()), 0o600); err != nil {
		return err
	}
	server := &http.Server{Handler: w.routes(), ReadHeaderTimeout: 10 * time.Second}
	return fmt.Errorf("it no longer answers: %w", server.Serve(l))
}

// opensIn lets the Agent work on what its webhook has taken.
func opensIn(work *apitest.Investigations) func(agenttest.Request) {
	return func(r agenttest.Request) {
		var event struct{ IncidentID, Title, Priority, Timestamp string }
		if !r.Started || json.Unmarshal(r.Body, &event) != nil {
			return
		}
		work.Open(apitest.Incident{ID: event.IncidentID, Title: event.Title, Priority: event.Priority, Timestamp: event.Timestamp})
	}
}
