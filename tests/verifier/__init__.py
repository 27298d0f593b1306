"""The verifier verified: alerting that is broken on purpose, and a verdict that says how. `make test-verifier`."""
