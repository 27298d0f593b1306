"""A game day's round: a drill whose fault is sealed, with people who are paged, diagnose and mitigate."""
