"""How is everything that a sweep file asks for checked, planned, run and kept?"""
