// The OpenID-certified `oidc-provider`, made to behave like itsme: nested tokens, its scopes, claims and addresses.
//
//   node server.mjs FOLDER    FOLDER has the node_modules; the rest comes as one JSON object on standard input:
//                             clientId, serviceCode, redirectUri, jwksUri (the relying party's), accounts {id: claims}
//
// Prints one line of JSON, {"port": n}, when it listens on loopback.
// At /interaction/ID?person=ACCOUNT a person agrees, at /interaction/ID?refuse=1 one refuses.

import crypto from "node:crypto";
import { createServer } from "node:http";
import { createRequire, register } from "node:module";
import { pathToFileURL } from "node:url";

// What the provider needs of newer versions of Node.js than Debian 12 has (18).
globalThis.crypto ??= crypto.webcrypto;
URL.parse ??= (url, base) => {
  try {
    return new URL(url, base);
  } catch {
    return null;
  }
};

if (crypto.hash === undefined) register("./older_node.mjs", import.meta.url);

const [folder] = process.argv.slice(2);
const resolve = createRequire(`${folder}/package.json`).resolve;
const { Provider, errors } = await import(pathToFileURL(resolve("oidc-provider")).href);

const CLAIM = "http://itsme.services/v2/claim/";
const ACR = [`${CLAIM}acr_basic`, `${CLAIM}acr_advanced`];
const KEY_ALGORITHMS = ["RSA-OAEP", "RSA-OAEP-256"];
const CONTENT_ALGORITHMS = ["A128CBC-HS256", "A256GCM"];

/** @param {string} use @param {string} alg */
function rsaKey(use, alg) {
  const { privateKey } = crypto.generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), kid: `provider-${use}`, use, alg };
}

/** @param {string} prefix */
const nested = (prefix) => ({
  [`${prefix}_signed_response_alg`]: "RS256",
  [`${prefix}_encrypted_response_alg`]: "RSA-OAEP-256",
  [`${prefix}_encrypted_response_enc`]: "A128CBC-HS256",
});

function configuration({ clientId, serviceCode, redirectUri, jwksUri, accounts }) {
  const scopes = ["openid", "profile", "email", "address", "phone", "eid", "idDocument", `service:${serviceCode}`];
  const eid = [`${CLAIM}BENationalNumber`, `${CLAIM}BEeidSn`];
  const loose = [...eid, `${CLAIM}birthdate_as_string`];
  const encryption = (use) => ({
    [`${use}EncryptionAlgValues`]: KEY_ALGORITHMS,
    [`${use}EncryptionEncValues`]: CONTENT_ALGORITHMS,
    [`${use}SigningAlgValues`]: ["RS256"],
  });
  return {
    clients: [{
      client_id: clientId,
      redirect_uris: [redirectUri],
      jwks_uri: jwksUri,
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_signing_alg: "RS256",
      subject_type: "pairwise",
      response_types: ["code"],
      grant_types: ["authorization_code"],
      request_object_signing_alg: "RS256",
      request_object_encryption_alg: "RSA-OAEP-256",
      request_object_encryption_enc: "A128CBC-HS256",
      scope: scopes.filter((each) => !["address", "idDocument"].includes(each)).join(" "),
      ...nested("id_token"),
      ...nested("userinfo"),
    }],
    jwks: { keys: [rsaKey("sig", "RS256"), rsaKey("enc", "RSA-OAEP-256")] },
    clientAuthMethods: ["private_key_jwt", "client_secret_post"],
    scopes,
    claims: {
      openid: ["sub"],
      profile: ["family_name", "given_name", "name", "gender", "locale", "birthdate"],
      email: ["email", "email_verified"],
      phone: ["phone_number", "phone_number_verified"],
      eid,
      ...Object.fromEntries(loose.map((name) => [name, null])),
    },
    acrValues: ACR,
    responseTypes: ["code"],
    subjectTypes: ["pairwise"],
    pairwiseIdentifier: (_ctx, id) => id.padEnd(36, "-"),
    pkce: { required: () => true },
    features: {
      encryption: { enabled: true },
      jwtUserinfo: { enabled: true },
      claimsParameter: { enabled: true },
      requestObjects: { enabled: true },
      devInteractions: { enabled: false },
    },
    enabledJWA: {
      clientAuthSigningAlgValues: ["RS256"],
      ...encryption("idToken"),
      ...encryption("userinfo"),
      ...encryption("requestObject"),
    },
    routes: { authorization: "/authorization", token: "/token", userinfo: "/userinfo", jwks: "/jwkSet" },
    ttl: { AuthorizationCode: 180, IdToken: 300, AccessToken: 300, Interaction: 600, Session: 600, Grant: 600 },
    cookies: { keys: ["only for a test on loopback"] },
    conformIdTokenClaims: false,
    // Without the dispatcher that it is given, which would keep it from all loopback addresses.
    fetch: (url, { dispatcher: _, ...options }) => fetch(url, options),
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_ctx, id) =>
      accounts[id] && { accountId: id, claims: () => ({ sub: id, ...accounts[id] }) },
    assertJwtClientAuthClaimsAndHeader(ctx, claims) {
      if (claims.aud !== `${ctx.oidc.issuer}/token`) {
        throw new errors.InvalidClientAuth("the audience has to be the token endpoint");
      }
    },
  };
}

/** What the person does on the provider's screen. */
async function interact(provider, request, response) {
  const asked = new URL(request.url, "http://loopback").searchParams;
  const person = asked.get("person");
  if (!person) {
    const refused = { error: "access_denied", error_description: "The user refused" };
    await provider.interactionFinished(request, response, refused, { mergeWithLastSubmission: false });
    return;
  }
  const { params } = await provider.interactionDetails(request, response);
  const grant = new provider.Grant({ accountId: person, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const claims = typeof params.claims === "string" ? JSON.parse(params.claims) : params.claims;
  grant.addOIDCClaims(Object.keys(claims?.id_token ?? {}));
  const agreed = { login: { accountId: person, acr: ACR[1] }, consent: { grantId: await grant.save() } };
  await provider.interactionFinished(request, response, agreed, { mergeWithLastSubmission: false });
}

let given = "";
process.stdin.setEncoding("utf8");
for await (const chunk of process.stdin) {
  given += chunk;
  if (given.endsWith("\n")) break;
}
const server = createServer((request, response) => {
  serve(request, response).catch((error) => {
    response.writeHead(500).end(String(error));
  });
});
let provider;
let answer;

async function serve(request, response) {
  if (request.url.startsWith("/interaction/")) {
    await interact(provider, request, response);
    return;
  }
  request.originalUrl = request.url;
  request.url = request.url.slice("/v2".length);
  answer(request, response);
}

server.listen(0, "127.0.0.1", () => {
  const { port } = server.address();
  provider = new Provider(`http://127.0.0.1:${port}/v2`, configuration(JSON.parse(given)));
  answer = provider.callback();
  process.stdout.write(`${JSON.stringify({ port })}\n`);
});
