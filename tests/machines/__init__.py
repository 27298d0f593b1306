"""A Swarm of three machines: engines in network namespaces. `make test-machines`."""
