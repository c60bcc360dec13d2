package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"sync/atomic"

	"github.com/open-telemetry/opamp-go/protobufs"
)

const (
	offerFile  = "collector.yaml"
	offerBytes = 2048
	hashBytes  = 32
)

// cycles keeps every agent busy: an offer, its APPLIED, the next offer.
type cycles struct {
	on           atomic.Bool
	capabilities uint64
	offers       atomic.Uint64
	done         atomic.Int64
}

// turn switches cycles on or off. Agents on a WebSocket get their first offer at once, others with their next answer.
func (c *cycles) turn(on bool, f *fleet) {
	if !on || c.on.Load() {
		c.on.Store(on)
		return
	}
	for _, a := range f.all() {
		a.mu.Lock()
		a.offer = nil
		a.mu.Unlock()
	}
	c.on.Store(true)
	for _, t := range f.reach(everyone) {
		offer := &protobufs.ServerToAgent{InstanceUid: []byte(t.agent.uid)}
		t.agent.mu.Lock()
		c.attach(offer, t.agent)
		t.agent.mu.Unlock()
		// A WebSocket that broke meanwhile starts over when its agent comes back.
		_ = t.link.conn.Send(context.Background(), offer)
	}
}

// answer carries the next offer if the agent has applied the latest or has none, and is bare otherwise.
func (c *cycles) answer(a *agent, message *protobufs.AgentToServer) *protobufs.ServerToAgent {
	answer := &protobufs.ServerToAgent{InstanceUid: message.InstanceUid, Capabilities: c.capabilities}
	status := message.RemoteConfigStatus
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.offer == nil:
		c.attach(answer, a)
	case status.GetStatus() == protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLIED &&
		bytes.Equal(status.GetLastRemoteConfigHash(), a.offer):
		c.done.Add(1)
		c.attach(answer, a)
	}
	return answer
}

// attach adds an offer unlike any before; the caller holds the agent's lock.
func (c *cycles) attach(answer *protobufs.ServerToAgent, a *agent) {
	number := c.offers.Add(1)
	hash := make([]byte, hashBytes)
	binary.BigEndian.PutUint64(hash[hashBytes-8:], number)
	a.offer = hash
	answer.RemoteConfig = &protobufs.AgentRemoteConfig{
		ConfigHash: hash,
		Config: &protobufs.AgentConfigMap{ConfigMap: map[string]*protobufs.AgentConfigFile{
			offerFile: {Body: body(number), ContentType: "text/yaml"},
		}},
	}
}

const fillerLine = "# receivers: {otlp: {protocols: {grpc: {}, http: {}}}}\n"

var filler = bytes.Repeat([]byte(fillerLine), offerBytes/len(fillerLine)+1)

func body(number uint64) []byte {
	text := make([]byte, 0, offerBytes)
	text = fmt.Appendf(text, "# offer %d\n", number)
	return append(text, filler[:offerBytes-len(text)]...)
}
