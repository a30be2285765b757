"""How do weights follow the interpolated task, and how long is their path?"""
