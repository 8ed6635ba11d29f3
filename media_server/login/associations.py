"""The files by which Apple's and Google's systems know that our links may open our apps. Pure."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from media_server.login.settings import android_parts


def apple_association(app_ids: Sequence[str], app_links: Collection[str]) -> Mapping[str, Any]:
    """`apple-app-site-association` (Apple, Supporting associated domains)."""
    paths = sorted({urlsplit(link).path for link in app_links})
    components = [{"/": path, "comment": "back from logging in"} for path in paths]
    return {"applinks": {"details": [{"appIDs": list(app_ids), "components": components}]}}


def asset_links(apps: Sequence[str]) -> Sequence[Mapping[str, Any]]:
    """`assetlinks.json` (Google, Digital Asset Links); an app may be signed by several certificates."""
    fingerprints: dict[str, list[str]] = {}
    for app in apps:
        package, fingerprint = android_parts(app)
        fingerprints.setdefault(package, []).append(fingerprint)
    return [
        {
            "relation": ["delegate_permission/common.handle_all_urls"],
            "target": {
                "namespace": "android_app",
                "package_name": package,
                "sha256_cert_fingerprints": found,
            },
        }
        for package, found in fingerprints.items()
    ]
