// A real OpenID provider (the npm package `oidc-provider`) that is told on stdin what it is to be, a line of JSON each time, and
// answers each line with what it has become. Whoever types an account's name at its sign-in page is that account.
//
// { "client": { client_id, client_secret, redirect_uris }, "key": "RS256" | "ES256", "kid": "one", "accounts": { "ada": { "email": "…", "email_verified": true } },
//   "claims_in_token": false, "id_token_ttl": 300 }

import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";

// It says that it wants another version of Node than the tests do, and that its pages are for development. So are the tests.
console.warn = console.info = () => undefined;
const { default: Provider } = await import("oidc-provider");

let serve = (_request, response) => response.writeHead(503).end();
const server = createServer((request, response) => serve(request, response));
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
// A name and not the address: for a browser that is another site than the server under test.
const issuer = `http://localhost:${server.address().port}`;
console.log(JSON.stringify({ issuer }));

for await (const line of createInterface({ input: process.stdin })) {
  const { client, key = "RS256", kid, accounts = {}, claims_in_token = false, id_token_ttl = 300 } = JSON.parse(line);
  const [type, options] = key === "ES256" ? ["ec", { namedCurve: "P-256" }] : ["rsa", { modulusLength: 2048 }];
  const jwk = generateKeyPairSync(type, options).privateKey.export({ format: "jwk" });
  const provider = new Provider(issuer, {
    clients: [{ grant_types: ["authorization_code"], response_types: ["code"], id_token_signed_response_alg: key, ...client }],
    jwks: { keys: [{ ...jwk, kid, alg: key, use: "sig" }] },
    claims: { email: ["email", "email_verified"] },
    conformIdTokenClaims: !claims_in_token,
    cookies: { keys: ["of the tests"] },
    pkce: { required: () => true },
    ttl: { IdToken: id_token_ttl, AccessToken: 300, AuthorizationCode: 60, Interaction: 300, Session: 300, Grant: 300 },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...accounts[id] }) }),
  });
  serve = provider.callback();
  console.log(JSON.stringify({ issuer, kid }));
}
server.close();
server.closeAllConnections();
