"""`python -m recorder` is the command `recorder`."""

from .cli import main

main(prog_name="recorder")
