"""How do two tasks differ in the Fisher information of one probe network (Task2Vec)?"""
