package main

import (
	"encoding/json"
	"io"
	"log"
	"sync"
)

type listeningEvent struct {
	Event string `json:"event"`
	Port  int    `json:"port"`
}

type connectingEvent struct {
	Event     string            `json:"event"`
	At        int64             `json:"at"`
	Conn      int64             `json:"conn"`
	Transport string            `json:"transport"`
	Method    string            `json:"method"`
	Path      string            `json:"path"`
	Headers   map[string]string `json:"headers"`
	TLS       string            `json:"tls,omitempty"`
	Client    string            `json:"client,omitempty"`
	// Fingerprint is the SHA-256 of the client's certificate.
	Fingerprint string `json:"fingerprint,omitempty"`
}

type rejectedEvent struct {
	Event  string `json:"event"`
	Conn   int64  `json:"conn"`
	Status int    `json:"status"`
}

type connectedEvent struct {
	Event     string `json:"event"`
	Conn      int64  `json:"conn"`
	Transport string `json:"transport"`
}

type messageEvent struct {
	Event     string          `json:"event"`
	At        int64           `json:"at"`
	Conn      int64           `json:"conn"`
	Transport string          `json:"transport"`
	UID       string          `json:"uid"`
	Message   json.RawMessage `json:"message"`
}

type cutEvent struct {
	Event string `json:"event"`
	Conn  int64  `json:"conn"`
}

type readErrorEvent struct {
	Event       string `json:"event"`
	Conn        int64  `json:"conn"`
	MessageType int    `json:"messageType"`
	Error       string `json:"error"`
	Code        int    `json:"code,omitempty"`
}

type closedEvent struct {
	Event string `json:"event"`
	Conn  int64  `json:"conn"`
}

type doneEvent struct {
	Event string `json:"event"`
	ID    int64  `json:"id"`
}

type issuedEvent struct {
	Event string `json:"event"`
	ID    int64  `json:"id"`
	Cert  string `json:"cert"`
	Key   string `json:"key,omitempty"`
	CA    string `json:"ca"`
}

type errorEvent struct {
	Event string `json:"event"`
	ID    int64  `json:"id"`
	Error string `json:"error"`
}

type countEvent struct {
	Event    string `json:"event"`
	ID       int64  `json:"id"`
	Cycles   int64  `json:"cycles"`
	Messages int64  `json:"messages"`
}

// output writes events whole, one a line, from any goroutine.
type output struct {
	mu sync.Mutex
	to io.Writer
}

func (o *output) print(event any) {
	line, err := json.Marshal(event)
	if err != nil {
		log.Fatal(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := o.to.Write(append(line, '\n')); err != nil {
		log.Fatal(err)
	}
}
