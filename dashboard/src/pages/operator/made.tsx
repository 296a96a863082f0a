// What somebody whose power was taken away had made for others: whoever made a way in may be the one who uses it.

import { type ReactNode } from "react";

import { path } from "../../api/client";
import { useResource } from "../../api/use";
import type { MadeWaysIn, User } from "../../api/types";
import { href } from "../../router";

/** All ways in but keys, each with what ends it; nothing where there is none. */
export function MadeForOthers({ by, made }: { by: string; made: MadeWaysIn }): ReactNode {
  const { made_identities: identities, made_sign_in_links: links, made_sessions: sessions, made_passwords: passwords } = made;
  if (identities.length + links.length + sessions.length + passwords.length === 0) return null;
  return (
    <div role="status" className="stack">
      <p>{by} made ways in for others, who can do more, and may be the one who uses them. A new sign-in link ends the one before, and a new password all sessions.</p>
      <ul>
        {identities.map(({ id, user_id: user }) => <li key={id}>An identity was linked to <Who id={user} />. If it is not theirs: <code>tollgate user unlink {user} {id}</code></li>)}
        {links.map((user) => <li key={`link ${user}`}>Nobody has used the sign-in link for <Who id={user} />. Make another.</li>)}
        {sessions.map((user) => <li key={`session ${user}`}>Somebody is signed in as <Who id={user} /> by such a link. Give them another, to set a new password.</li>)}
        {passwords.map((user) => <li key={`password ${user}`}>The password of <Who id={user} /> was set after coming in by such a link. Give them another, to set a new one.</li>)}
      </ul>
    </div>
  );
}

function Who({ id }: { id: string }): ReactNode {
  const user = useResource<User>(path`/users/${id}`);
  return <a href={href(["users", id])}>{user.data?.name ?? id}</a>;
}
