"""What pages have in common is put into them when they are read."""

import pytest

from media_server.page_parts import NoSuchPart, is_part, with_parts

FILES = {
    "_head.html": '  <link rel="icon" href="{web}favicon.svg">\n',
    "door.html": "<head>\n  <!-- head -->\n  <!-- modules -->\n"
    '  <script type="module" src="web/door.js"></script>\n</head>\n',
    "far/room.html": "  <!-- head -->\n  <!-- modules -->\n"
    '  <script type="module" src="../web/far/room.js">\n',
    "door.js": 'import "./once.js";\nimport {\n  a,\n  b,\n} from "./parts/both.js";\n',
    "once.js": 'export { a } from "./parts/both.js";\n',
    "parts/both.js": '/** @typedef {import("./types.js").A} A */\n'
    'import { c } from "../once.js"; // round and round\n',
    "far/room.js": 'import { a } from "../once.js";\n',
}


def test_a_page_has_the_common_head_and_asks_for_every_module_at_once() -> None:
    assert with_parts("door.html", FILES) == (
        '<head>\n  <link rel="icon" href="web/favicon.svg">\n'
        '  <link rel="modulepreload" href="web/once.js">\n'
        '  <link rel="modulepreload" href="web/parts/both.js">\n'
        '  <script type="module" src="web/door.js"></script>\n</head>\n'
    )


def test_a_page_further_down_finds_its_files_from_there() -> None:
    page = with_parts("far/room.html", FILES)
    assert 'href="../web/favicon.svg"' in page
    assert page.count('href="../web/') == 3


def test_what_is_missing_is_named() -> None:
    with pytest.raises(NoSuchPart, match=r"_foot\.html"):
        with_parts("page.html", {"page.html": "<!-- foot -->\n"})
    with pytest.raises(NoSuchPart, match=r"parts/both\.js"):
        with_parts("door.html", {name: text for name, text in FILES.items() if name != "parts/both.js"})


def test_parts_are_no_pages() -> None:
    assert [name for name in FILES if is_part(name)] == ["_head.html"]
