package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// checkPort says, naming the flag or key that set it, that an address can't be listened on. The server
// and its UI would end the whole process with a stack trace instead.
func checkPort(ctx context.Context, setting, address string) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("%w: stop what uses it, or set another with %s", err, setting)
	}
	return l.Close()
}

// freePorts finds ports on the loopback interface that nobody uses. All are held until all are found, so
// no two are the same.
func freePorts(ctx context.Context, n int) ([]int, error) {
	ports, held := make([]int, n), make([]net.Listener, 0, n)
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	for i := range ports {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", join(loopback, 0))
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		held = append(held, l)
		address, err := netip.ParseAddrPort(l.Addr().String())
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		ports[i] = int(address.Port())
	}
	return ports, nil
}

func join(ip string, port int) string { return net.JoinHostPort(ip, strconv.Itoa(port)) }

// bracketed is an IP address as it stands before a colon.
func bracketed(ip string) string {
	if parsed := net.ParseIP(ip); parsed != nil && parsed.To4() == nil {
		return "[" + ip + "]"
	}
	return ip
}
