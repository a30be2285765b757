"""How long does a sweep take, how much memory, and how dear is it?"""
