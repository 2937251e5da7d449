package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/alertbridge/alertbridge/shared/answer/answertest"
)

// The hosts at which people are told, as the functions know them: they are no setting.
const (
	eventsHost = "api.datadoghq.com"
	pagerHost  = "events.pagerduty.com"
)

// places are Datadog's events and PagerDuty, each by its own host, at the port of https.
type places struct {
	datadog *answertest.Datadog
	pager   *answertest.PagerDuty
}

func newPlaces() (places, error) {
	datadog, err := answertest.NewDatadog(answertest.Options{InProcess: true})
	if err != nil {
		return places{}, err
	}
	pager, err := answertest.NewPagerDuty(answertest.Options{InProcess: true})
	return places{datadog, pager}, err
}

// listen answers on the address, and writes the certificate that whoever calls must trust.
func (p places) listen(host, certificate string) error {
	own, err := selfSigned(certificate)
	if err != nil {
		return err
	}
	l, err := tls.Listen("tcp", net.JoinHostPort(host, "443"), &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12})
	if err != nil {
		return fmt.Errorf("the port at which people are told: %w; run this as root, or see the sysctl net.ipv4.ip_unprivileged_port_start", err)
	}
	mux := http.NewServeMux()
	mux.Handle(eventsHost+"/", p.datadog)
	mux.Handle(pagerHost+"/", p.pager)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }() // until the program ends
	return nil
}

// selfSigned makes a certificate for both hosts that is its own authority, and leaves it in a file.
func selfSigned(file string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "alertbridge's stand-in"},
		DNSNames: []string{eventsHost, pagerHost}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, os.WriteFile(file, text, 0o644)
}

// state says what people have been told, and how much of what was sent was refused.
func (p places) state() string {
	open := 0
	for _, i := range p.pager.Incidents() {
		if i.Open {
			open++
		}
	}
	refused := 0
	for _, r := range append(p.datadog.Requests(), p.pager.Requests()...) {
		if !r.Taken {
			refused++
		}
	}
	says := fmt.Sprintf("Datadog %d events; PagerDuty %d incidents, %d open", len(p.datadog.Events()), len(p.pager.Incidents()), open)
	if refused > 0 {
		says += fmt.Sprintf("; %d requests refused", refused)
	}
	return says
}
