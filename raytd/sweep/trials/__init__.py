"""Which trials follow from a sweep file, and with which data?"""
