package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/open-telemetry/opamp-go/client/types"
	"github.com/open-telemetry/opamp-go/protobufs"
)

// What agents do with settings for their own connection.
const (
	ignoreSettings = "ignore" // declare no capability for them
	acceptSettings = "accept" // say yes, and do nothing
	refuseSettings = "refuse"
	moveSettings   = "move" // what the callback is documented for: reconnect with them
)

// offered is the callback for settings of the agent's own connection.
func (a *agent) offered(_ context.Context, offer *protobufs.OpAMPConnectionSettings) error {
	switch a.onSettings {
	case refuseSettings:
		return errors.New("not during the day")
	case moveSettings:
		// The callback is a client's own, which ends only after it.
		go a.move(offer)
	}
	return nil
}

// move goes on with another client, as the first one cannot be given other settings.
func (a *agent) move(offer *protobufs.OpAMPConnectionSettings) {
	a.moving.Lock()
	defer a.moving.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	_ = a.client.Stop(ctx)
	if offer.DestinationEndpoint != "" {
		a.settings.OpAMPServerURL = offer.DestinationEndpoint
	}
	a.settings.Header = http.Header{}
	for _, header := range offer.GetHeaders().GetHeaders() {
		a.settings.Header.Set(header.Key, header.Value)
	}
	must(a.choose(a.settings.OpAMPServerURL))
	must(a.describe())
	must(a.start())
}

func checkOnSettings(what string) error {
	switch what {
	case ignoreSettings, acceptSettings, refuseSettings, moveSettings:
		return nil
	default:
		return fmt.Errorf("-settings %q is not one of ignore, accept, refuse, move", what)
	}
}

// takeSettings declares that the agent takes settings for its own connection, and says what became of them.
func (a *agent) takeSettings(callbacks *types.Callbacks) protobufs.AgentCapabilities {
	if a.onSettings == ignoreSettings {
		return 0
	}
	callbacks.OnOpampConnectionSettings = a.offered
	return protobufs.AgentCapabilities_AgentCapabilities_AcceptsOpAMPConnectionSettings |
		protobufs.AgentCapabilities_AgentCapabilities_ReportsConnectionSettingsStatus
}
