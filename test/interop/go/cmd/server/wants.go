package main

import (
	"bytes"
	"sync"

	"github.com/open-telemetry/opamp-go/protobufs"
	"google.golang.org/protobuf/proto"
)

// wants is what the server is after: of each agent a remote config that it reports back, and with asks also everything
// that the server does not know.
type wants struct {
	asks   bool
	mu     sync.Mutex
	agents map[string]*wanted
}

// wanted is what the server knows of one agent, which is as much as it has heard since it started.
type wanted struct {
	heard    bool
	sequence uint64
	hash     []byte
	offer    *protobufs.AgentRemoteConfig
}

func (w *wants) of(uid string) *wanted {
	a := w.agents[uid]
	if a == nil {
		a = &wanted{}
		w.agents[uid] = a
	}
	return a
}

// offer sets the remote config of an agent.
func (w *wants) offer(uid string, config *protobufs.AgentRemoteConfig) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.of(uid).offer = config
}

// merge adds to the answer what is wanted. As the example server of the library, it asks for everything once: when the
// agent is new or a message of it is missing, unless this one brings everything.
func (w *wants) merge(answer *protobufs.ServerToAgent, message *protobufs.AgentToServer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.of(string(message.InstanceUid))
	isMissing := !a.heard || message.SequenceNum != a.sequence+1
	a.heard, a.sequence = true, message.SequenceNum
	if w.asks && isMissing && !isFull(message) {
		answer.Flags |= uint64(protobufs.ServerToAgentFlags_ServerToAgentFlags_ReportFullState)
	}
	if status := message.RemoteConfigStatus; status != nil {
		a.hash = status.LastRemoteConfigHash
	}
	if a.offer != nil && !bytes.Equal(a.hash, a.offer.ConfigHash) {
		answer.RemoteConfig = proto.Clone(a.offer).(*protobufs.AgentRemoteConfig)
	}
}

// isFull tells whether a message has all that the agent reports.
func isFull(message *protobufs.AgentToServer) bool {
	declared := func(bit protobufs.AgentCapabilities) bool { return message.Capabilities&uint64(bit) != 0 }
	return message.AgentDescription != nil &&
		(message.Health != nil || !declared(protobufs.AgentCapabilities_AgentCapabilities_ReportsHealth)) &&
		(message.EffectiveConfig != nil || !declared(protobufs.AgentCapabilities_AgentCapabilities_ReportsEffectiveConfig)) &&
		(message.RemoteConfigStatus != nil || !declared(protobufs.AgentCapabilities_AgentCapabilities_ReportsRemoteConfig))
}
