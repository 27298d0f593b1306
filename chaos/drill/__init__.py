"""One run: its phases in their order, the only place that orders effects."""
