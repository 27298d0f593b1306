"""The user side of a drill: a steady load in a process of its own, what it saw, and the orders it was promised."""
