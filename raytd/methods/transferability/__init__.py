"""Which scores say how well a source model tells a target's classes apart?"""
