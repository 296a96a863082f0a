// Who is shown what. It mirrors the server's table of roles and routes, which alone decides: what is hidden here would be refused there.

import type { Role, Session } from "../api/types";

const ALL: Role[] = ["manager", "billing_manager", "viewer"];
const RIGHTS = {
  overview: ALL,
  users: ALL,
  models: ALL,
  unrated: ALL,
  watch: ["manager", "viewer"],
  money: ["manager", "billing_manager"],
  prices: ["manager", "billing_manager"],
  manage: ["manager"],
} as const satisfies Record<string, readonly Role[]>;

export type Right = keyof typeof RIGHTS;

export function may(session: Session, right: Right): boolean {
  const roles: readonly Role[] = RIGHTS[right];
  return session.role !== null && roles.includes(session.role);
}

/** Keys: a manager makes anybody's, a customer its own. */
export function mayManageKeysOf(session: Session, userId: string): boolean {
  return session.role === "manager" || (session.role === null && session.user.id === userId);
}

export const ROLE_NAMES: Record<Role, string> = { manager: "Manager", billing_manager: "Billing manager", viewer: "Viewer" };
