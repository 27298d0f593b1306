"""The stack as containers, by Docker Compose or by a Swarm: may ask the engine, and native/ to run the watchdog."""
