package main

import (
	"log/slog"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"
)

// startUI serves Temporal's web UI. The port must have been checked: the UI server ends the process
// when it can't listen.
func startUI(ip string, port int, temporal, namespace string, logger *slog.Logger) (stop func()) {
	ui := uiserver.NewServer(uioptions.WithConfigProvider(&uiconfig.Config{
		Host:                bracketed(ip),
		Port:                port,
		TemporalGRPCAddress: temporal,
		DefaultNamespace:    namespace,
		EnableUI:            true,
		DisableNewsFetch:    true, // a server on a closed network must not call out
		HideLogs:            true,
		CORS:                uiconfig.CORS{CookieInsecure: true}, // plain HTTP
	}))
	go func() {
		if err := ui.Start(); err != nil {
			logger.Error("Temporal UI", "error", err)
		}
	}()
	return ui.Stop
}
