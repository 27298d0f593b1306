"""A drill's pace, and what it makes of rules and routing: pure, so it touches nothing and imports no other room."""
