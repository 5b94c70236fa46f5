"""Read cassettes for their pages: the rows, what is asked for beside them, the list, two that are compared."""
