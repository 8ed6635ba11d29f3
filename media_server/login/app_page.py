"""The page behind the apps' links, for whom the link opened a browser and not the app. Pure.

A link that the system does not hand to the app ends here, so there has to be a page, with status 200: iOS
keeps a 404 in mind. Its button opens the same link in a new tab, which gives the system another chance.
"""

from collections.abc import Mapping
from html import escape
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

# In HTML: title, text, button.
_TEXTS: Final[Mapping[str, tuple[str, str, str]]] = MappingProxyType(
    {
        "nl": ("Verder in de app", "U bent aangemeld. Open de app om verder te gaan.", "Open de app"),
        "fr": (
            "Continuez dans l&rsquo;application",
            "Vous êtes connecté. Ouvrez l&rsquo;application pour continuer.",
            "Ouvrir l&rsquo;application",
        ),
        "de": (
            "Weiter in der App",
            "Sie sind angemeldet. Öffnen Sie die App, um fortzufahren.",
            "App öffnen",
        ),
        "en": ("Continue in the app", "You are logged in. Open the app to go on.", "Open the app"),
    }
)
_NOT_LOGGED_IN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "nl": "U bent niet aangemeld. Open de app om het opnieuw te proberen.",
        "fr": "Vous n&rsquo;êtes pas connecté. Ouvrez l&rsquo;application pour réessayer.",
        "de": "Sie sind nicht angemeldet. Öffnen Sie die App, um es noch einmal zu versuchen.",
        "en": "You are not logged in. Open the app to try again.",
    }
)
_PARAMETERS: Final = ("code", "state", "login")


def app_page(path: str, query: Mapping[str, str], accept_language: str) -> str:
    """HTML in the reader's language. `path` is the link's; of the query only our own parameters come back."""
    language = _language(accept_language)
    title, text, button = _TEXTS[language]
    if "code" not in query:
        text = _NOT_LOGGED_IN[language]
    kept = {name: query[name] for name in _PARAMETERS if name in query}
    link = escape(f"{path}?{urlencode(kept)}" if kept else path)
    return f"""<!doctype html>
<html lang="{language}">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
  <meta name="color-scheme" content="light dark">
  <meta name="referrer" content="no-referrer">
  <title>{title} · Teleconsult</title>
  <link rel="icon" href="/web/favicon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="/web/style.css">
</head>
<body>
  <main class="front">
    <h1>{title}</h1>
    <p class="lead">{text}</p>
    <p><a class="button primary large" href="{link}" target="_blank" rel="noopener noreferrer">{button}</a>
    </p>
  </main>
</body>
</html>
"""


def _language(accept_language: str) -> str:
    """The first of the reader's languages that we have (RFC 9110 §12.5.4, without its weights)."""
    wanted = (each.split(";")[0].strip()[:2].lower() for each in accept_language[:200].split(","))
    return next((each for each in wanted if each in _TEXTS), "en")
