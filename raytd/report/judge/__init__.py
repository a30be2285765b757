"""Which method predicts what transfer really gains?"""
