"""Which sweep suits a user's own data and this machine?"""
