"""How are images read from Parquet files?"""
