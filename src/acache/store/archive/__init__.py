"""A store in an archive: ``.tar``, ``.tar.gz`` or ``.tar.zst``."""
