package main

import (
	"crypto/tls"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/open-telemetry/opamp-go/server/types"
)

// peer is everything the server knows beyond a single connection.
type peer struct {
	out          *output
	capabilities uint64
	quiet        bool
	script       script
	authority    *authority // nil for none
	fleet        fleet
	wants        wants
	cycles       cycles
	conns        atomic.Int64
	messages     atomic.Int64
}

func newPeer(out *output, authority *authority, capabilities uint64, quiet, asks bool) *peer {
	return &peer{
		out:          out,
		authority:    authority,
		capabilities: capabilities,
		quiet:        quiet,
		fleet:        fleet{agents: map[string]*agent{}, links: map[*connection]struct{}{}},
		wants:        wants{asks: asks, agents: map[string]*wanted{}},
		cycles:       cycles{capabilities: capabilities},
	}
}

// silent tells whether events go unprinted: a line for each message would be most of what a benchmark measures.
func (p *peer) silent() bool { return p.quiet || p.cycles.on.Load() }

func (p *peer) connecting(request *http.Request) types.ConnectionResponse {
	c := &connection{id: p.conns.Add(1), transport: transportOf(request), peer: p}
	if !p.silent() {
		p.out.print(seen(c, request))
	}
	if refusal := p.script.refusal(request.Header); refusal != nil {
		if !p.silent() {
			p.out.print(rejectedEvent{Event: "rejected", Conn: c.id, Status: refusal.status})
		}
		return types.ConnectionResponse{HTTPStatusCode: refusal.status, HTTPResponseHeader: refusal.headers}
	}
	return types.ConnectionResponse{Accept: true, ConnectionCallbacks: types.ConnectionCallbacks{
		OnConnected:        c.connected,
		OnMessage:          c.message,
		OnReadMessageError: c.readError,
		OnConnectionClose:  c.closed,
	}}
}

// seen is what an upgrade or POST shows of the agent.
func seen(c *connection, request *http.Request) connectingEvent {
	event := connectingEvent{
		Event: "connecting", At: time.Now().UnixMicro(), Conn: c.id, Transport: c.transport,
		Method: request.Method, Path: request.URL.Path, Headers: flat(request.Header),
	}
	if request.TLS == nil {
		return event
	}
	event.TLS = tls.VersionName(request.TLS.Version)
	if certificates := request.TLS.PeerCertificates; len(certificates) > 0 {
		event.Client, event.Fingerprint = certificates[0].Subject.String(), fingerprint(certificates[0])
	}
	return event
}

func transportOf(request *http.Request) string {
	if strings.EqualFold(request.Header.Get("Upgrade"), "websocket") {
		return "ws"
	}
	return "http"
}

func flat(header http.Header) map[string]string {
	headers := make(map[string]string, len(header))
	for name, values := range header {
		headers[name] = strings.Join(values, ", ")
	}
	return headers
}
