"""The users: a process of its own that sends requests to the target and writes down what it saw."""
