"""The engine: runs the numerics block by block on any executor, with the same bits on each."""
