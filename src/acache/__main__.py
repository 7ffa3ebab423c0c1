"""``python -m acache``."""

from acache.cli import main

main()
