"""Agents: what has to run while some faults are held, such as connections, locks, traffic or a CPU hog.

Each kind is a module here with a function `run(job)`; chaos/faults/agent.py starts and stops them.
"""
