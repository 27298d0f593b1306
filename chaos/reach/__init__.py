"""One client for each server that faults, observers and drill speak to, with deadlines; no verdict and no fault."""
