"""The undo of every fault: in every phase, whatever became of its runner. `make test-undo`."""
