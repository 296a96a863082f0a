// The doors of a server that has none yet: sessions for people, in front of its API for keys. A server that has them is asked itself; this
// only stands in for the contract (`session`, `sign-in-methods`), and passes everything else on with the person's platform key.

import { randomBytes } from "node:crypto";
import { createServer, request as send } from "node:http";

const API = "/admin/api/v1";

export async function startDoors(target) {
  /** @type {Map<string, { person: any, csrf: string, byLink: boolean }>} */
  const sessions = new Map();
  const people = new Map();
  const codes = new Map();
  const upstream = new URL(target);
  const json = (response, status, body, headers = {}) => {
    response.writeHead(status, { "content-type": status < 400 ? "application/json" : "application/problem+json", "cache-control": "no-store", ...headers });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  };
  const problem = (response, status, code, detail) => json(response, status, { type: `urn:tollgate:problem:${code}`, title: "It did not work", status, detail, code });
  const shown = ({ person, csrf }) => ({ user: { id: person.id, name: person.name }, role: person.role, csrf_token: csrf, expires_at: new Date(Date.now() + 8 * 3_600_000).toISOString(), has_password: person.password !== null });
  const bodyOf = async (request) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    return chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString("utf8"));
  };

  async function signIn(request, response) {
    const said = await bodyOf(request);
    const person = "code" in said ? codes.get(said.code) : [...people.values()].find((one) => one.name === said.name && one.password !== null && one.password === said.password);
    if ("code" in said) codes.delete(said.code);
    if (!person) return problem(response, 401, "wrong_credentials", "The name, the password or the link is wrong.");
    const id = randomBytes(16).toString("hex");
    sessions.set(id, { person, csrf: randomBytes(16).toString("hex"), byLink: "code" in said });
    return json(response, 200, shown(sessions.get(id)), { "set-cookie": `session=${id}; HttpOnly; SameSite=Strict; Path=/` });
  }

  async function ownRoute(request, response, path, id, session) {
    if (path === `${API}/session` && request.method === "GET") return json(response, 200, shown(session));
    if (path === `${API}/session` && request.method === "DELETE") {
      sessions.delete(id);
      return json(response, 204, undefined);
    }
    if (path === `${API}/sessions`) {
      for (const [other, { person }] of sessions) if (person === session.person) sessions.delete(other);
      return json(response, 204, undefined);
    }
    const said = await bodyOf(request);
    if ([...said.password].length < 12) return problem(response, 422, "invalid", "A password has at least 12 characters.");
    if (session.person.password !== null && said.current !== session.person.password && !(said.current === null && session.byLink)) return problem(response, 401, "wrong_credentials", "The current password is wrong.");
    session.person.password = said.password;
    return json(response, 204, undefined);
  }

  async function answer(request, response) {
    const path = request.url.split("?")[0];
    if (path === `${API}/sign-in-methods`) return json(response, 200, { password: true, oidc: null });
    if (path === `${API}/session` && request.method === "POST") return signIn(request, response);
    const id = /(?:^|; )session=([0-9a-f]+)/.exec(request.headers.cookie ?? "")?.[1];
    const session = sessions.get(id);
    const isApi = path.startsWith("/admin/");
    if (isApi && !session) return problem(response, 401, "unauthenticated", "Nobody is signed in.");
    if (isApi && !["GET", "HEAD"].includes(request.method) && request.headers["x-csrf-token"] !== session.csrf) return problem(response, 403, "csrf", "The token of the session is missing.");
    const own = [`${API}/session`, `${API}/sessions`, `${API}/session/password`];
    if (own.includes(path)) return ownRoute(request, response, path, id, session);
    const headers = { ...request.headers, host: upstream.host, ...(session ? { authorization: `Bearer ${session.person.key}` } : {}) };
    delete headers.cookie;
    const passed = send({ host: upstream.hostname, port: upstream.port, path: request.url, method: request.method, headers }, (back) => {
      response.writeHead(back.statusCode, back.headers);
      back.pipe(response);
    });
    passed.on("error", () => response.destroy());
    request.pipe(passed);
    return undefined;
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error) => response.destroy(error));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    /** Lets a person in: `{ id, name, role, key }`. */
    addPerson: (person) => people.set(person.name, { password: null, ...person }),
    link: (name) => {
      const code = randomBytes(16).toString("hex");
      codes.set(code, people.get(name));
      return `${url}/#/sign-in?code=${code}`;
    },
    stop: () => { server.closeAllConnections(); server.close(); },
  };
}
