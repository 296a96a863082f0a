// What the management API answers, by short names. `schema.d.ts` is made from its OpenAPI document by `npm run api`.

import type { components } from "./schema";

type Schemas = components["schemas"];

/** `role` is what the user may do when signed in; it is not there where nobody can sign in. */
export type User = Schemas["User"] & { role?: Role | null };
export type UserWithRole = Schemas["UserWithRole"];
export type DeactivatedUser = Schemas["DeactivatedUser"];
export type MadeWaysIn = Schemas["MadeWaysIn"];
export type ApiKey = Schemas["ApiKey"];
export type NewKeyWithSecret = Schemas["NewKeyWithSecret"];
export type Entry = Schemas["Entry"];
export type Entered = Schemas["Entered"];
export type Endpoint = Schemas["Endpoint"];
export type Model = Schemas["Model"];
export type Tariff = Schemas["Tariff"];
export type Prices = Schemas["Prices"];
export type NewTariff = Schemas["NewTariff"];
export type PriceChange = Schemas["PriceChange"];
export type Unrated = Schemas["Unrated"];
export type UnratedGroups = Schemas["UnratedGroups"];
export type Quarantined = Schemas["Quarantined"];
export type AuditEntry = Schemas["AuditEntry"];
export type Receipt = Schemas["Receipt"];
export type Series = Schemas["Series"];
export type SeriesOfGroup = Schemas["SeriesOfGroup"];
export type Margins = Schemas["Margins"];
export type MarginsOfGroup = Schemas["MarginsOfGroup"];
export type UpstreamCost = Schemas["UpstreamCost"];
export type UpstreamPrices = Schemas["UpstreamPrices"];
export type CostsChange = Schemas["CostsChange"];
export type Limits = Schemas["Limits"];
export type Limited = Schemas["Limited"];
export type LimitSettings = Schemas["LimitSettings"];
export type TariffPreview = Schemas["TariffPreview"];
export type EndpointReport = Schemas["EndpointReport"];
export type Status = Schemas["Status"];
export type GatewayStatus = Schemas["GatewayStatus"];

/** One page of a list. */
export interface Listing<T> {
  data: T[];
  next_cursor?: string | null;
}

/** A list that comes whole. */
export interface Whole<T> {
  data: T[];
}

export type Role = "manager" | "billing_manager" | "viewer";

/** Who is signed in. */
export interface Session {
  user: { id: string; name: string };
  /** `null`: a customer, who sees its own rows. */
  role: Role | null;
  csrf_token: string;
  expires_at: string;
  has_password: boolean;
  begun_by: "password" | "code" | "oidc";
}

export interface SignInMethods {
  password: boolean;
  oidc: { name: string; url: string } | null;
}
