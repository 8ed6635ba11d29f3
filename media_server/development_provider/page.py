"""The provider's screens: who would you like to be? Plain HTML, no script, in the look of our pages."""

from collections.abc import Sequence
from html import escape
from typing import Final

from media_server.development_provider.persons import DOCTORS, PATIENTS, Person

STYLE: Final = "/development-provider/style.css"


def choice_page(action: str, choice: str) -> str:
    """`action` takes the form; `choice` is the id that goes with it."""
    return _page(
        "Choose a test person",
        f"""    <form method="post" action="{escape(action)}">
      <input type="hidden" name="choice" value="{escape(choice)}">
{_group("Patients", PATIENTS)}
{_group("Doctors", DOCTORS)}
      <div class="refusal">
        <button class="secondary" name="refuse" value="yes">Refuse to log in</button>
      </div>
    </form>""",
    )


def error_page(text: str) -> str:
    return _page("This does not work", f'    <p class="lead">{escape(text)}</p>')


def _group(title: str, persons: Sequence[Person]) -> str:
    heading = f"group-{title.lower()}"
    buttons = "\n".join(
        f"""        <li><button class="person" name="person" value="{escape(each.key)}">
          <strong>{escape(each.name)}</strong><small>{escape(each.about)}</small></button></li>"""
        for each in persons
    )
    return f"""      <section aria-labelledby="{heading}">
        <h2 id="{heading}">{escape(title)}</h2>
        <ul class="persons">
{buttons}
        </ul>
      </section>"""


def _page(title: str, body: str) -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
  <meta name="color-scheme" content="light dark">
  <meta name="referrer" content="no-referrer">
  <title>{escape(title)} · This is not itsme</title>
  <link rel="icon" href="/web/favicon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="/web/style.css">
  <link rel="stylesheet" href="{STYLE}">
</head>
<body>
  <main class="front provider">
    <p class="notice not-itsme"><strong>This is not itsme.</strong> <span>It stands in for it on this machine,
      and lets anybody be one of these test persons. None of them exists.</span></p>
    <h1>{escape(title)}</h1>
{body}
  </main>
</body>
</html>
"""
