package main

import (
	"encoding/json"
	"net/http"
	"sync"

	"github.com/alertbridge/alertbridge/events"
)

// The secrets' ids, as the functions are told them.
const (
	ingestToken = "ingest-token"
	agentSecret = "agent"
	eventsKey   = "datadog-key"
	pagerKey    = "pagerduty-key"
)

// secrets is as much of Secrets Manager as the functions use: GetSecretValue, by id and stage.
type secrets struct {
	mu     sync.Mutex
	values map[string]string // by id and stage
}

func newSecrets() *secrets {
	return &secrets{values: map[string]string{
		ingestToken + " AWSCURRENT":  events.Token,
		ingestToken + " AWSPREVIOUS": events.PreviousToken,
	}}
}

func (s *secrets) put(id, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[id+" AWSCURRENT"] = value
}

// ServeHTTP speaks AWS's JSON protocol, version 1.1.
func (s *secrets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if got := r.Header.Get("X-Amz-Target"); got != "secretsmanager.GetSecretValue" {
		refuse(w, "UnknownOperationException", "the stand-in does not know "+got)
		return
	}
	var in struct{ SecretId, VersionStage string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.SecretId == "" {
		refuse(w, "InvalidParameterException", "no SecretId")
		return
	}
	if in.VersionStage == "" {
		in.VersionStage = "AWSCURRENT"
	}
	s.mu.Lock()
	value, there := s.values[in.SecretId+" "+in.VersionStage]
	s.mu.Unlock()
	if !there { // as the service says of a secret that was created without a value
		refuse(w, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: "+in.VersionStage)
		return
	}
	answer(w, map[string]any{
		"ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:" + in.SecretId, "Name": in.SecretId,
		"VersionId": "00000000-0000-4000-8000-" + in.VersionStage, "VersionStages": []string{in.VersionStage}, "SecretString": value,
	})
}

func refuse(w http.ResponseWriter, kind, text string) {
	w.Header().Set("X-Amzn-ErrorType", kind)
	w.WriteHeader(http.StatusBadRequest)
	answer(w, map[string]string{"__type": kind, "Message": text})
}

func answer(w http.ResponseWriter, v any) {
	_ = json.NewEncoder(w).Encode(v) // who asked has gone away; there is nobody to tell
}
