"""How are images read from folders of image files?"""
