/** Who the consultation is for, where they are, and how to reach them. DOM only. */

import { h } from "../../page/dom.js";
import { errorText, showFieldErrors } from "../errors.js";
import { dateText, t as shared } from "../i18n.js";
import { busy } from "../parts/busy.js";
import { card, facts, notice } from "../parts/layout.js";
import { choiceField, required, selectField, textField, validate } from "../parts/fields.js";
import { symbol } from "../parts/symbols.js";
import { toast } from "../parts/toast.js";
import { isNationalNumber, isNihdi, isPhone, isUnder16 } from "./checks.js";
import { t } from "./i18n.js";

/** @typedef {import("./flow.js").Flow} Flow */
/** @typedef {import("./intake.js").Intake["details"]} Details */
/** @typedef {[import("../parts/fields.js").FormField, (value: any) => string | null]} Check */

/** The national unions of insurance funds; the first figure of the number on the sticker. */
const FUNDS = /** @type {const} */ (["100", "200", "300", "400", "500", "600", "900"]);
const RELATIONS = /** @type {const} */ (["parent", "guardian", "other"]);

/** @param {Flow} flow */
export function aboutView(flow) {
  const { details } = flow.intake;
  const { me } = flow.app;
  /** Keeps what is typed, so that going back and forth loses nothing. @param {keyof Details} name @param {Parameters<typeof textField>[0]} options */
  const text = (name, options) => {
    const field = textField({ ...options, value: details[name], onchange: () => { details[name] = field.value; } });
    return field;
  };
  const whom = choiceField({
    label: t("about.for"), required: true, value: details.for ? [details.for] : [],
    options: [{ value: "me", label: t("about.for.me") }, { value: "other", label: t("about.for.other"), note: t("about.for.other.note") }],
    onchange: () => {
      details.for = whom.value[0] ?? "";
      other.element.hidden = details.for !== "other";
    },
  });
  const other = otherPerson(details, text);
  other.element.hidden = details.for !== "other";
  // Whoever has a national number is insured with one of them; the service asks for it.
  const insured = me?.patient?.has_national_number === true;
  const place = text("location", { label: t("about.location"), hint: t("about.location.hint"), required: true, maxlength: 200, autocomplete: "street-address" });
  const phone = text("callback", { label: t("about.callback"), hint: t("about.callback.hint"), type: "tel", inputmode: "tel", autocomplete: "tel", maxlength: 25 });
  const fund = selectField({
    label: t("about.fund"), hint: t("about.fund.hint"), unmarked: true, required: insured, value: details.fund,
    placeholder: t(insured ? "about.fund.choose" : "about.fund.none"),
    options: FUNDS.map((code) => ({ value: code, label: t(`fund.${code}`) })), onchange: () => { details.fund = fund.value; },
  });
  const gp = text("gp", { label: t("about.gp"), hint: t("about.gp.hint"), maxlength: 80 });
  const nihdi = text("nihdi", { label: t("about.nihdi"), hint: t("about.nihdi.hint"), inputmode: "numeric", maxlength: 16 });
  const next = h("button.primary.large", { type: "submit" }, t("flow.next"));
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const right = validate([
      [whom, (value) => (value.length === 0 ? shared("field.choice") : null)],
      ...(details.for === "other" ? other.checks : []),
      [place, required],
      [phone, (value) => (value === "" || isPhone(value) ? null : shared("field.phone"))],
      ...(insured ? [/** @type {Check} */ ([fund, required])] : []),
      [gp, (value) => (value === "" && details.nihdi ? t("about.gp.needed") : null)],
      [nihdi, (value) => (value === "" || isNihdi(value) ? null : shared("field.nihdi"))],
    ]);
    if (!right) return;
    try {
      await busy(next, () => flow.described());
    } catch (error) {
      toast(errorText(error), "bad");
    }
  };
  const element = h("form.form", { novalidate: true, onsubmit: (/** @type {Event} */ event) => void submit(event) },
    h("div.stack.tight", {}, h("h1", { tabindex: -1 }, t("about.title")), h("p.lead", {}, t("about.lead"))),
    me ? card(me.name, { symbol: "person", aside: h("span.tag.good", {}, symbol("check"), t("about.verified")) },
      facts([[t("about.birthdate"), me.birthdate ? dateText(me.birthdate) : null]])) : null,
    h("section.card.form", {}, whom.element, other.element),
    h("section.card.form", {}, place.element, phone.element),
    h("section.card.form", {}, fund.element, gp.element, nihdi.element),
    h("div.acts-row", {}, h("button.secondary", { type: "button", onclick: () => flow.back() }, t("flow.back")), next));
  const fields = {
    "/location": place, "/callback_number": phone, "/insurance_fund": fund, "/general_practitioner/name": gp,
    "/general_practitioner/nihdi": nihdi, "/consents/report_to_gp/recipient/name": gp, "/consents/report_to_gp/recipient/nihdi": nihdi,
    ...other.fields,
  };
  return { element, title: t("about.title"), mark: (/** @type {unknown} */ error) => void showFieldErrors(error, fields) };
}

/**
 * @param {Details} details
 * @param {(name: keyof Details, options: Parameters<typeof textField>[0]) => ReturnType<typeof textField>} text
 */
function otherPerson(details, text) {
  const given = text("given", { label: t("about.other.given"), required: true, maxlength: 80 });
  const family = text("family", { label: t("about.other.family"), required: true, maxlength: 80 });
  const birthdate = text("birthdate", { label: t("about.birthdate"), required: true, type: "date", max: new Date().toISOString().slice(0, 10) });
  const national = text("national", { label: t("about.other.national"), hint: t("about.other.national.hint"), inputmode: "numeric", maxlength: 15 });
  const relation = selectField({
    label: t("about.other.relation"), required: true, value: details.relationship, placeholder: t("questions.choose"),
    options: RELATIONS.map((value) => ({ value, label: t(`relation.${value}`) })), onchange: () => { details.relationship = relation.value; },
  });
  /** @type {Check[]} */
  const checks = [
    [given, required], [family, required],
    [birthdate, (value) => (value === "" ? shared("field.date") : isUnder16(value) ? null : t("about.other.adult"))],
    [national, (value) => (value === "" || isNationalNumber(value) ? null : shared("field.national-number"))],
    [relation, required],
  ];
  const element = h("div.form.inset", {}, notice("info", null, h("p", {}, t("about.other.note"))),
    h("div.pair", {}, given.element, family.element), h("div.pair", {}, birthdate.element, relation.element), national.element);
  const fields = {
    "/proxy_for/given_name": given, "/proxy_for/family_name": family, "/proxy_for/birthdate": birthdate,
    "/proxy_for/national_number": national, "/proxy_for/relationship": relation,
  };
  return { element, checks, fields };
}
