"""How is it drawn?"""
