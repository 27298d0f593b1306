"""The files of a run that its users write, by name: who writes them and who reads them know no more of each other."""

LOAD_FILE = "load.ndjson"
LEDGER_FILE = "orders.ndjson"
SESSIONS_FILE = "sessions.ndjson"
