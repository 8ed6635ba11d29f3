"""Which medicines are not prescribed here: the whole table of classes, its exceptions, and no way round."""

import json
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_server.languages import Language
from media_server.outcome import AtcRules, BadRules, Decision, Kind, Verdict

RULES = AtcRules.built_in()

ADDICTIVE = {
    "N05BA01 diazepam": "benzodiazepine",
    "N05BA06 lorazepam": "benzodiazepine",
    "N05BA12 alprazolam": "benzodiazepine",
    "N05BC01 meprobamate": "sedative",
    "N05CA04 barbital": "barbiturate",
    "N05CB01 combinations of barbiturates": "barbiturate",
    "N05CC01 chloral hydrate": "sedative",
    "N05CD02 nitrazepam": "benzodiazepine",
    "N05CD06 lormetazepam": "benzodiazepine",
    "N05CE01 glutethimide": "sedative",
    "N05CF01 zopiclone": "z-hypnotic",
    "N05CF02 zolpidem": "z-hypnotic",
    "N05CM02 clomethiazole": "sedative",
    "N05CX01 meprobamate, combinations": "sedative",
    "N03AE01 clonazepam": "benzodiazepine",
    "N03AA02 phenobarbital": "barbiturate",
    "N02AA01 morphine": "opioid",
    "N02AA05 oxycodone": "opioid",
    "N02AA59 codeine, combinations": "opioid",
    "N02AB03 fentanyl": "opioid",
    "N02AE01 buprenorphine": "opioid",
    "N02AJ06 codeine and paracetamol": "opioid",
    "N02AJ13 tramadol and paracetamol": "opioid",
    "N02AX01 tilidine": "opioid",
    "N02AX02 tramadol": "opioid",
    "R05DA04 codeine": "opioid",
    "R05DA09 dextromethorphan": "opioid",
    "R05FA02 opium derivatives and expectorants": "opioid",
    "N07BC01 buprenorphine": "opioid-dependence",
    "N07BC02 methadone": "opioid-dependence",
    "N06BA04 methylphenidate": "stimulant",
    "N06BC01 caffeine": "stimulant",
    "N06BX03 piracetam": "stimulant",
    "A08AA01 phentermine": "stimulant",
    "N03AX12 gabapentin, as it was classified": "gabapentinoid",
    "N03AX16 pregabalin, as it was classified": "gabapentinoid",
    "N02BF01 gabapentin": "gabapentinoid",
    "N02BF02 pregabalin": "gabapentinoid",
    "N02BG10 cannabinoids": "cannabinoid",
    "N01AX03 ketamine": "ketamine",
    "N01AX14 esketamine": "ketamine",
    "N06AX27 esketamine, against depression": "ketamine",
}
FOLLOW_UP = {
    "N05AN01 lithium": "lithium",
    "N05AH02 clozapine": "clozapine",
    "N03AB02 phenytoin": "antiepileptic",
    "N03AF01 carbamazepine": "antiepileptic",
    "N03AG01 valproic acid": "antiepileptic",
    "B01AA03 warfarin": "vitamin-k-antagonist",
    "B01AA04 phenprocoumon": "vitamin-k-antagonist",
    "C01AA05 digoxin": "digoxin",
    "C01BD01 amiodarone": "antiarrhythmic",
    "L01BA01 methotrexate": "cancer-or-immune",
    "L04AX03 methotrexate": "cancer-or-immune",
    "L04AD01 ciclosporin": "cancer-or-immune",
    "D10BA01 isotretinoin": "isotretinoin",
    "A10AE04 insulin glargine": "insulin",
    "H02AB06 prednisolone": "systemic-corticosteroid",
    "G03BA03 testosterone": "testosterone",
}
BLOCKED_GROUPS = (
    *(
        "N05BA",
        "N05BC",
        "N05CA",
        "N05CB",
        "N05CC",
        "N05CD",
        "N05CE",
        "N05CF",
        "N05CX",
        "N03AE",
        "N03AA",
        "N02AA",
    ),
    *(
        "N02AJ",
        "N02AX",
        "R05DA",
        "R05FA",
        "N07BC",
        "N06BA",
        "A08AA",
        "N05AN",
        "N03AB",
        "N03AF",
        "N03AG",
        "B01AA",
    ),
    *("C01AA", "C01BC", "L01BA", "L04AX", "A10AC", "H02AB", "G03BA"),
)
ALLOWED = (
    "N05BB01 hydroxyzine",
    "N05BB hydroxyzine's group",
    "N05BE01 buspirone",
    "N05BE buspirone's group",
    "N05CH01 melatonin",
    "N05CH melatonin's group",
    "N05CM09 valerian",
    "N02BE01 paracetamol",
    "N02BA01 acetylsalicylic acid",
    "N02BG06 nefopam",
    "N02CC01 sumatriptan",
    "N03AX14 levetiracetam",
    "N05AH03 olanzapine",
    "N06AB04 citalopram",
    "N06AX11 mirtazapine",
    "N07BA01 nicotine",
    "N07BB04 naltrexone, against alcohol",
    "N01AX10 propofol",
    "A08AB01 orlistat",
    "A10BA02 metformin",
    "B01AC06 acetylsalicylic acid, against clots",
    "B01AF01 rivaroxaban",
    "C01DA02 glyceryl trinitrate",
    "C09AA05 ramipril",
    "D07AC01 betamethasone on the skin",
    "D10BA02 a retinoid of another kind",
    "D10AD01 tretinoin on the skin",
    "G03AA07 levonorgestrel and ethinylestradiol",
    "H03AA01 levothyroxine",
    "J01CA04 amoxicillin",
    "L02BG04 letrozole",
    "L03AX a group of immunostimulants",
    "R01AD09 mometasone in the nose",
    "R03BA02 budesonide, inhaled",
    "R05CB01 acetylcysteine",
    "R05DB27 levodropropizine",
    "V03AB15 naloxone",
)
UNKNOWN = (
    *("", " ", "N", "N0", "N05", "N05B", "N05B ", "N05BA0", "N05BA1", "N05BA012", "N05BA01 X", "05BAN01"),
    *("N05-BA01", "N5BA01", "diazepam", "Valium", "N05BA01\x00", "N05BA01;", "N05B\xc401", "N" * 100_000),
    # Full-width letters and digits, and a letter whose capital is an ASCII one.
    *("\uff2e05BA01", "N\uff105BA01", "\u017f01AA01"),
    # Groups that there are not.
    *("E01AA01", "X05BA01", "Z01AA01", "N00AA01", "N08AA01", "N99AA01", "B04AA01", "A17AA01", "V21AA01"),
)


def named(row: str) -> str:
    return row.split(" ", 1)[0]


@pytest.mark.parametrize(("row", "reason"), ADDICTIVE.items())
def test_addictive_medicines_are_blocked(row: str, reason: str) -> None:
    assert RULES.decide(named(row)) == Decision(Verdict.BLOCKED, RULES.version, Kind.ADDICTIVE, reason)


@pytest.mark.parametrize(("row", "reason"), FOLLOW_UP.items())
def test_medicines_needing_intensive_follow_up_are_blocked(row: str, reason: str) -> None:
    assert RULES.decide(named(row)) == Decision(Verdict.BLOCKED, RULES.version, Kind.FOLLOW_UP, reason)


@pytest.mark.parametrize("group", BLOCKED_GROUPS)
def test_a_group_that_is_blocked_as_a_whole_is_blocked_by_its_own_code(group: str) -> None:
    assert RULES.decide(group).verdict is Verdict.BLOCKED


@pytest.mark.parametrize("row", ALLOWED)
def test_other_medicines_are_allowed_neighbours_of_blocked_ones_included(row: str) -> None:
    assert RULES.decide(named(row)) == Decision(Verdict.ALLOWED, RULES.version)


@pytest.mark.parametrize("group", ["N05CM", "N03AX", "N02BF", "N02BG", "N01AX", "N06AX", "N05AH", "D10BA"])
def test_a_group_of_which_a_part_is_blocked_asks_for_the_substance(group: str) -> None:
    assert RULES.decide(group).verdict is Verdict.UNKNOWN_CODE


@pytest.mark.parametrize("code", UNKNOWN)
def test_what_is_no_medicine_of_the_classification_is_unknown(code: str) -> None:
    assert RULES.decide(code) == Decision(Verdict.UNKNOWN_CODE, RULES.version)


@pytest.mark.parametrize("typed", ["n05ba01", " N05BA01", "N05BA01\n", "n05Ba01 "])
def test_the_way_it_is_typed_is_no_way_round(typed: str) -> None:
    assert RULES.decide(typed).verdict is Verdict.BLOCKED


@given(st.text(max_size=9))
def test_any_text_gets_a_decision(code: str) -> None:
    decision = RULES.decide(code)
    assert (decision.verdict is Verdict.BLOCKED) == (decision.reason_key is not None)


@given(st.sampled_from(sorted({named(row) for row in ADDICTIVE | FOLLOW_UP})), st.integers(0, 99))
def test_no_substance_of_a_blocked_group_slips_through(code: str, number: int) -> None:
    group = code[:5]
    if RULES.decide(group).verdict is Verdict.BLOCKED:
        assert RULES.decide(f"{group}{number:02}").verdict is Verdict.BLOCKED


@pytest.mark.parametrize("language", Language)
def test_every_block_gives_its_reason_in_every_language(language: Language) -> None:
    reasons = {RULES.reason(RULES.decide(named(row)), language) for row in ADDICTIVE | FOLLOW_UP}
    assert None not in reasons
    assert len(reasons) == len({*ADDICTIVE.values(), *FOLLOW_UP.values()})
    assert RULES.reason(RULES.decide("N02BE01"), language) is None


def test_every_rule_that_ships_is_in_the_tables_above() -> None:
    file = json.loads(files("media_server.outcome").joinpath("atc_rules.json").read_bytes())
    tried = {named(row) for row in ADDICTIVE | FOLLOW_UP}
    assert [
        rule["prefix"] for rule in file["list"] if not any(code.startswith(rule["prefix"]) for code in tried)
    ] == []


# --- The rules as data ---


def a_file(**changed: Any) -> bytes:
    texts = {language.value: "why" for language in Language}
    file: dict[str, Any] = {
        "version": "test-1",
        "groups": {"N": ["05"]},
        "list": [{"prefix": "N05B", "kind": "addictive", "reason_key": "calming", "except": ["N05BB"]}],
        "reasons": {"calming": texts},
    }
    return json.dumps(file | changed).encode()


def a_rule(prefix: str, *exceptions: str, reason_key: str = "calming") -> dict[str, Any]:
    return {"prefix": prefix, "kind": "addictive", "reason_key": reason_key, "except": list(exceptions)}


def test_an_exception_allows_what_its_prefix_blocks() -> None:
    rules = AtcRules.parse(a_file())
    assert rules.decide("N05BA01").verdict is Verdict.BLOCKED
    assert rules.decide("N05BB01") == Decision(Verdict.ALLOWED, "test-1")


def test_the_longest_prefix_wins_in_whatever_order_they_are_written() -> None:
    several = [a_rule("N05BB51"), a_rule("N05B", "N05BB")]
    for order in (several, several[::-1]):
        rules = AtcRules.parse(a_file(list=order))
        assert rules.decide("N05BB01").verdict is Verdict.ALLOWED
        assert rules.decide("N05BB51").verdict is Verdict.BLOCKED
        assert rules.decide("N05BB").verdict is Verdict.UNKNOWN_CODE


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"version": ""}, "version"),
        ({"list": [a_rule("N05b")]}, "list.0.prefix"),
        ({"list": [a_rule("N05B") | {"kind": "rare"}]}, "list.0.kind"),
        ({"list": [a_rule("N05B") | {"override": True}]}, "list.0.override"),
        ({"list": [a_rule("N05B", "N06A")]}, "N06A is no part of N05B"),
        ({"list": [a_rule("N05B", "N05B")]}, "N05B is no part of N05B"),
        ({"list": [a_rule("N05B"), a_rule("N05B")]}, "N05B is named twice"),
        ({"list": [a_rule("N05B", "N05BB"), a_rule("N05BB")]}, "N05BB is named twice"),
        ({"list": [a_rule("N06B")]}, "N06B is in no group"),
        ({"list": [a_rule("N05B", reason_key="other")]}, "other is missing"),
        ({"list": []}, "calming is used by no rule"),
        ({"reasons": {"calming": {"nl": "waarom"}}}, "no text in de, en, fr"),
    ],
)
def test_rules_that_contradict_themselves_are_refused_and_say_where(
    changed: dict[str, Any], fault: str
) -> None:
    with pytest.raises(BadRules, match=fault):
        AtcRules.parse(a_file(**changed))


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(BadRules):
        AtcRules.parse(b"{")
