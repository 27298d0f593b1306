"""Stock and reservations, downstream of the shop."""
