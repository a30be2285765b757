"""Which source is to be taken for a target?"""
