"""Which distances are lengths of a path through interpolated tasks?"""
