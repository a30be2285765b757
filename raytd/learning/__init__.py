"""How does a network learn one task, and where is what it learnt kept?"""
