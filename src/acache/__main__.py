"""``python -m acache``, and where the command starts."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line; an interruption while it is still being imported is no traceback."""
    try:
        if sys.argv[1:3] == ["completion", "--offer"]:  # TAB was pressed: do not wait for click
            from acache.cli.completion.offers import answer

            answer(sys.argv[3:])
            sys.exit(0)
        from acache.cli.app import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
