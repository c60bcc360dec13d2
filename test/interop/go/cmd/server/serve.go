package main

import (
	"context"
	"crypto/tls"
	"log"
	"net"
	"net/http"

	"github.com/open-telemetry/opamp-go/server"
	"github.com/open-telemetry/opamp-go/server/types"
)

// serve attaches the library to an HTTP server of our own, because the library's own Stop leaves connections open.
func serve(p *peer, address, path string, custom []string, compress bool, secure *tls.Config) (port int, stop func(), err error) {
	handle, connContext, err := server.New(stderrLogger{}).Attach(server.Settings{
		Callbacks:          types.Callbacks{OnConnecting: p.connecting},
		CustomCapabilities: custom,
		EnableCompression:  compress,
	})
	if err != nil {
		return 0, nil, err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return 0, nil, err
	}
	port = listener.Addr().(*net.TCPAddr).Port
	if secure != nil {
		listener = tls.NewListener(listener, secure)
	}
	mux := http.NewServeMux()
	mux.HandleFunc(path, handle)
	mux.HandleFunc("/page", page)
	mux.HandleFunc("/text", text)
	hs := &http.Server{Handler: mux, ConnContext: connContext}
	go func() {
		if err := hs.Serve(listener); err != http.ErrServerClosed {
			log.Fatal(err)
		}
	}()
	stop = func() {
		_ = hs.Close()
		p.fleet.dropAll()
	}
	return port, stop, nil
}

// stderrLogger passes on the library's errors; its debug lines repeat what the events say.
type stderrLogger struct{}

func (stderrLogger) Debugf(context.Context, string, ...any) {}

func (stderrLogger) Errorf(_ context.Context, format string, v ...any) { log.Printf(format, v...) }
