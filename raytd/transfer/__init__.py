"""The interpolated task, the trajectory of the weights that follow it, and its length."""
