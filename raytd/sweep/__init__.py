"""How is everything that a sweep file asks for checked, planned, run and kept?

Called as a function, `raytd.sweep(file)` runs a sweep: see `raytd.api.sweep`.
"""
