"""As many workers an instance as there may be: they come up, serve, and share Postgres. `make test-crowded`."""
