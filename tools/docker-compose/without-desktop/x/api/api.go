// Package api says where Docker Desktop's secrets engine would listen: nowhere.
package api

// DesktopSocketPath has no path to tell.
func DesktopSocketPath() string { return "" }
