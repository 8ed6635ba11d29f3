/**
 * Requests to `/v1` as these pages make them: with the session's cookie and CSRF token, repeated when that can do no
 * harm, and refused with a typed error. Knows no endpoint and no text for people.
 */

/** @typedef {import("./types.js").FieldProblem} FieldProblem */

const PATIENCE_MS = 12_000;
const UPLOAD_PATIENCE_MS = 120_000;
/** Before the second, third and fourth attempt. */
const PAUSES_MS = [400, 1_200, 3_000];
const LONGEST_PAUSE_MS = 8_000;
const PASSING = new Set([502, 503, 504]);

/** A problem document (RFC 9457), or no answer at all: then `code` is `unreachable` and `status` 0. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} code  stable; what `errorText` has words for
   * @param {{title?: string, detail?: string, errors?: FieldProblem[], [extra: string]: unknown}} [problem]
   */
  constructor(status, code, problem = {}) {
    super(problem.title ? `${code}: ${problem.title}` : code);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.detail = problem.detail ?? "";
    /** @type {FieldProblem[]} */
    this.errors = Array.isArray(problem.errors) ? problem.errors : [];
    /** The whole document, for members of its own such as `reason`. */
    this.problem = problem;
  }

  /** What is wrong with one field. @param {string} pointer  JSON pointer, or the beginning of one */
  of(pointer) {
    return this.errors.find(({ field }) => field === pointer || field.startsWith(`${pointer}/`));
  }
}

/** @param {unknown} error @returns {string} its code; `unknown` for what we did not raise ourselves */
export function codeOf(error) {
  return error instanceof ApiError ? error.code : "unknown";
}

/**
 * @typedef {object} RequestOptions
 * @property {unknown} [json]
 * @property {Blob} [raw]                 sent as it is, with its type
 * @property {boolean} [text]             the answer is text, not JSON
 * @property {boolean} [blob]
 * @property {AbortSignal} [signal]
 */

export class Http {
  #csrf = "";
  #renew;
  #loggedOut;

  /**
   * @param {() => Promise<string>} renew  asks for the CSRF token anew
   * @param {() => void} loggedOut         the session is over
   */
  constructor(renew, loggedOut) {
    this.#renew = renew;
    this.#loggedOut = loggedOut;
  }

  /** @param {string} token */
  set csrf(token) {
    this.#csrf = token;
  }

  /**
   * Repeated while no answer comes or the service says that it passes: a GET by its nature, anything else under one
   * Idempotency-Key. Rejects with an ApiError; with an AbortError when `signal` says so.
   * @param {"GET" | "POST" | "PUT" | "DELETE"} method
   * @param {string} path  below /v1
   * @param {RequestOptions} [options]
   * @returns {Promise<any>} null for 204
   */
  async request(method, path, options = {}) {
    const key = method === "GET" ? null : crypto.randomUUID();
    let renewed = false;
    for (let attempt = 0; ; attempt++) {
      const answer = await this.#once(method, path, options, key);
      if (answer instanceof Response) return read(answer, options);
      if (answer.code === "csrf" && !renewed) {
        renewed = true;
        this.#csrf = await this.#renew();
        continue;
      }
      if (answer.status === 401) this.#loggedOut();
      const pause = PAUSES_MS[attempt];
      const passing = answer.status === 0 || PASSING.has(answer.status);
      if (!passing || pause === undefined) throw answer;
      await sleep(Math.min(LONGEST_PAUSE_MS, pause + Number(answer.problem.retry_after_ms ?? 0)), options.signal);
    }
  }

  /**
   * @param {string} method @param {string} path @param {RequestOptions} options @param {string | null} key
   * @returns {Promise<Response | ApiError>}
   */
  async #once(method, path, { json, raw, signal }, key) {
    /** @type {Record<string, string>} */
    const headers = { accept: "application/json" };
    if (key) Object.assign(headers, { "idempotency-key": key, "x-csrf-token": this.#csrf });
    if (raw) headers["content-type"] = raw.type || "application/octet-stream";
    else if (json !== undefined) headers["content-type"] = "application/json";
    const patience = AbortSignal.timeout(raw ? UPLOAD_PATIENCE_MS : PATIENCE_MS);
    let response;
    try {
      response = await fetch(`/v1${path}`, {
        method, headers, body: raw ?? (json === undefined ? null : JSON.stringify(json)),
        credentials: "same-origin", cache: "no-store", redirect: "error", signal: signal ? either(signal, patience) : patience,
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      return new ApiError(0, "unreachable");
    }
    return response.ok ? response : refusal(response);
  }
}

/** @param {Response} response @param {RequestOptions} options */
async function read(response, { text, blob }) {
  if (response.status === 204) return null;
  try {
    return text ? await response.text() : blob ? await response.blob() : await response.json();
  } catch {
    throw new ApiError(0, "unreachable"); // cut off midway
  }
}

/** @param {Response} response @returns {Promise<ApiError>} */
async function refusal(response) {
  const problem = await response.json().catch(() => ({}));
  const code = typeof problem.code === "string" ? problem.code : `http-${response.status}`;
  const retry = Number(response.headers.get("retry-after"));
  return new ApiError(response.status, code, retry > 0 ? { ...problem, retry_after_ms: retry * 1000 } : problem);
}

/** AbortSignal.any, which not every browser of the last years has. @param {...AbortSignal} signals */
function either(...signals) {
  const controller = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) controller.abort(signal.reason);
    else signal.addEventListener("abort", () => controller.abort(signal.reason), { once: true, signal: controller.signal });
  }
  return controller.signal;
}

/** @param {number} ms @param {AbortSignal} [signal] */
function sleep(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}
