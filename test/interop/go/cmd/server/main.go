// Command server is an OpAMP server made of the reference Go library, scripted over its standard streams.
// It serves WebSocket and plain HTTP on one port, prints one JSON object a line and logs to stderr.
//
// Flags:
//
//	-listen 127.0.0.1:0    address; port 0 takes a free one
//	-path /v1/opamp        where OpAMP is spoken. /page answers with HTML, /text is a WebSocket that talks in text
//	-capabilities 127      mask of ServerCapabilities in every answer; 0 leaves the field out
//	-custom a,b            custom capabilities of the server. The library writes them (or an empty list) over whatever
//	                       is in the first answer of a WebSocket connection and in every HTTP answer
//	-compress              agree to permessage-deflate
//	-cert c.pem -key k.pem serve wss and https instead of ws and http
//	-authority DIR         have an authority, which is made in DIR unless it is there: ca.pem, ca-key.pem. It issues the
//	                       server's certificate, unless there is -cert
//	-client-ca ca.pem      demand a client certificate of this authority
//	-client-optional       take none as well
//	-quiet                 answer everything, print no events
//	-asks                  ask an agent for everything, once, when it is new or a message of it is missing
//	-cycles                start with offer cycles on, see the command of that name
//
// Events. Each HTTP request is a connection of its own; "at" is the time in microseconds, the same for all servers of a
// machine; "uid" is lower-case hex; "message" is protojson:
//
//	{"event":"listening","port":N}
//	{"event":"connecting","at":N,"conn":1,"transport":"ws|http","method":"GET","path":"/v1/opamp",
//	 "headers":{"Name":"value"},"tls":"TLS 1.3","client":"CN=…","fingerprint":"…"}
//	                                                           the last three only where there is TLS, or a certificate
//	{"event":"rejected","conn":1,"status":503}
//	{"event":"connected","conn":1,"transport":"ws"}
//	{"event":"message","at":N,"conn":1,"transport":"ws","uid":"…","message":{…}}
//	{"event":"cut","conn":1}                                   a rule of that name ends the connection
//	{"event":"readError","conn":1,"messageType":-1,"error":"…","code":1006}   code only after a WebSocket close other than 1000
//	{"event":"closed","conn":1}
//
// Commands on stdin, one JSON object a line, each answered in order by {"event":"done","id":N}, or by
// {"event":"error","id":N,"error":"…"}. "uid" is hex or "*" (the default) for every agent; "times" says how many
// occasions a rule lasts: 1 by default, 0 for ever. Rules that are alive together all apply, in the order given.
//
//	{"id":1,"cmd":"reply","uid":"*","message":{…},"times":1}   merge a ServerToAgent into the next answers
//	{"id":1,"cmd":"silent","uid":"*","times":1,"how":"skip"}   do not answer. Over HTTP, skip answers with an empty
//	                                                           message, and hold never does; cut ends the connection
//	{"id":1,"cmd":"reject","status":503,"headers":{"Retry-After":"1"},"times":1}   refuse upgrades and POSTs
//	{"id":1,"cmd":"require","headers":{"Authorization":"Bearer t"}}   refuse with 401 what comes without one of them
//	{"id":1,"cmd":"sign","uid":"*","message":{…},"times":1,"seconds":3600}   have the authority answer the next
//	                                                           certificate requests: the message, and a certificate
//	{"id":1,"cmd":"clear"}                                     forget all rules
//	{"id":1,"cmd":"push","uid":"…","message":{…}}              send at once over the agent's WebSocket
//	{"id":1,"cmd":"want","uid":"…","message":{…}}              offer its remote config at once, and with each answer
//	                                                           until the agent reports the hash
//	{"id":1,"cmd":"drop","uid":"…"}                            cut the agent's WebSocket without a Close frame
//	{"id":1,"cmd":"cycles","on":true}                          offer cycles on or off
//	{"id":1,"cmd":"issue","csr":"…","name":"…","seconds":3600}  {"event":"issued","id":1,"cert":"…","key":"…","ca":"…"}: a
//	                                                           client certificate of the authority, for the request (PEM
//	                                                           in base64), or with a key of its own for the name
//	{"id":1,"cmd":"count"}                                     {"event":"count","id":1,"cycles":N,"messages":N}
//	{"id":1,"cmd":"stop"}                                      stop and exit with 0; so does the end of stdin
//
// With offer cycles on, every agent is offered a new remote config of 2 KiB, and another each time it reports APPLIED for
// the latest. Rules are not applied to answers then, and no events are printed.
package main

import (
	"flag"
	"log"
	"os"
	"strings"

	"github.com/open-telemetry/opamp-go/protobufs"
)

const allCapabilities = protobufs.ServerCapabilities_ServerCapabilities_AcceptsStatus |
	protobufs.ServerCapabilities_ServerCapabilities_OffersRemoteConfig |
	protobufs.ServerCapabilities_ServerCapabilities_AcceptsEffectiveConfig |
	protobufs.ServerCapabilities_ServerCapabilities_OffersPackages |
	protobufs.ServerCapabilities_ServerCapabilities_AcceptsPackagesStatus |
	protobufs.ServerCapabilities_ServerCapabilities_OffersConnectionSettings |
	protobufs.ServerCapabilities_ServerCapabilities_AcceptsConnectionSettingsRequest

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	path := flag.String("path", "/v1/opamp", "path to serve")
	capabilities := flag.Uint64("capabilities", uint64(allCapabilities), "mask of server capabilities in every answer")
	custom := flag.String("custom", "", "custom capabilities, separated by commas")
	compress := flag.Bool("compress", false, "agree to permessage-deflate")
	cert := flag.String("cert", "", "PEM file with the certificate; turns on TLS")
	key := flag.String("key", "", "PEM file with the certificate's key")
	authorityFolder := flag.String("authority", "", "folder of the authority, which is made there unless it is there; turns on TLS")
	clientCA := flag.String("client-ca", "", "PEM file with the authority of client certificates, which are then demanded")
	clientOptional := flag.Bool("client-optional", false, "take clients without a certificate as well")
	quiet := flag.Bool("quiet", false, "print no events")
	asks := flag.Bool("asks", false, "ask for everything when an agent is new or a message of it is missing")
	cycles := flag.Bool("cycles", false, "start with offer cycles on")
	flag.Parse()
	log.SetFlags(log.Lmicroseconds)

	out := &output{to: os.Stdout}
	var issuer *authority
	var err error
	if *authorityFolder != "" {
		if issuer, err = openAuthority(*authorityFolder); err != nil {
			log.Fatal(err)
		}
	}
	p := newPeer(out, issuer, *capabilities, *quiet, *asks)
	p.cycles.on.Store(*cycles)
	var customCapabilities []string
	if *custom != "" {
		customCapabilities = strings.Split(*custom, ",")
	}
	config, err := secure(security{
		cert: *cert, key: *key, authority: issuer, clientCA: *clientCA, isClientOptional: *clientOptional,
	})
	if err != nil {
		log.Fatal(err)
	}
	port, stop, err := serve(p, *listen, *path, customCapabilities, *compress, config)
	if err != nil {
		log.Fatal(err)
	}
	out.print(listeningEvent{Event: "listening", Port: port})
	obey(os.Stdin, p, stop)
}
