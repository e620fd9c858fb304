# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""Files that are there whole or not at all, and rows as CSV."""

import csv
import io
import os
from pathlib import Path


def write_file(path, content):
    """Write bytes or text so that at any time there is the old file or the whole new one.

    The folder is made if it is missing. OSError where it cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f'{path.name}.part')
    try:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)  # half a file would fill the disk that is full already
        raise


def csv_text(rows):
    """Return dicts as CSV whose header is the keys of the first one."""
    text = io.StringIO()
    table = csv.DictWriter(text, rows[0], lineterminator='\n')
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()
