/** Whether what was typed can be right, before it is sent; the service checks it again. No DOM. */

import { digits } from "./intake.js";

/** @param {string} text */
export function isPhone(text) {
  return /^\+?[0-9][0-9 ./()-]{4,24}$/.test(text) && digits(text).length >= 8 && digits(text).length <= 15;
}

/** A Belgian national number or BIS number: two check digits, modulus 97; a 2 goes before those born since 2000. @param {string} text */
export function isNationalNumber(text) {
  const number = digits(text);
  if (number.length !== 11) return false;
  const [stem, check] = [number.slice(0, 9), Number(number.slice(9))];
  return [stem, `2${stem}`].some((whole) => 97 - (Number(whole) % 97) === check);
}

/** A care provider's number (RIZIV/INAMI): check digits of modulus 97, or of 89 in the second series. @param {string} text */
export function isNihdi(text) {
  const number = digits(text);
  if (number.length !== 11) return false;
  const [stem, check] = [Number(number.slice(0, 6)), Number(number.slice(6, 8))];
  return [97, 89].some((modulus) => modulus - (stem % modulus) === check);
}

/** @param {string} birthdate  YYYY-MM-DD @param {Date} [today] */
export function isUnder16(birthdate, today = new Date()) {
  const [year = 0, month = 1, day = 1] = birthdate.split("-").map(Number);
  return new Date(year + 16, month - 1, day) > today;
}
