"""Two small servers below a supervisord of their own: as real as the stack's, and up in two seconds."""

import subprocess
import sys
import textwrap
from contextlib import contextmanager

import psutil

from chaos.control.port import family
from chaos.control.supervisor import SupervisorControl
from tests.waiting import until

# A leader with a child in its group and, as Postgres has them, one in a session of its own; it drains for a second.
_SERVER = """
import os, signal, sys, time
def drain(*_):
    time.sleep(1)
    sys.exit(0)
for session in (False, True):
    if os.fork() == 0:
        if session:
            os.setsid()
        while os.getppid() != 1:
            time.sleep(0.05)
        sys.exit(0)
signal.signal(signal.SIGTERM, drain)
while True:
    time.sleep(0.05)
"""
_CONFIG = """
[supervisord]
nodaemon = true
logfile = {folder}/supervisord.log
pidfile = {folder}/supervisord.pid
childlogdir = {folder}
[unix_http_server]
file = {folder}/s.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""
_PROGRAM = """
[program:{name}]
command = {python} {folder}/server.py {argument}
autorestart = true
startsecs = 1
stopwaitsecs = 6
killasgroup = true
"""
PROCESSES = 3
"""Of each program."""
DRAINS_SECONDS = 1.0


@contextmanager
def supervised(folder, *names, server=_SERVER, arguments=None):
    """A ProcessControl of programs with these names, each with its argument, if it has one."""
    (folder / "server.py").write_text(server)
    given = dict.fromkeys(names, "") | (arguments or {})
    programs = [
        _PROGRAM.format(name=name, python=sys.executable, folder=folder, argument=given[name]) for name in names
    ]
    (folder / "supervisord.conf").write_text(textwrap.dedent(_CONFIG.format(folder=folder)) + "".join(programs))
    command = (sys.executable, "-m", "supervisor.supervisord", "-c", folder / "supervisord.conf")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as supervisord:
        try:
            until((folder / "s.sock").exists)
            yield SupervisorControl(folder / "s.sock")
        finally:
            supervisord.terminate()


def runs(process):
    """Whether it is still there; whoever is dead may be gone between two questions."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def whole(control, *names):
    """Wait until each runs with all its processes, none of them frozen; returns their pids."""
    for name in names:
        control.resume(name)
        control.start(name)

    def pids():
        states = [control.states()[name] for name in names]
        whole = all(state.running and len(family(state.pid)) == PROCESSES for state in states)
        return [state.pid for state in states] if whole else None

    return until(pids, 30)
