"""Requests that leave when they are due, whatever became of those before them; a process of its own."""
