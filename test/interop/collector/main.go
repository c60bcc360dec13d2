// The real Collector with the real OpAMP extension, and little else: what `opamp agent` is compared with.
package main

import (
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/basicauthextension"
	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/bearertokenauthextension"
	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/opampextension"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/debugexporter"
	"go.opentelemetry.io/collector/exporter/nopexporter"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/nopreceiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
)

const (
	core    = "v0.149.0"
	contrib = "github.com/open-telemetry/opentelemetry-collector-contrib/extension/"
)

func factories() (otelcol.Factories, error) {
	var all otelcol.Factories
	var err error
	all.Extensions, err = otelcol.MakeFactoryMap[extension.Factory](
		opampextension.NewFactory(), bearertokenauthextension.NewFactory(), basicauthextension.NewFactory())
	if err != nil {
		return all, err
	}
	all.Receivers, err = otelcol.MakeFactoryMap[receiver.Factory](nopreceiver.NewFactory(), otlpreceiver.NewFactory())
	if err != nil {
		return all, err
	}
	all.Exporters, err = otelcol.MakeFactoryMap[exporter.Factory](nopexporter.NewFactory(), debugexporter.NewFactory())
	if err != nil {
		return all, err
	}
	all.ExtensionModules = map[component.Type]string{
		component.MustNewType("opamp"):           contrib + "opampextension " + core,
		component.MustNewType("bearertokenauth"): contrib + "bearertokenauthextension " + core,
		component.MustNewType("basicauth"):       contrib + "basicauthextension " + core,
	}
	all.ReceiverModules = map[component.Type]string{
		component.MustNewType("nop"):  "go.opentelemetry.io/collector/receiver/nopreceiver " + core,
		component.MustNewType("otlp"): "go.opentelemetry.io/collector/receiver/otlpreceiver " + core,
	}
	all.ExporterModules = map[component.Type]string{
		component.MustNewType("nop"):   "go.opentelemetry.io/collector/exporter/nopexporter " + core,
		component.MustNewType("debug"): "go.opentelemetry.io/collector/exporter/debugexporter " + core,
	}
	all.Telemetry = otelconftelemetry.NewFactory()
	return all, nil
}

// The Collector calls itself healthy a moment before it listens for signals, and one that comes in between would just kill
// it. This sends it again for as long as the process is there.
func repeatEarlySigterm() {
	received := make(chan os.Signal, 1)
	signal.Notify(received, syscall.SIGTERM)
	for range received {
		time.Sleep(200 * time.Millisecond)
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			log.Print(err)
		}
	}
}

func main() {
	go repeatEarlySigterm()
	command := otelcol.NewCommand(otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{Command: "interop-collector", Description: "Collector for interop tests", Version: "0.149.0"},
		Factories: factories,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: confmap.ResolverSettings{
			ProviderFactories: []confmap.ProviderFactory{fileprovider.NewFactory(), envprovider.NewFactory()},
			DefaultScheme:     "env",
		}},
	})
	if err := command.Execute(); err != nil {
		log.Fatal(err)
	}
}
