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

from rpl_ros.bags.files import bag_information


def recorded_results(folder):
    """Return how many episode results the bag of a run folder holds; 0 where nobody knows."""
    try:
        about = bag_information(folder / 'bag' / 'metadata.yaml')
        return sum(int(topic['message_count']) for topic in about['topics_with_message_count']
                   if topic['topic_metadata']['name'].endswith('/episode_result'))
    except (ValueError, KeyError, TypeError):
        return 0


def gaps(first, numbers):
    """Return [(first, last)] of the whole numbers that are missing among `numbers`, from first."""
    there = sorted({number for number in numbers if number >= first})
    return [(before + 1, number - 1) for before, number in zip([first - 1, *there], there)
            if number > before + 1]


def in_words(ranges):
    """Return ranges [(first, last)] of whole numbers in words: '0, 17 to 30'."""
    return ', '.join(str(first) if first == last else f'{first} to {last}'
                     for first, last in ranges)


def lost_rows(record, rows):
    """Return a note about the episodes of a Record that metrics.csv lacks, or ''."""
    there = {row['episode'] for row in rows}
    # As ranges: one wrong number in the file must not ask for as many in memory.
    lost = gaps(record.settings['sim_node'].first_episode, there)
    count = sum(last - first + 1 for first, last in lost)
    at_the_end = max(0, recorded_results(record.folder) - len(there) - count)
    parts = [*([f'episodes {in_words(lost)}'] if lost else []),
             *([f'the last {at_the_end} episodes of the bag'] if at_the_end else [])]
    return parts and (f'metrics.csv lacks {" and ".join(parts)}: curves and figures of training '
                      'are of the others. Did dashboard_node end early?') or ''
