"""The hands of each fault: they put it in place, prove it and put it back; they know no verdict."""
