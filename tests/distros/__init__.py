"""Debian releases other than this machine's own, each in a folder; over an hour, and none of it in `make test`."""
