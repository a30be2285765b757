"""How is one trial run, block by block, with the same bits on any executor?"""
