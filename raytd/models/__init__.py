"""Networks, their heads, and the features they compute."""
