"""How a service makes itself seen, by metrics, traces and logs; knows only problems and settings."""
