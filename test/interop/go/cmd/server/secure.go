package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// security says what the server shows, and what it wants to see.
type security struct {
	cert, key        string
	authority        *authority
	clientCA         string
	isClientOptional bool
}

// secure reads what TLS needs: without a certificate there is none, and with a client authority every client has to
// show a certificate of that authority, unless it is optional. HTTP/1.1 only, since an upgrade to WebSocket needs it.
func secure(s security) (*tls.Config, error) {
	certificate, err := s.certificate()
	if certificate == nil || err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{*certificate}, NextProtos: []string{"http/1.1"}}
	if s.clientCA == "" {
		return config, nil
	}
	pem, err := os.ReadFile(s.clientCA)
	if err != nil {
		return nil, err
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", s.clientCA)
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	if s.isClientOptional {
		config.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return config, nil
}

// certificate is that of the files, or one that the authority issues; nil where there is neither.
func (s security) certificate() (*tls.Certificate, error) {
	var certificate tls.Certificate
	var err error
	switch {
	case s.cert != "":
		certificate, err = tls.LoadX509KeyPair(s.cert, s.key)
	case s.authority != nil:
		certificate, err = s.authority.server()
	default:
		return nil, nil
	}
	return &certificate, err
}
