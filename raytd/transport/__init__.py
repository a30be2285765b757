"""Which pairs are coupled, and how does a coupling change from step to step?"""
