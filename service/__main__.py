"""``python -m service`` is the command ``facialis``."""

from service.cli import main

main()
