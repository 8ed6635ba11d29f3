"""The words that people agree to: there in every language, exact about time and withdrawal, never edited."""

import json
from hashlib import sha256

import pytest

from media_server.consent_texts import Language, NoSuchText, TextKind, consent_text, current_version

# A published text stays as it is: who changes a word adds the next version, and its hashes here.
PUBLISHED = {
    ("teleconsultation", "1", "nl"): "e66bf316b2909f32b073faf31d5060229e24fc97264f4543fa1fa7836dd047f0",
    ("teleconsultation", "1", "fr"): "ab028d70e37e89efed36caa2aaf0480c87d5d5216143b683e8ee28d37f44cb93",
    ("teleconsultation", "1", "de"): "f978eba36a37f54ed58cd90af8794c2a3a7002d2641603f1df3754e8786833fc",
    ("teleconsultation", "1", "en"): "596cafe367a33d52636f282ebd763fb12f9c7c60b70b84dab9fb1347e5d57b25",
    ("recording", "1", "nl"): "7e3341d07863b7de0ccb86367a687e86fd61a8f5b95059277ecc63abf5ce3e9a",
    ("recording", "1", "fr"): "74f27b0e59eb0fbc70e5034650a98486e4f429774f912ad317c80f00c0ca0bc2",
    ("recording", "1", "de"): "055721d22d3af2271231cb9afad812d3eb37f404dd797ba0c25077ea75136766",
    ("recording", "1", "en"): "d804a30b9ea19577b56e2107407fcb1a19c8f1c21d6d4d82a9182ad2e5c806f2",
    ("medical_file_access", "1", "nl"): "173f46408b185e72bcc1e742b9d892de7819a050ddf29ed6dc0cb11a5891bf75",
    ("medical_file_access", "1", "fr"): "713083763302618141d5f79978a61539a9a0fab1906288e3569a5d52899b2d5c",
    ("medical_file_access", "1", "de"): "781cb8d82b38d5644f556a1b01e2b83fb6ca091a4d8b40aba124eb7258428157",
    ("medical_file_access", "1", "en"): "81f8e8570c3f2ddd0b9372c3df734e54088fcb2e19ad8fe3a4d5eedda6441c98",
    ("report_to_gp", "1", "nl"): "868c1098843f7931f20c482065971137d27b3f23773f45ad82022894fbcf4775",
    ("report_to_gp", "1", "fr"): "83dcc7022ec4c32a9c11bee6cfd0171ee93a43d024c88acfc2fe52e16bf1d4f6",
    ("report_to_gp", "1", "de"): "0f02e5799f04d618d26075763cdea7dc3365c7c23cf5cf36476907b0193eee7f",
    ("report_to_gp", "1", "en"): "a312f7763d94fb6a1a787396ddeb47c7f693002f2e88ef47c899de292258430f",
    ("third_party_presence", "1", "nl"): "b44516a4c12aba3bda141d51a615f5491e0643c4fcb0ec174666def7bc0c7db7",
    ("third_party_presence", "1", "fr"): "e8d042531358e04c179533be1885342c31d463376e3584d04c4736d081bca5f4",
    ("third_party_presence", "1", "de"): "b8cdc505be5ae5f8e77f6160c8dc01c7054ca40e09b71844b707ab6e7394f969",
    ("third_party_presence", "1", "en"): "7d5bb6dc5de385b71a635b2517c62f0a4ff33d57b32c362860e976658a751fe5",
    ("privacy-notice", "1", "nl"): "769112a5d6557012b94150133c3940f86ed84e1c27b2afb067637cf1bebf3873",
    ("privacy-notice", "1", "fr"): "0d4418a8c93a38fbf691bec88fcedcfab833f2c669fe190977feb28d8fa4b2ee",
    ("privacy-notice", "1", "de"): "99de0a87b10db65bcf2d79b5382df6549f7588d45a1eab1aca4e5ee198eac486",
    ("privacy-notice", "1", "en"): "0a03ea8256d030515c09871be7ca87b8c68b8423fde0e5e9cba3ff366424dfa1",
    ("not-an-emergency", "1", "nl"): "56bfefc2c8832c9ac1ee088b2d0af0b8ce909162d116da0d410e53a98bba39ad",
    ("not-an-emergency", "1", "fr"): "dc3336e6222dcd06cad8d22c8e687f158ff0b2fdd8f8d23ef910c7e54373dbe6",
    ("not-an-emergency", "1", "de"): "a8ef99042531dd64ea7ff443feb8010b15b3797ac6c5b1628a782d2ec73bfae2",
    ("not-an-emergency", "1", "en"): "19b7c02e20c21821dae66b1ca8656e625ad41d7e07f065007baa00a1ff5a33fa",
}

EVERY = [(kind, language) for kind in TextKind for language in Language]


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_every_kind_has_a_current_text_in_every_language(kind: TextKind, language: Language) -> None:
    text = consent_text(kind, language)
    assert (text.kind, text.version, text.language) == (kind, current_version(kind), language)
    assert consent_text(kind, language, text.version) == text
    assert text.title == text.title.strip() != ""
    assert text.text == text.text.strip() != ""
    assert len(text.text.split()) <= 110


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_the_hash_is_of_what_was_shown(kind: TextKind, language: Language) -> None:
    text = consent_text(kind, language)
    shown = {
        "kind": kind.value,
        "language": language.value,
        "text": text.text,
        "title": text.title,
        "version": text.version,
    }
    canonical = json.dumps(shown, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert text.hash == sha256(canonical.encode()).hexdigest()


def test_no_two_texts_have_the_same_words_or_hash() -> None:
    texts = [consent_text(kind, language) for kind, language in EVERY]
    for part in ("title", "text", "hash"):
        assert len({getattr(text, part) for text in texts}) == len(texts)


def test_the_five_consents_of_the_protocol_can_be_withdrawn_and_two_acknowledgements_cannot() -> None:
    assert [kind.value for kind in TextKind if kind.is_consent] == [
        "teleconsultation",
        "recording",
        "medical_file_access",
        "report_to_gp",
        "third_party_presence",
    ]
    assert [kind.value for kind in TextKind if not kind.is_consent] == ["privacy-notice", "not-an-emergency"]


WITHDRAWAL = {
    Language.EN: ("at any time", "withdraw", "refuse"),
    Language.NL: ("op elk moment", "intrekken", "weiger"),
    Language.FR: ("à tout moment", "retirer", "refuse"),
    Language.DE: ("jederzeit", "widerrufen", "ablehne"),
}


@pytest.mark.parametrize("language", list(Language))
def test_a_consent_says_how_it_is_withdrawn_and_what_a_refusal_means(language: Language) -> None:
    at_any_time, withdraw, refuse = WITHDRAWAL[language]
    for kind in (TextKind.RECORDING, TextKind.MEDICAL_FILE_ACCESS, TextKind.THIRD_PARTY_PRESENCE):
        text = consent_text(kind, language).text
        assert at_any_time in text
        assert withdraw in text
        assert refuse in text
    report = consent_text(TextKind.REPORT_TO_GP, language).text
    assert withdraw in report
    assert refuse in report
    assert "7" in report
    assert at_any_time in consent_text(TextKind.TELECONSULTATION, language).text


@pytest.mark.parametrize("language", list(Language))
def test_who_reads_that_it_is_no_emergency_reads_112_and_1733(language: Language) -> None:
    text = consent_text(TextKind.NOT_AN_EMERGENCY, language).text
    assert "112" in text
    assert "1733" in text


def test_a_version_that_never_was_is_refused() -> None:
    for version in ("0", "2", "1.0", ""):
        with pytest.raises(NoSuchText):
            consent_text(TextKind.RECORDING, Language.EN, version)


def test_a_published_text_stays_as_it_is() -> None:
    published = {
        (kind.value, version, language.value): consent_text(kind, language, version).hash
        for kind, language in EVERY
        for version in (str(number) for number in range(1, int(current_version(kind)) + 1))
    }
    assert published == PUBLISHED
