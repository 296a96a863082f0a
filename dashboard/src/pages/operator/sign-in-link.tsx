// A link by which somebody comes in once, for those who have no password yet.

import { useState, type ReactNode } from "react";

import { path, post } from "../../api/client";
import { useAction } from "../../api/use";
import { Button, Code, When } from "../../components/parts";
import { ErrorState } from "../../components/states";

export function SignInLink({ userId }: { userId: string }): ReactNode {
  const [link, setLink] = useState<{ url: string; expires_at: string } | null>(null);
  const make = useAction(async () => { setLink(await post(path`/users/${userId}/sign-in-links`)); });
  return (
    <div className="stack">
      {link
        ? (
          <>
            <Code text={link.url} label="The sign-in link" />
            <p className="muted small">It works once, until <When at={link.expires_at} />. Give it to this user alone.</p>
          </>
        )
        : <div><Button busy={make.isBusy} onClick={make.run}>Make a sign-in link</Button></div>}
      {make.problem && <ErrorState problem={make.problem} />}
    </div>
  );
}
