"""The system under attack: ordinary services that know nothing of chaos."""
