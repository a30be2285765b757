"""Which distances compare two tasks as clouds of points?"""
