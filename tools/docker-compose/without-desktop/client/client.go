// Package client stands in for Docker Desktop's secrets engine on machines that have no Docker Desktop: its module is not
// served everywhere that Compose's is. Compose asks it only for Desktop's session at a registry, and goes on with the
// credentials of Docker's command line where it cannot be reached; so nobody can be reached here.
package client

import (
	"time"

	"github.com/docker/secrets-engine/client/dockerhub"
)

// ConnectError is what Compose takes for "there is no Docker Desktop".
type ConnectError struct{}

func (*ConnectError) Error() string { return "built without Docker Desktop's secrets engine" }

type Option struct{}

func WithSocketPath(string) Option { return Option{} }

func WithTimeout(time.Duration) Option { return Option{} }

type Client struct{}

// New never finds anybody.
func New(...Option) (*Client, error) { return nil, &ConnectError{} }

func (*Client) HubAuth(...dockerhub.Option) dockerhub.ClientAuth { return nil }
