"""The stack in containers, on an engine that these tests start for themselves."""
