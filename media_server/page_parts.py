"""What the pages' HTML has in common, put in when they are read: parts by their names, and a preload for
every module that a page's script leads to, so that a browser asks for all of them at once.

A line `<!-- head -->` becomes the file `_head.html`, in which `{web}` is the way to /web/; a line
`<!-- modules -->` becomes the preloads. Pure: knows files by their names and texts only.
"""

import posixpath
import re
from collections.abc import Mapping

_LINE = re.compile(r"^( *)<!-- ([a-z]+) -->\n", re.MULTILINE)
_SCRIPT = re.compile(r'<script type="module" src="(?:\.\./)*web/([^"]+)">')
_IMPORT = re.compile(r'^(?:import|export)\s(?:[^;"]*?\sfrom\s+)?"(\.[^"]+)"', re.MULTILINE)


class NoSuchPart(Exception):
    """A page names a part, or a script imports a module, that is not there."""


def is_part(name: str) -> bool:
    """Whether a file is a part of pages, and no page itself."""
    return posixpath.basename(name).startswith("_")


def with_parts(name: str, files: Mapping[str, str]) -> str:
    """The page of that name, whole. `files`: HTML and modules, by their names below the pages' folder.

    Raises NoSuchPart.
    """
    html = files[name]
    web = "../" * name.count("/") + "web/"

    def part(match: re.Match[str]) -> str:
        indent, wanted = match[1], match[2]
        if wanted == "modules":
            return "".join(
                f'{indent}<link rel="modulepreload" href="{web}{module}">\n'
                for module in _modules(html, files)
            )
        return _found(f"_{wanted}.html", files).replace("{web}", web)

    return _LINE.sub(part, html)


def _modules(html: str, files: Mapping[str, str]) -> list[str]:
    """All that the page's scripts import, directly or not; not the scripts themselves."""
    scripts = _SCRIPT.findall(html)
    reached, open_ends = set(scripts), list(scripts)
    while open_ends:
        name = open_ends.pop()
        for path in _IMPORT.findall(_found(name, files)):
            module = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
            if module not in reached:
                reached.add(module)
                open_ends.append(module)
    return sorted(reached - set(scripts))


def _found(name: str, files: Mapping[str, str]) -> str:
    try:
        return files[name]
    except KeyError:
        raise NoSuchPart(f"there is no {name} among the pages' files") from None
