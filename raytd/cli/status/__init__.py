"""How are sweeps doing, in a storage or as jobs of a cluster?"""
