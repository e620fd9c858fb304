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

"""Tables as Parquet files, piece by piece. The only module that needs pyarrow (extra `export`)."""

from collections.abc import Mapping, Sequence
import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

FILES_PER_CHUNK = 1000
TEMPLATE = 'chunk-{chunk_index:03d}/file-{file_index:03d}.parquet'


def column_type(kind: str, size: int) -> pyarrow.DataType:
    """Return the type of a column of vectors of `size` numbers, 1 = numbers, of numpy's `kind`."""
    number = pyarrow.bool_() if kind == 'bool' else getattr(pyarrow, kind)()
    return number if size == 1 else pyarrow.list_(number, size)


def list_type(kind: str) -> pyarrow.DataType:
    """Return the type of a column of lists of any length."""
    return pyarrow.list_(getattr(pyarrow, kind)())


def _column(values: Any, kind: pyarrow.DataType) -> pyarrow.Array:
    """Return numpy values (n,) or (n, size), or a list, as an array of the type `kind`."""
    if pyarrow.types.is_fixed_size_list(kind):
        numbers = pyarrow.array(values.ravel(), kind.value_type)
        return pyarrow.FixedSizeListArray.from_arrays(numbers, kind.list_size)
    return pyarrow.array(values, kind)


class Files:
    """Writes rows to files of about `limit` bytes each, with names as in TEMPLATE, in `folder`."""

    def __init__(self, folder: Path, fields: Mapping[str, pyarrow.DataType], limit: int) -> None:
        """Start without a file; `fields` are the columns, {name: type}."""
        self._folder, self._limit = folder, limit
        self._schema = pyarrow.schema(fields)
        self._number = -1
        self._sink: Any = None
        self._writer: Any = None

    def place(self) -> tuple[int, int]:
        """Return (chunk, file), the numbers of the file of the next write()."""
        if self._sink is None or self._sink.tell() >= self._limit:
            self.close()
            self._number += 1
            path = self._folder / TEMPLATE.format(
                chunk_index=self._number // FILES_PER_CHUNK,
                file_index=self._number % FILES_PER_CHUNK)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._sink = pyarrow.OSFile(str(path), 'wb')
            self._writer = pyarrow.parquet.ParquetWriter(self._sink, self._schema)
        return divmod(self._number, FILES_PER_CHUNK)

    def write(self, columns: Mapping[str, Any]) -> None:
        """Write rows {name: values} as one row group."""
        self.place()
        arrays = [_column(columns[field.name], field.type) for field in self._schema]
        self._writer.write_table(pyarrow.Table.from_arrays(arrays, schema=self._schema))

    def close(self) -> None:
        """Close the present file."""
        if self._sink is not None:
            self._writer.close()
            self._sink.close()
            self._sink = self._writer = None


def write_indexed(path: Path, index: str, columns: Mapping[str, Sequence]) -> None:
    """Write columns {name: values}; pandas takes the column `index` as the index of the rows."""
    table = pyarrow.table(columns)
    about = [{'name': field.name, 'field_name': field.name, 'metadata': None,
              'pandas_type': 'unicode' if field.type == pyarrow.string() else str(field.type),
              'numpy_type': 'object' if field.type == pyarrow.string() else str(field.type)}
             for field in table.schema]
    notes = {'index_columns': [index], 'column_indexes': [], 'columns': about}
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(
        table.replace_schema_metadata({'pandas': json.dumps(notes)}), path)
