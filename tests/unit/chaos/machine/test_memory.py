"""Memory is read where the kernel says it, and of the processes that are meant."""

import os
import subprocess
import sys

from chaos.machine import memory

TAKES = "import sys; taken = bytearray(b'x') * (50 << 20); print(flush=True); sys.stdin.read()"


def test_what_a_process_takes_is_seen_and_what_has_ended_takes_nothing():
    process = subprocess.Popen((sys.executable, "-c", TAKES), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        alone = memory.resident_bytes([process.pid])
        assert alone >= 50 << 20
        assert memory.resident_bytes([process.pid, os.getpid()]) > alone
    finally:
        process.communicate()
    assert memory.resident_bytes([process.pid]) == 0


def test_the_kernel_says_what_it_has_for_itself():
    assert memory.kernel_bytes() > 1 << 20
    assert memory.socket_buffers_bytes() >= 0
