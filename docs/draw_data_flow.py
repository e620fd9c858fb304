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

"""
Draw the topics of the graph and who publishes and reads them, from the source of the nodes.

`python docs/draw_data_flow.py` writes docs/images/data_flow.svg; a test compares it with the
code.
"""

import ast
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / 'docs' / 'images' / 'data_flow.svg'
# The nodes from left to right, as the data flows, and the one call that each makes in between.
NODES = {
    'sim_node': ('Task.step', 'or fetch_adapter_node,', 'Adapter.decide'),
    'base_controller_node': ('Controller', 'observation, goal', '-> base action'),
    'residual_node': ('Policy.command', 'base action + residual,', 'clipped'),
    'learner_node': ('Joiner, Replay, HER,', 'Ddpg.update', ''),
    'dashboard_node': ('the live screen,', 'metrics.csv', ''),
}
TOPICS = ('state', 'base_action', 'command', 'policy_weights', 'learner_status', 'episode_result',
          'task')
COLOURS = ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#555555', '#8c6d31', '#56b4e9')
LEFT, COLUMN, TOP, LANE, WIDTH = 130, 165, 118, 44, 150


def calls(node: str) -> dict[str, set[str]]:
    """Return {'publishes': topics, 'reads': topics} of a node's source file."""
    tree = ast.parse((ROOT / 'rpl_ros' / 'nodes' / f'{node}.py').read_text(encoding='utf-8'))
    found: dict[str, set[str]] = {'publishes': set(), 'reads': set()}
    for part in ast.walk(tree):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and len(part.args) > 1:
            kind = {'publisher': 'publishes', 'subscribe': 'reads', 'queue': 'reads'}.get(
                part.func.id)
            topic = part.args[1]
            if kind and isinstance(topic, ast.Constant):
                found[kind].add(str(topic.value))
    return found


def text(x: float, y: float, words: str, size: int = 12, **style: str) -> str:
    """Return an SVG text whose middle is at x; sizes are in pixels."""
    extra = ''.join(f' {name.replace("_", "-")}="{value}"' for name, value in style.items())
    return (f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="middle"{extra}>'
            f'{escape(words)}</text>')


def node_box(x: float, name: str, lines: tuple[str, ...]) -> list[str]:
    """Return the box of a node, with the call that it makes."""
    box = (f'<rect x="{x - WIDTH / 2:g}" y="12" width="{WIDTH}" height="78" rx="8" fill="#f4f4f4" '
           'stroke="#333"/>')
    return [box, text(x, 30, name, font_weight='bold'),
            *(text(x, 48 + 14 * number, line, 11, fill='#444')
              for number, line in enumerate(lines) if line)]


def lane(y: float, topic: str, colour: str, nodes: dict[str, dict[str, set[str]]],
         places: dict[str, float]) -> list[str]:
    """Return the line of a topic: a dot where a node publishes, an arrow where one reads it."""
    ends = [places[name] for name, found in nodes.items() if topic in set().union(*found.values())]
    parts = [text(62, y + 4, topic, fill=colour, font_weight='bold'),
             f'<line x1="{min(ends):g}" y1="{y:g}" x2="{max(ends):g}" y2="{y:g}" '
             f'stroke="{colour}" stroke-width="2.5"/>']
    for name, found in nodes.items():
        x = places[name]
        if topic in found['publishes']:
            parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="6" fill="{colour}"/>')
        if topic in found['reads']:
            parts.append(f'<path d="M{x:g} {y:g} l-7 0 l7 -13 l7 13 z" fill="{colour}"/>')
    return parts


def draw() -> str:
    """Return the picture as SVG."""
    nodes = {name: calls(name) for name in NODES}
    places = {name: LEFT + WIDTH / 2 + COLUMN * number for number, name in enumerate(NODES)}
    bottom = TOP + LANE * len(TOPICS)
    width, height = LEFT + COLUMN * len(NODES) + 10, bottom + 40
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
             f'viewBox="0 0 {width} {height}" font-family="sans-serif">',
             f'<rect width="{width}" height="{height}" fill="white"/>']
    for name, x in places.items():
        parts.append(f'<line x1="{x:g}" y1="90" x2="{x:g}" y2="{bottom - 16}" stroke="#ccc" '
                     'stroke-dasharray="3 4"/>')
        parts += node_box(x, name, NODES[name])
    for number, (topic, colour) in enumerate(zip(TOPICS, COLOURS)):
        parts += lane(TOP + LANE * number + 10, topic, colour, nodes, places)
    parts.append(text(width / 2, height - 18, 'Dot: publishes. Arrow head: reads. The '
                      'recorder_node reads all topics; fetch_adapter_node replaces sim_node on a '
                      'robot.', fill='#444'))
    return '\n'.join([*parts, '</svg>', ''])


if __name__ == '__main__':
    PICTURE.write_text(draw(), encoding='utf-8')
    print(PICTURE)
