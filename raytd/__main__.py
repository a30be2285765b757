"""`python -m raytd`."""

from raytd.cli import main

main()
