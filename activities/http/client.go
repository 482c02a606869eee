package http

import (
	"context"

	"github.com/orderly-ops/orderly/internal/config"
)

// Client makes requests to HTTP targets for actions of other packages, under the rules of http.request.
type Client struct{ services *services }

// NewClient makes a client for the HTTP targets of orderly.yaml.
func NewClient(targets map[string]config.Endpoint) *Client { return &Client{newServices(targets)} }

// Request makes one request, as http.request does.
func (c *Client) Request(ctx context.Context, in RequestInput) (RequestOutput, error) {
	return c.services.request(ctx, in)
}

// Close frees the connections.
func (c *Client) Close() error { return c.services.Close() }
