// Package dockerhub has the types by which Compose would use Docker Desktop's session.
package dockerhub

import (
	"context"
	"errors"
	"time"
)

var ErrNoSession = errors.New("no session")

type Option struct{}

func Staging() Option { return Option{} }

type Claims struct {
	Username  string
	ExpiresAt *time.Time
}

type UserSession struct {
	Claims      Claims
	AccessToken string
}

type Profile struct{ Username string }

type ClientAuth interface {
	GetDefaultSession(context.Context) (UserSession, error)
	GetDefaultProfile(context.Context) (Profile, error)
}
