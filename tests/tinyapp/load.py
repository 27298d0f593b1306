"""A load program of tinyapp's own: an even rate of counts, each recorded as Stormdrill reads it.

It shows what a program in any language has to do; docs/own-stack.md says what each fact means.
"""

import json
import os
import signal
import threading
import time
import urllib.request

FACTS = os.open(os.environ["STORMDRILL_LOAD_FILE"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
URL, ORIGIN = os.environ["STORMDRILL_URL"], float(os.environ["STORMDRILL_ORIGIN"])
RATE, TIMEOUT = float(os.environ["STORMDRILL_RATE"]), float(os.environ["STORMDRILL_TIMEOUT_SECONDS"])
ENDS_BY = time.monotonic() + float(os.environ["STORMDRILL_MAX_SECONDS"])
ending = threading.Event()
counts = {"started": 0, "finished": 0}
lock = threading.Lock()


def write(fact):
    # One call a line: a line is whole, or not there.
    os.write(FACTS, json.dumps(fact).encode() + b"\n")


def request():
    began, status, error = time.monotonic(), None, None
    try:
        with urllib.request.urlopen(f"{URL}/count", timeout=TIMEOUT) as answer:
            answer.read()
            status, served_by = answer.status, answer.headers["X-Served-By"]
    except urllib.error.HTTPError as answer:
        status, served_by, error = answer.code, answer.headers["X-Served-By"], f"HTTP {answer.code}"
    except OSError as failure:
        served_by, error = None, type(failure).__name__
    with lock:
        counts["finished"] += 1
    fact = {"at": began - ORIGIN, "took": time.monotonic() - began, "name": "GET /count", "status": status}
    write(fact | {"ok": error is None, "error": error, "served_by": served_by})


def tick(due):
    with lock:
        fact = {"tick": due - ORIGIN, "users": threading.active_count() - 1, **counts, "lag": time.monotonic() - due}
        counts.update(started=0, finished=0)
    write(fact)


for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: ending.set())
write({"start": time.monotonic() - ORIGIN})
due = next_tick = time.monotonic()
while not ending.wait(max(0.0, due - time.monotonic())) and due < ENDS_BY:
    if due >= next_tick + 1:
        next_tick += 1
        tick(next_tick)
    with lock:
        counts["started"] += 1
    threading.Thread(target=request).start()
    due += 1 / RATE
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        thread.join(TIMEOUT + 1)
write({"end": "SIGTERM" if ending.is_set() else "max_duration", "at": time.monotonic() - ORIGIN})
