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

"""Which episodes metrics.csv lacks: dashboard_node writes it, and a run goes on without that."""

from itertools import groupby

from rpl_ros.yaml_file import read_yaml


def recorded_results(folder):
    """Return how many episode results the bag of a run folder holds; 0 where nobody knows."""
    try:
        about = read_yaml(folder / 'bag' / 'metadata.yaml')['rosbag2_bagfile_information']
        return sum(int(topic['message_count']) for topic in about['topics_with_message_count']
                   if topic['topic_metadata']['name'].endswith('/episode_result'))
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def in_words(numbers):
    """Return whole numbers in increasing order in words: '0, 17 to 30'."""
    runs = []
    for _, group in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        members = [number for _, number in group]
        runs.append(str(members[0]) if len(members) == 1 else f'{members[0]} to {members[-1]}')
    return ', '.join(runs)


def lost_rows(record, rows):
    """Return a note about the episodes of a Record that metrics.csv lacks, or ''."""
    there = {row['episode'] for row in rows}
    first = record.settings['sim_node'].first_episode
    lost = sorted(set(range(first, max(there, default=first - 1) + 1)) - there)
    at_the_end = max(0, recorded_results(record.folder) - len(there) - len(lost))
    parts = [*([f'episodes {in_words(lost)}'] if lost else []),
             *([f'the last {at_the_end} episodes of the bag'] if at_the_end else [])]
    return parts and (f'metrics.csv lacks {" and ".join(parts)}: curves and figures of training '
                      'are of the others. Did dashboard_node end early?') or ''
