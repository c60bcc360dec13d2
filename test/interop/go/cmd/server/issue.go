package main

import (
	"errors"

	"github.com/open-telemetry/opamp-go/protobufs"
	"google.golang.org/protobuf/proto"
)

var errNoAuthority = errors.New("the server has no authority: start it with -authority")

// issue has the authority issue a certificate for a request, or with a key of its own.
func issue(c *command, p *peer) any {
	if p.authority == nil {
		return errorEvent{Event: "error", ID: c.ID, Error: errNoAuthority.Error()}
	}
	var cert, key []byte
	var err error
	if len(c.CSR) > 0 {
		cert, err = p.authority.request(c.CSR, c.Seconds)
	} else {
		cert, key, err = p.authority.agent(c.Name, c.Seconds)
	}
	if err != nil {
		return errorEvent{Event: "error", ID: c.ID, Error: err.Error()}
	}
	ca := string(p.authority.pem())
	return issuedEvent{Event: "issued", ID: c.ID, Cert: string(cert), Key: string(key), CA: ca}
}

// sign has the next certificate requests answered at once.
func sign(c *command, p *peer, uid string) error {
	if p.authority == nil {
		return errNoAuthority
	}
	message, err := fromJSON(c.Message)
	if err != nil {
		return err
	}
	p.script.addSign(&signRule{lifetime: lifetime{c.Times}, uid: uid, seconds: c.Seconds, message: message})
	return nil
}

// signInto answers a certificate request, if there is one and it is to be answered now. One that cannot be read is a bad
// request.
func (p *peer) signInto(answer *protobufs.ServerToAgent, message *protobufs.AgentToServer) {
	request := message.GetConnectionSettingsRequest().GetOpamp().GetCertificateRequest()
	if request == nil || p.authority == nil {
		return
	}
	rule := p.script.sign(string(message.InstanceUid))
	if rule == nil {
		return
	}
	cert, err := p.authority.request(request.Csr, rule.seconds)
	if err != nil {
		answer.ErrorResponse = &protobufs.ServerErrorResponse{
			Type:         protobufs.ServerErrorResponseType_ServerErrorResponseType_BadRequest,
			ErrorMessage: err.Error(),
		}
		return
	}
	proto.Merge(answer, rule.message)
	proto.Merge(answer, &protobufs.ServerToAgent{ConnectionSettings: &protobufs.ConnectionSettingsOffers{
		Opamp: &protobufs.OpAMPConnectionSettings{
			Certificate: &protobufs.TLSCertificate{Cert: cert, CaCert: p.authority.pem()},
		},
	}})
}
