"""When do numbers differ, agree, or prove anything?"""
