package main

import (
	"net/http"
	"sync"

	"github.com/open-telemetry/opamp-go/protobufs"
	"google.golang.org/protobuf/proto"
)

// lifetime counts the occasions that a rule is still good for.
type lifetime struct {
	left int // 0: for ever
}

// spend uses one occasion and tells whether the rule is over.
func (l *lifetime) spend() (over bool) {
	if l.left == 0 {
		return false
	}
	l.left--
	return l.left == 0
}

type replyRule struct {
	lifetime
	uid     string
	message *protobufs.ServerToAgent
}

// The ways of not answering.
const (
	skip = "skip" // go on as if nothing had been asked
	hold = "hold" // leave the agent waiting for as long as it cares to
	cut  = "cut"  // end the connection
)

type silentRule struct {
	lifetime
	uid string
	how string
}

type rejectRule struct {
	lifetime
	status  int
	headers map[string]string
}

// signRule is for messages with a certificate request: each is answered by the message and the certificate.
type signRule struct {
	lifetime
	uid     string
	seconds int
	message *protobufs.ServerToAgent
}

// script holds the rules that the driver has laid down for occasions to come.
type script struct {
	mu       sync.Mutex
	required map[string]string
	signs    []*signRule
	replies  []*replyRule
	silents  []*silentRule
	rejects  []*rejectRule
}

func (s *script) addReply(rule *replyRule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replies = append(s.replies, rule)
}

func (s *script) addSilent(rule *silentRule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silents = append(s.silents, rule)
}

func (s *script) addReject(rule *rejectRule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rejects = append(s.rejects, rule)
}

func (s *script) addSign(rule *signRule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signs = append(s.signs, rule)
}

// require has upgrades and POSTs without one of these headers refused with 401 from now on.
func (s *script) require(headers map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.required = headers
}

func (s *script) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replies, s.silents, s.rejects, s.signs, s.required = nil, nil, nil, nil, nil
}

// sign returns the rule for an agent's certificate request, nil if it is not to be answered now.
func (s *script) sign(uid string) *signRule {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, rule := range s.signs {
		if rule.uid == everyone || rule.uid == uid {
			if rule.spend() {
				s.signs = append(s.signs[:i], s.signs[i+1:]...)
			}
			return rule
		}
	}
	return nil
}

// merge puts every reply meant for the agent into an answer.
func (s *script) merge(answer *protobufs.ServerToAgent, uid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var kept []*replyRule
	for _, rule := range s.replies {
		meant := rule.uid == everyone || rule.uid == uid
		if meant {
			proto.Merge(answer, rule.message)
		}
		if !meant || !rule.spend() {
			kept = append(kept, rule)
		}
	}
	s.replies = kept
}

// silenced tells how the agent's message stays unanswered, if it does.
func (s *script) silenced(uid string) (how string, silent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, rule := range s.silents {
		if rule.uid == everyone || rule.uid == uid {
			if rule.spend() {
				s.silents = append(s.silents[:i], s.silents[i+1:]...)
			}
			return rule.how, true
		}
	}
	return "", false
}

// refusal returns the rule that an upgrade or POST is refused by, nil if it is welcome.
func (s *script) refusal(header http.Header) *rejectRule {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rejects) > 0 {
		rule := s.rejects[0]
		if rule.spend() {
			s.rejects = s.rejects[1:]
		}
		return rule
	}
	for name, value := range s.required {
		if header.Get(name) != value {
			return &rejectRule{status: http.StatusUnauthorized}
		}
	}
	return nil
}
