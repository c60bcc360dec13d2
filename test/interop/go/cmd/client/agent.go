package main

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/open-telemetry/opamp-go/client"
	"github.com/open-telemetry/opamp-go/client/types"
	"github.com/open-telemetry/opamp-go/protobufs"
)

// agent is a client of the library with what a small real agent would report.
type agent struct {
	client       client.OpAMPClient
	settings     types.StartSettings
	capabilities protobufs.AgentCapabilities
	configs      atomic.Int64
	onSettings   string
	moving       sync.Mutex

	first    sync.Once
	answered chan struct{}

	mu     sync.Mutex
	config *protobufs.AgentConfigMap
}

func newAgent(address string, heartbeat time.Duration, apply bool, onSettings string) (*agent, error) {
	a := &agent{answered: make(chan struct{}), config: startConfig(), onSettings: onSettings}
	if err := a.choose(address); err != nil {
		return nil, err
	}
	uid, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	a.settings = types.StartSettings{
		OpAMPServerURL:    address,
		InstanceUid:       types.InstanceUid(uid),
		HeartbeatInterval: &heartbeat,
		Callbacks:         types.Callbacks{OnMessage: a.message, GetEffectiveConfig: a.effectiveConfig},
	}
	a.capabilities = a.takeSettings(&a.settings.Callbacks) | protobufs.AgentCapabilities_AgentCapabilities_ReportsStatus |
		protobufs.AgentCapabilities_AgentCapabilities_ReportsHealth |
		protobufs.AgentCapabilities_AgentCapabilities_ReportsHeartbeat |
		protobufs.AgentCapabilities_AgentCapabilities_ReportsEffectiveConfig
	if apply {
		a.capabilities |= protobufs.AgentCapabilities_AgentCapabilities_AcceptsRemoteConfig |
			protobufs.AgentCapabilities_AgentCapabilities_ReportsRemoteConfig
	}
	return a, a.describe()
}

func (a *agent) choose(address string) error {
	parsed, err := url.Parse(address)
	if err != nil {
		return err
	}
	switch parsed.Scheme {
	case "ws", "wss":
		a.client = client.NewWebSocket(nil)
	case "http", "https":
		a.client = client.NewHTTP(nil)
	default:
		return fmt.Errorf("%q is neither a WebSocket nor an HTTP address", address)
	}
	return nil
}

func (a *agent) describe() error {
	if err := a.client.SetAgentDescription(&protobufs.AgentDescription{
		IdentifyingAttributes: []*protobufs.KeyValue{
			text("service.name", "yardstick"),
			text("service.version", "1.0.0"),
			text("service.instance.id", uuid.UUID(a.settings.InstanceUid).String()),
		},
		NonIdentifyingAttributes: []*protobufs.KeyValue{text("os.type", "linux"), text("host.name", "bench")},
	}); err != nil {
		return err
	}
	if err := a.client.SetHealth(&protobufs.ComponentHealth{Healthy: true, Status: "StatusOK"}); err != nil {
		return err
	}
	return a.client.SetCapabilities(&a.capabilities)
}

func (a *agent) start() error { return a.client.Start(context.Background(), a.settings) }

func (a *agent) message(ctx context.Context, message *types.MessageData) {
	a.first.Do(func() { close(a.answered) })
	if message.RemoteConfig != nil {
		a.apply(ctx, message.RemoteConfig)
	}
}

// apply does what an agent does whose configuration takes effect at once.
func (a *agent) apply(ctx context.Context, offer *protobufs.AgentRemoteConfig) {
	a.report(offer, protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLYING)
	a.mu.Lock()
	a.config = offer.Config
	a.mu.Unlock()
	a.report(offer, protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLIED)
	must(a.client.UpdateEffectiveConfig(ctx))
	a.configs.Add(1)
}

func (a *agent) report(offer *protobufs.AgentRemoteConfig, status protobufs.RemoteConfigStatuses) {
	must(a.client.SetRemoteConfigStatus(&protobufs.RemoteConfigStatus{
		LastRemoteConfigHash: offer.ConfigHash,
		Status:               status,
	}))
}

func (a *agent) effectiveConfig(context.Context) (*protobufs.EffectiveConfig, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return &protobufs.EffectiveConfig{ConfigMap: a.config}, nil
}

func startConfig() *protobufs.AgentConfigMap {
	return &protobufs.AgentConfigMap{ConfigMap: map[string]*protobufs.AgentConfigFile{
		"collector.yaml": {Body: []byte("receivers: {}\n"), ContentType: "text/yaml"},
	}}
}

func text(key, value string) *protobufs.KeyValue {
	return &protobufs.KeyValue{
		Key:   key,
		Value: &protobufs.AnyValue{Value: &protobufs.AnyValue_StringValue{StringValue: value}},
	}
}

// must ends the program on a call that only a mistake in it can make fail.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
