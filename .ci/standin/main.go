// Command standin plays, for .ci/sam-test, what is around the functions and what no engine gives: Secrets Manager and
// the Agent. It also makes the queue and the table, as template.yaml has them, hands out events, and tells what has
// happened.
//
//	POST /                     Secrets Manager's GetSecretValue
//	GET  /event/http/CASE      a delivery of the corpus, as if it came now; ?token=T changes what it presents
//	GET  /event/sqs            takes the oldest message from the queue, as Lambda would hand it on
//	GET  /fill                 puts a value into the Agent's secret, which has none before
//	GET  /state                one line: messages, cases, what the Agent received
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/alertbridge/alertbridge/shared/agent/agenttest"
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
	agent, err := agenttest.NewServer(agenttest.Options{Address: net.JoinHostPort(host, "0")})
	if err != nil {
		return err
	}
	defer agent.Close()
	w := &world{resources: aws, agent: agent, secrets: newSecrets()}

	if err := writeEnv(*env, aws, agent.Host()); err != nil {
		return err
	}
	if err := os.WriteFile(*url, []byte("http://"+l.Addr().String()), 0o600); err != nil {
		return err
	}
	server := &http.Server{Handler: w.routes(), ReadHeaderTimeout: 10 * time.Second}
	return fmt.Errorf("it no longer answers: %w", server.Serve(l))
}
