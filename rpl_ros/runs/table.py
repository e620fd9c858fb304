# Copyright 2026 rpl_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""A CSV file of a run folder that grows by rows, and is continued when the run is."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
import csv
import io
from pathlib import Path
from typing import Any

from rpl_ros.common.files import csv_rows, write_file
from rpl_ros.runs.layout import ADDED, TEXTS, WHOLE
from rpl_ros.settings.fields import SettingsError


class Table:
    """A CSV file with `columns`. `rows` are its rows, as dicts."""

    def __init__(self, path: Path, columns: Sequence[str], key: str = '',
                 end: int = 0) -> None:
        """
        Open the file, or make it. Rows whose number in column `key` exceeds `end` are removed.

        So are rows that are not whole. Without a `key` all others are kept.

        SettingsError where it cannot be read or does not have the columns.
        """
        self.columns = columns
        self.rows: list[dict[str, Any]] = []
        if path.exists():
            self.rows = _read_rows(path, columns, key, end)
        self.write(path, self.rows)
        self._file = path.open('a', newline='', encoding='utf-8')

    def write(self, path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write a whole file with the columns of this table and these rows."""
        text = io.StringIO()
        csv.writer(text).writerows([self.columns, *([row[name] for name in self.columns]
                                                    for row in rows)])
        write_file(path, text.getvalue())

    def append(self, row: Mapping[str, Any]) -> None:
        """Append a row with a value for each column."""
        self.rows.append(dict(row))
        csv.writer(self._file).writerow([row[name] for name in self.columns])
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _read_rows(path: Path, columns: Sequence[str], key: str, end: int) -> list[dict[str, Any]]:
    """Return the complete rows of a CSV file whose `key` is at most `end`; else as Table."""
    rows: list[dict[str, Any]] = []
    try:
        for row in csv_rows(path, torn=False):
            missing = sorted(set(columns) - set(row) - set(ADDED))
            if missing:
                raise SettingsError(f'{path}: has no column {missing[0]!r}, expected '
                                    f'{",".join(columns)}')
            if _is_complete(row) and (not key or int(row[key]) <= end):
                rows.append({**ADDED, **row})
    except SettingsError:
        raise
    except (ValueError, OSError) as error:
        raise SettingsError(f'{path}: cannot be read after row {len(rows)}: {error}') from error
    return rows


def _is_complete(row: Mapping[str, Any]) -> bool:
    """Return whether a row has all of its numbers. The last one may be incomplete."""
    with suppress(TypeError, ValueError):
        for name, text in row.items():
            if name not in TEXTS and text != ADDED.get(name):
                float(text)
            if name in WHOLE:
                int(text)
        return None not in row and None not in row.values()
    return False
