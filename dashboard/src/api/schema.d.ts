// Made by `npm run api` from the OpenAPI document of the management API. Do not edit.

export interface paths {
    "/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The dashboard. Its pages are told apart behind the `#`, so there is one of it. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description The page */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "text/html": unknown;
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/api-keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Keys, in the order of their creation.
         * @description Keys, in the order of their creation.
         *
         *     For: Manager, BillingManager, Viewer, Member.
         */
        get: {
            parameters: {
                query?: {
                    /** @description Of this user. */
                    user_id?: string;
                    /** @description For this purpose. */
                    purpose?: string;
                    /** @description That this user made for others. */
                    created_by?: string;
                    /** @description Those that were revoked, too. */
                    with_revoked?: boolean;
                    /** @description Rows of a page, 50 when nothing is said. */
                    limit?: number;
                    /** @description `next_cursor` of the page before. */
                    cursor?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description A page of keys */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Listing_ApiKey"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        /**
         * Makes a key. Its secret is in this answer and nowhere else.
         * @description Makes a key. Its secret is in this answer and nowhere else.
         *
         *     For: Manager, Member.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["NewKey"];
                };
            };
            responses: {
                /** @description The key with its secret */
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["NewKeyWithSecret"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/api-keys/{key_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One key, without its secret.
         * @description One key, without its secret.
         *
         *     For: Manager, BillingManager, Viewer, Member.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    key_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description The key */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ApiKey"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/api-keys/{key_id}/limits": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Changes the limits on one key. In force at every gateway within a second, for the next request.
         * @description Changes the limits on one key. In force at every gateway within a second, for the next request.
         *
         *     For: Manager, BillingManager.
         */
        patch: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    key_id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["LimitSettings"];
                };
            };
            responses: {
                /** @description The limits as they are now */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Limits"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        trace?: never;
    };
    "/admin/api/v1/api-keys/{key_id}/revoke": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Revokes a key, for good. What it used before is still charged. Doing it twice changes nothing.
         * @description Revokes a key, for good. What it used before is still charged. Doing it twice changes nothing.
         *
         *     For: Manager, Member.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    key_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description The key, revoked */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ApiKey"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/api-keys/{key_id}/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Makes a key like this one and ends this one after an overlap, in which both are live.
         * @description Makes a key like this one and ends this one after an overlap, in which both are live.
         *
         *     For: Manager, Member.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    key_id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["Rotation"];
                };
            };
            responses: {
                /** @description The new key with its secret */
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["NewKeyWithSecret"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/audit-log": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Changes, newest first.
         * @description Changes, newest first.
         *
         *     For: Manager, Viewer.
         */
        get: {
            parameters: {
                query?: {
                    /** @description By this actor. */
                    actor?: string;
                    /** @description This action; one that ends with a dot, such as `key.`, is all that begin so. */
                    action?: string;
                    /** @description To this subject. */
                    subject?: string;
                    /** @description Rows of a page, 50 when nothing is said. */
                    limit?: number;
                    /** @description `next_cursor` of the page before. */
                    cursor?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description A page of changes */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Listing_AuditEntry"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/audit-log/head": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The last entry's number and digest, to be noted elsewhere.
         * @description The last entry's number and digest, to be noted elsewhere.
         *
         *     For: Manager, Viewer.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Where the log ends */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["AuditLogHead"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/docs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Leads to Swagger UI. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Where it is */
                303: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/docs/{file}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A file of Swagger UI, which comes with the program. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    file: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description The file */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "text/html": string;
                        "text/css": string;
                        "text/javascript": string;
                        "image/png": string;
                        "application/json": string;
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/endpoints": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * All endpoints, by name.
         * @description All endpoints, by name.
         *
         *     For: Manager, Viewer.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Every endpoint */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Whole_Endpoint"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        /**
         * Creates an upstream. One that a gateway could not use is refused, and so is a URL that leads to no public address and to none of
         *     `admin.allowed_networks`.
         * @description Creates an upstream. One that a gateway could not use is refused, and so is a URL that leads to no public address and to none of
         *     `admin.allowed_networks`.
         *
         *     For: Manager.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["NewEndpoint"];
                };
            };
            responses: {
                /** @description The endpoint */
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Endpoint"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/endpoints/{endpoint_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One endpoint.
         * @description One endpoint.
         *
         *     For: Manager, Viewer.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    endpoint_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description The endpoint */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Endpoint"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        /**
         * Deletes an endpoint that no live model uses. Its name is free again.
         * @description Deletes an endpoint that no live model uses. Its name is free again.
         *
         *     For: Manager.
         */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    endpoint_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description The endpoint as it was */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Endpoint"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        /**
         * Changes an endpoint; gateways know within a second. A new URL is checked as that of a new endpoint.
         * @description Changes an endpoint; gateways know within a second. A new URL is checked as that of a new endpoint.
         *
         *     For: Manager.
         */
        patch: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    endpoint_id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["Settings"];
                };
            };
            responses: {
                /** @description The endpoint as it is now */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Endpoint"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        trace?: never;
    };
    "/admin/api/v1/endpoints/{endpoint_id}/check": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sends the endpoint one real request that costs nothing, for its list of models, and says what became of it. An endpoint that is not well is an
         *     answer too, and no error.
         * @description Sends the endpoint one real request that costs nothing, for its list of models, and says what became of it. An endpoint that is not well is an
         *     answer too, and no error.
         *
         *     For: Manager.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    endpoint_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description What was found out */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["EndpointReport"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/limits": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Everything that has limits, with how much of its caps is used: keys, then users, then models. Whoever sees its own rows alone sees its own
         *     limits and those of its keys.
         * @description Everything that has limits, with how much of its caps is used: keys, then users, then models. Whoever sees its own rows alone sees its own
         *     limits and those of its keys.
         *
         *     For: Manager, BillingManager, Viewer, Member, KeyOwner.
         */
        get: {
            parameters: {
                query?: {
                    /** @description Of this user and of its keys. */
                    user_id?: string;
                    /** @description Of `key`, `user` or `model` alone. */
                    of?: string;
                    /** @description Of this key, user or model alone. */
                    id?: string;
                    /** @description Rows of a page, 50 when nothing is said. */
                    limit?: number;
                    /** @description `next_cursor` of the page before. */
                    cursor?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description A page of limits */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Listing_Limited"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/margin-series": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Spend, cost and margin over time by user, key or model, in whole hours or days of UTC. For those who run the platform.
         * @description Spend, cost and margin over time by user, key or model, in whole hours or days of UTC. For those who run the platform.
         *
         *     For: Manager, BillingManager, Viewer.
         */
        get: {
            parameters: {
                query: {
                    /** @description From the bucket of this instant on. */
                    since: string;
                    /** @description To the end of the bucket just before this instant; now where it is left out. */
                    until?: string;
                    /** @description `hour` or `day`, of UTC. At most 1000 buckets. */
                    bucket: "hour" | "day";
                    /** @description `nothing` (the default), `user`, `key` or `model`. */
                    group_by?: "nothing" | "user" | "key" | "model";
                    /** @description Only what this user pays for. */
                    user_id?: string;
                    /** @description Only with this key. */
                    api_key_id?: string;
                    /** @description Only for this model, by alias. */
                    model?: string;
                    /** @description How many groups are told apart, 7 when nothing is said: those that were charged most. */
                    top?: number;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description The sums of every bucket */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Margins"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/models": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * All models, by alias.
         * @description All models, by alias.
         *
         *     For: Manager, BillingManager, Viewer.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Every model */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Whole_Model"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        /**
         * Offers a model. It has no price yet: what is asked of it is kept unrated until there is one.
         * @description Offers a model. It has no price yet: what is asked of it is kept unrated until there is one.
         *
         *     For: Manager.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["NewModel"];
                };
            };
            responses: {
                /** @description The model */
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Model"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/models/{model_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One model.
         * @description One model.
         *
         *     For: Manager, BillingManager, Viewer.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    model_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description The model */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Model"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        /**
         * Deletes a model. Its alias is free again, and what was requested before is still charged.
         * @description Deletes a model. Its alias is free again, and what was requested before is still charged.
         *
         *     For: Manager.
         */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    model_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description The model as it was */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Model"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        /**
         * Moves a model to another endpoint, or gives it another name there; gateways know within a second.
         * @description Moves a model to another endpoint, or gives it another name there; gateways know within a second.
         *
         *     For: Manager.
         */
        patch: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    model_id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["ModelChanges"];
                };
            };
            responses: {
                /** @description The model as it is now */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Model"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        trace?: never;
    };
    "/admin/api/v1/models/{model_id}/costs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What a model has cost, costs, and will cost, by time. Models that were deleted keep theirs.
         * @description What a model has cost, costs, and will cost, by time. Models that were deleted keep theirs.
         *
         *     For: Manager, BillingManager, Viewer.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    model_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description The history, by time */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Whole_UpstreamCost"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        /**
         * Makes this the whole history of what a model costs. It may be corrected: charges and balances do not depend on it, and reports of any time are
         *     worked out anew from it. The same list again changes nothing.
         * @description Makes this the whole history of what a model costs. It may be corrected: charges and balances do not depend on it, and reports of any time are
         *     worked out anew from it. The same list again changes nothing.
         *
         *     For: Manager, BillingManager.
         */
        put: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    model_id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["WantedCosts"];
                };
            };
            responses: {
                /** @description What that changed */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["CostsChange"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/models/{model_id}/limits": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Changes the limits on everybody's requests for a model together. It has no caps: a model spends nothing.
         * @description Changes the limits on everybody's requests for a model together. It has no caps: a model spends nothing.
         *
         *     For: Manager.
         */
        patch: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    model_id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["LimitSettings"];
                };
            };
            responses: {
                /** @description The limits as they are now */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Limits"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        trace?: never;
    };
    "/admin/api/v1/models/{model_id}/tariffs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Every price that a model ever had, has, or will have.
         * @description Every price that a model ever had, has, or will have.
         *
         *     For: Manager, BillingManager, Viewer.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    model_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description The history, by purpose, window and opening */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Whole_Tariff"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        /**
         * Makes this the whole list of a model's prices from now on. History is never edited. The same list again changes nothing.
         * @description Makes this the whole list of a model's prices from now on. History is never edited. The same list again changes nothing.
         *
         *     For: Manager, BillingManager.
         */
        put: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    model_id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["WantedList"];
                };
            };
            responses: {
                /** @description What that changed */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["PriceChange"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/models/{model_id}/tariffs/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * What a wanted list of prices of a model would have cost, beside what was charged: from the hourly sums, by keys' purposes.
         * @description What a wanted list of prices of a model would have cost, beside what was charged: from the hourly sums, by keys' purposes.
         *
         *     For: Manager, BillingManager, Viewer.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    model_id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["WantedPreview"];
                };
            };
            responses: {
                /** @description What it would have cost; nothing is changed */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["TariffPreview"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/oidc/callback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Where the OpenID provider sends the browser back to: signs in whoever it vouches for, if that identity is linked to a user.
         * @description Parameters that others send along are not looked at.
         */
        get: {
            parameters: {
                query?: {
                    state?: string;
                    code?: string;
                    error?: string;
                    iss?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description To the dashboard; or to the sign-in page, with what is wrong in `problem` */
                303: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/oidc/sign-in": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Sends the browser to the OpenID provider, to sign in there. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description To the provider; or to the sign-in page, with what is wrong in `problem` */
                303: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This document. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description The OpenAPI document */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": unknown;
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/quarantine": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The newest records in quarantine.
         * @description The newest records in quarantine.
         *
         *     For: Manager, Viewer.
         */
        get: {
            parameters: {
                query?: {
                    /** @description Those that were written off, too. */
                    with_written_off?: boolean;
                    /** @description How many at most, 50 when nothing is said. */
                    limit?: number;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description The newest first */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Whole_Quarantined"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/quarantine/{record_id}/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Enters a record into the books, as if it came now; it leaves quarantine in the same transaction. Refused again, it stays.
         * @description Enters a record into the books, as if it came now; it leaves quarantine in the same transaction. Refused again, it stays.
         *
         *     For: Manager.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    record_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description What came of it */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ReplayOutcome"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/quarantine/{record_id}/write-off": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Gives a record up, in the caller's name. It stays to be seen, and is never entered.
         * @description Gives a record up, in the caller's name. It stays to be seen, and is never entered.
         *
         *     For: Manager.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    record_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description It is given up */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["WrittenOff"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/receipts/{request_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The receipt of a request. It is there as soon as the request is in the books: milliseconds after its end.
         * @description The receipt of a request. It is there as soon as the request is in the books: milliseconds after its end.
         *
         *     For: Manager, BillingManager, Viewer, Member, KeyOwner.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description The response's `x-request-id` */
                    request_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description The receipt */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Receipt"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who is signed in.
         * @description Who is signed in.
         *
         *     For: everybody who is signed in.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Who is signed in */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Session"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        /** Signs in: begins a session, and gives it to the browser in a cookie. A session that the browser had before ends. */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["SignIn"];
                };
            };
            responses: {
                /** @description Who is signed in */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Session"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Name, password or code is wrong */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Another site sent this */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Too many tries; see `Retry-After` */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        /**
         * Signs out: ends this session, for good.
         * @description Signs out: ends this session, for good.
         *
         *     For: everybody who is signed in.
         */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description The session has ended */
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/session/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Sets the password of whoever is signed in, and ends the user's other sessions and sign-in links.
         * @description Sets the password of whoever is signed in, and ends the user's other sessions and sign-in links.
         *
         *     For: everybody who is signed in.
         */
        put: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["NewPassword"];
                };
            };
            responses: {
                /** @description The password is set */
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Signs out everywhere: ends every session of this user.
         * @description Signs out everywhere: ends every session of this user.
         *
         *     For: everybody who is signed in.
         */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description The sessions have ended */
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/sign-in-methods": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How people may come in here. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description The ways in */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["SignInMethods"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How the platform stands, now.
         * @description How the platform stands, now.
         *
         *     For: Manager, BillingManager, Viewer.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Books and gateway */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Status"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/unrated": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What waits for a price, the most requests first.
         * @description What waits for a price, the most requests first.
         *
         *     For: Manager, BillingManager, Viewer.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description By user, model, purpose and window */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["UnratedGroups"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/usage-series": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Usage over time by user, key or model, in whole hours or days of UTC.
         * @description Usage over time by user, key or model, in whole hours or days of UTC.
         *
         *     For: Manager, BillingManager, Viewer, Member, KeyOwner.
         */
        get: {
            parameters: {
                query: {
                    /** @description From the bucket of this instant on. */
                    since: string;
                    /** @description To the end of the bucket just before this instant; now where it is left out. */
                    until?: string;
                    /** @description `hour` or `day`, of UTC. At most 1000 buckets. */
                    bucket: "hour" | "day";
                    /** @description `nothing` (the default), `user`, `key` or `model`. */
                    group_by?: "nothing" | "user" | "key" | "model";
                    /** @description Only what this user pays for. */
                    user_id?: string;
                    /** @description Only with this key. */
                    api_key_id?: string;
                    /** @description Only for this model, by alias. */
                    model?: string;
                    /** @description How many groups are told apart, 7 when nothing is said: those that were charged most. */
                    top?: number;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description The sums of every bucket */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Series"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Users, by name.
         * @description Users, by name.
         *
         *     For: Manager, BillingManager, Viewer.
         */
        get: {
            parameters: {
                query?: {
                    /** @description Whose name holds this, in whatever case. */
                    search?: string;
                    /** @description `individual` or `organization`. */
                    kind?: string;
                    /** @description Those who were deactivated, too. */
                    with_deactivated?: boolean;
                    /** @description Rows of a page, 50 when nothing is said. */
                    limit?: number;
                    /** @description `next_cursor` of the page before. */
                    cursor?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description A page of users */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Listing_User"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        /**
         * Creates a user with a balance of zero.
         * @description Creates a user with a balance of zero.
         *
         *     For: Manager.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["NewUser"];
                };
            };
            responses: {
                /** @description The user */
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["User"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/users/{user_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One user, with the balance, what of it is held, and the limits on it.
         * @description One user, with the balance, what of it is held, and the limits on it.
         *
         *     For: Manager, BillingManager, Viewer, Member, KeyOwner.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    user_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description The user */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["User"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/users/{user_id}/credits": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Gives credits to a user or takes some. Counts once under its `Idempotency-Key`, and once under its source id.
         * @description Gives credits to a user or takes some. Counts once under its `Idempotency-Key`, and once under its source id.
         *
         *     For: Manager, BillingManager.
         */
        post: {
            parameters: {
                query?: never;
                header: {
                    /** @description Of your choice; send the same when you try again */
                    "Idempotency-Key": string;
                };
                path: {
                    user_id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["NewEntry"];
                };
            };
            responses: {
                /** @description This source id had been entered before; nothing changed */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Entered"];
                    };
                };
                /** @description It is entered */
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Entered"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/users/{user_id}/deactivate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Deactivates a user: all keys are revoked, whoever is signed in is out, and nothing can be granted or made for them any more. What is in the books stays.
         *     The answer lists what the user made for others with roles.
         * @description Deactivates a user: all keys are revoked, whoever is signed in is out, and nothing can be granted or made for them any more. What is in the books stays.
         *     The answer lists what the user made for others with roles.
         *
         *     For: Manager.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    user_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description The user, deactivated */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["DeactivatedUser"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/users/{user_id}/identities": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who a user is at OpenID providers.
         * @description Who a user is at OpenID providers.
         *
         *     For: Manager.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    user_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description All of them */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Whole_Identity"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        /**
         * Links an identity to a user, who comes in by it from now on.
         * @description Links an identity to a user, who comes in by it from now on.
         *
         *     For: Manager.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    user_id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["NewIdentity"];
                };
            };
            responses: {
                /** @description The identity */
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Identity"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/users/{user_id}/identities/{identity_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Takes an identity away from a user, and ends the sessions that began through a provider. Nobody comes in by it any more.
         * @description Takes an identity away from a user, and ends the sessions that began through a provider. Nobody comes in by it any more.
         *
         *     For: Manager.
         */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    user_id: string;
                    identity_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description It is gone */
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/users/{user_id}/ledger": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A user's ledger, newest first, each entry with the balance after it. It reads all of the user's entries: narrow it where there are
         *     very many. All pages are of the moment of the first one: what is entered meanwhile is in the next list that begins.
         * @description A user's ledger, newest first, each entry with the balance after it. It reads all of the user's entries: narrow it where there are
         *     very many. All pages are of the moment of the first one: what is entered meanwhile is in the next list that begins.
         *
         *     For: Manager, BillingManager, Viewer, Member, KeyOwner.
         */
        get: {
            parameters: {
                query?: {
                    /** @description `usage`, or the type of a change. */
                    type?: string;
                    /** @description Made with this key. */
                    api_key_id?: string;
                    /** @description For this model, by alias. */
                    model?: string;
                    /** @description Of this batch. */
                    batch_id?: string;
                    /** @description Whose description or source id holds this, in whatever case. */
                    search?: string;
                    /** @description From this instant on. */
                    since?: string;
                    /** @description Until just before this instant. */
                    until?: string;
                    /** @description Draw the usage of each batch together in one line. */
                    in_lines?: boolean;
                    /** @description Only what stands in this line, one by one: not together with `in_lines`. */
                    line?: string;
                    /** @description Rows of a page, 50 when nothing is said. */
                    limit?: number;
                    /** @description `next_cursor` of the page before. */
                    cursor?: string;
                };
                header?: never;
                path: {
                    user_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description A page of entries */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Listing_Entry"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/users/{user_id}/limits": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Changes the limits on all keys of a user together. In force at every gateway within a second, for the next request.
         * @description Changes the limits on all keys of a user together. In force at every gateway within a second, for the next request.
         *
         *     For: Manager, BillingManager.
         */
        patch: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    user_id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["LimitSettings"];
                };
            };
            responses: {
                /** @description The limits as they are now */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Limits"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        trace?: never;
    };
    "/admin/api/v1/users/{user_id}/low-balance": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Sets at which balance of a user webhooks are told that it is low.
         * @description Sets at which balance of a user webhooks are told that it is low.
         *
         *     For: Manager, BillingManager.
         */
        put: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    user_id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["LowBalance"];
                };
            };
            responses: {
                /** @description As it is now */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["LowBalance"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/users/{user_id}/role": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Gives a user a role for when they are signed in, or takes it away, from the next request on. Of a user who had one, the own keys with a role that the
         *     new one does not include are revoked with it: a manager is everything, any other role includes itself alone.
         * @description Gives a user a role for when they are signed in, or takes it away, from the next request on. Of a user who had one, the own keys with a role that the
         *     new one does not include are revoked with it: a manager is everything, any other role includes itself alone.
         *
         *     For: Manager.
         */
        put: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    user_id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["WantedRole"];
                };
            };
            responses: {
                /** @description The user as it is now, and what became of keys */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["UserWithRole"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/users/{user_id}/sign-in-links": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Makes a link by which a user comes in once, within 15 minutes. It ends the links that the user had before.
         * @description Makes a link by which a user comes in once, within 15 minutes. It ends the links that the user had before.
         *
         *     For: Manager.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    user_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description The link */
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["SignInLink"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/users/{user_id}/usage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A user's usage in whole hours: hours in order of time, other groups by amount, the largest first.
         * @description A user's usage in whole hours: hours in order of time, other groups by amount, the largest first.
         *
         *     For: Manager, BillingManager, Viewer, Member, KeyOwner.
         */
        get: {
            parameters: {
                query?: {
                    /** @description From the hour of this instant on. */
                    since?: string;
                    /** @description Until just before the hour of this instant. */
                    until?: string;
                    /** @description `model` (the default), `key` or `hour`. */
                    group_by?: "model" | "key" | "hour";
                };
                header?: never;
                path: {
                    user_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description The sums */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Whole_Usage"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/webhook-deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Messages that webhooks are owed, and what became of those of the last 30 days; newest first.
         * @description Messages that webhooks are owed, and what became of those of the last 30 days; newest first.
         *
         *     For: Manager, Viewer.
         */
        get: {
            parameters: {
                query?: {
                    /** @description Those alone that are not delivered. */
                    undelivered?: boolean;
                    /** @description To this webhook alone. */
                    webhook_id?: string;
                    /** @description Rows of a page, 50 when nothing is said. */
                    limit?: number;
                    /** @description `next_cursor` of the page before. */
                    cursor?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description A page of messages */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Listing_Delivery"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/webhooks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * All webhooks, oldest first.
         * @description All webhooks, oldest first.
         *
         *     For: Manager, Viewer.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Every webhook */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Whole_Webhook"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        /**
         * Makes a webhook, which hears of what happens to balances from now on: `balance.low`, `balance.depleted`, `balance.refilled`. A URL that leads to no
         *     public address and to none of `admin.allowed_networks` is refused.
         * @description Makes a webhook, which hears of what happens to balances from now on: `balance.low`, `balance.depleted`, `balance.refilled`. A URL that leads to no
         *     public address and to none of `admin.allowed_networks` is refused.
         *
         *     For: Manager.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["NewWebhook"];
                };
            };
            responses: {
                /** @description The webhook, with its secret */
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["WebhookWithSecret"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/webhooks/{webhook_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Removes a webhook. What it has not got yet is given up.
         * @description Removes a webhook. What it has not got yet is given up.
         *
         *     For: Manager.
         */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    webhook_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description The webhook as it was */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Webhook"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/api/v1/webhooks/{webhook_id}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sends a webhook a signed message that says nothing (`webhook.test`), now and once, and says what became of it. One that does not take it is an answer too, and
         *     no error.
         * @description Sends a webhook a signed message that says nothing (`webhook.test`), now and once, and says what became of it. One that does not take it is an answer too, and
         *     no error.
         *
         *     For: Manager.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    webhook_id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description What became of it */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["WebhookTest"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It conflicts with what is there */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is too large */
                413: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The body is no JSON */
                415: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/credits": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The credits of the key's user.
         * @description The credits of the key's user.
         *
         *     For: Manager, BillingManager, Viewer, Member, KeyOwner.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description Given and used */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Data_CreditTotals"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/generation": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What one request used and cost.
         * @description What one request used and cost.
         *
         *     For: Manager, BillingManager, Viewer, Member, KeyOwner.
         */
        get: {
            parameters: {
                query: {
                    /** @description The response's `x-request-id`. */
                    id: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description The request */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Data_Generation"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/key": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What the key that asks is, and what it has used.
         * @description What the key that asks is, and what it has used.
         *
         *     For: Manager, BillingManager, Viewer, Member, KeyOwner.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description The key */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Data_KeyInfo"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/assets/{file}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A file of the dashboard. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    file: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description The file */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/octet-stream": unknown;
                    };
                };
                /** @description The client has it */
                304: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/favicon.svg": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The sign of the dashboard in a browser's tab. */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description A picture */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "image/svg+xml": unknown;
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/organization/costs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What was charged, by days of UTC.
         * @description What was charged, by days of UTC.
         *
         *     For: Manager, BillingManager, Viewer, Member, KeyOwner.
         */
        get: {
            parameters: {
                query: {
                    /** @description Unix seconds, inclusive; taken back to the beginning of its day */
                    start_time: number;
                    /** @description Unix seconds, exclusive; now where it is left out */
                    end_time?: number;
                    /** @description `1d`, as there */
                    bucket_width?: string;
                    /** @description Of these users */
                    user_ids?: string[];
                    /** @description With these keys */
                    api_key_ids?: string[];
                    /** @description For these models */
                    line_items?: string[];
                    /** @description `project_id`, `user_id`, `line_item` (the model), `api_key_id`, `api_source` */
                    group_by?: string[];
                    /** @description Most buckets of a page, which ends sooner, after a whole bucket, where it would have more than 5,000 results; one bucket alone has at most 10,000 */
                    limit?: number;
                    /** @description `next_page` of the page before */
                    page?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description A page of buckets */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["BucketPage_CostsResult"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/organization/usage/completions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Usage of every model that answers anything but embeddings.
         * @description Usage of every model that answers anything but embeddings.
         *
         *     For: Manager, BillingManager, Viewer, Member, KeyOwner.
         */
        get: {
            parameters: {
                query: {
                    /** @description Unix seconds, inclusive; taken back to the beginning of its bucket */
                    start_time: number;
                    /** @description Unix seconds, exclusive; now where it is left out */
                    end_time?: number;
                    /** @description `1m`, `1h` or `1d` (the default) */
                    bucket_width?: string;
                    /** @description Of these users */
                    user_ids?: string[];
                    /** @description With these keys */
                    api_key_ids?: string[];
                    /** @description For these models */
                    models?: string[];
                    /** @description With keys for batches, or with others */
                    batch?: boolean;
                    /** @description `project_id`, `user_id`, `api_key_id`, `model`, `batch`, `service_tier`, `api_source` */
                    group_by?: string[];
                    /** @description Most buckets of a page, which ends sooner, after a whole bucket, where it would have more than 5,000 results; one bucket alone has at most 10,000 */
                    limit?: number;
                    /** @description `next_page` of the page before */
                    page?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description A page of buckets */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["BucketPage_CompletionsResult"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/organization/usage/embeddings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Usage of every model that answers embeddings and nothing else.
         * @description Usage of every model that answers embeddings and nothing else.
         *
         *     For: Manager, BillingManager, Viewer, Member, KeyOwner.
         */
        get: {
            parameters: {
                query: {
                    /** @description Unix seconds, inclusive; taken back to the beginning of its bucket */
                    start_time: number;
                    /** @description Unix seconds, exclusive; now where it is left out */
                    end_time?: number;
                    /** @description `1m`, `1h` or `1d` (the default) */
                    bucket_width?: string;
                    /** @description Of these users */
                    user_ids?: string[];
                    /** @description With these keys */
                    api_key_ids?: string[];
                    /** @description For these models */
                    models?: string[];
                    /** @description `project_id`, `user_id`, `api_key_id`, `model` */
                    group_by?: string[];
                    /** @description Most buckets of a page, which ends sooner, after a whole bucket, where it would have more than 5,000 results; one bucket alone has at most 10,000 */
                    limit?: number;
                    /** @description `next_page` of the page before */
                    page?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description A page of buckets */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["BucketPage_EmbeddingsResult"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/organization/usage/{kind}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Usage of kinds that Tollgate does not tell apart: the buckets of the time, all empty. What is passed through for them counts as `usage/completions`.
         * @description Usage of kinds that Tollgate does not tell apart: the buckets of the time, all empty. What is passed through for them counts as `usage/completions`.
         *
         *     For: Manager, BillingManager, Viewer, Member, KeyOwner.
         */
        get: {
            parameters: {
                query: {
                    /** @description Unix seconds, inclusive; taken back to the beginning of its bucket */
                    start_time: number;
                    /** @description Unix seconds, exclusive; now where it is left out */
                    end_time?: number;
                    /** @description `1m`, `1h` or `1d` (the default) */
                    bucket_width?: string;
                    /** @description Of these users */
                    user_ids?: string[];
                    /** @description With these keys */
                    api_key_ids?: string[];
                    /** @description For these models */
                    models?: string[];
                    /** @description What OpenAI takes for the kind */
                    group_by?: string[];
                    /** @description Buckets of a page */
                    limit?: number;
                    /** @description `next_page` of the page before */
                    page?: string;
                };
                header?: never;
                path: {
                    kind: "audio_speeches" | "audio_transcriptions" | "code_interpreter_sessions" | "file_search_calls" | "images" | "moderations" | "vector_stores" | "web_search_calls";
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description A page of empty buckets */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["BucketPage_NoResult"];
                    };
                };
                /** @description The request cannot be read */
                400: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No live key or session was sent */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The caller's role does not allow it, or the request by cookie lacks its token */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such thing, or it is not the caller's */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The request makes no sense */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Other reports are being read */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The server could not do this */
                500: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The database does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description An amount as OpenAI writes it. */
        Amount: {
            /** @description Always `credits`. */
            currency: string;
            /**
             * Format: double
             * @description With all its digits.
             */
            value: number;
        };
        /** @description A key, without its secret. */
        ApiKey: {
            /** Format: date-time */
            created_at: string;
            /**
             * Format: uuid
             * @description Who made it, where that is someone else than its owner.
             */
            created_by?: string | null;
            /** Format: uuid */
            id: string;
            name: string;
            /** @description The first characters of the secret, by which people tell keys apart. */
            prefix: string;
            /**
             * @description `realtime`, `batch`, `playground` or `platform`.
             * @example realtime
             */
            purpose: string;
            /**
             * Format: date-time
             * @description When it ends because another key has taken its place.
             */
            revoke_at?: string | null;
            /**
             * Format: date-time
             * @description Since when it admits nothing.
             */
            revoked_at?: string | null;
            /** @description What a platform key may do on the whole platform: `manager`, `billing_manager`, `viewer`. `null`: what is its own user's. */
            role?: string | null;
            /** @description Whether the batch metadata headers of its requests count. */
            trusted: boolean;
            /**
             * Format: uuid
             * @description Who pays.
             */
            user_id: string;
            user_name: string;
        };
        /** @description One change of configuration, or of money by hand. */
        AuditEntry: {
            /** @description What was done, such as `key.revoke`. */
            action: string;
            /** @description `key:` and the id of the key that was used, or `cli`. */
            actor: string;
            /** @description How it is now; never a secret. */
            after?: unknown;
            /** Format: date-time */
            at: string;
            /** @description How it was; never a secret. */
            before?: unknown;
            /** @description SHA-256 of the digest before it and of what it says. */
            digest?: string | null;
            /** Format: uuid */
            id: string;
            /**
             * Format: int64
             * @description Its number in the chain of all entries; `null` of one that was taken out of it, which `tollgate audit` reports.
             */
            no?: number | null;
            /** @description To what: a name or an id. */
            subject: string;
        };
        /** @description Where the audit log ends. */
        AuditLogHead: {
            /** @description Its digest. */
            digest: string;
            /**
             * @description Both, as `tollgate audit --noted-head` takes them. Noted where nobody who runs the database can change it, it shows later that what
             *     was the log now is still its beginning.
             */
            head: string;
            /**
             * Format: int64
             * @description The number of the last entry, 0 of a log without any.
             */
            no: number;
        };
        /** @description What the running audit of what is new in the books has found since the server began. `tollgate audit` proves the whole of them. */
        AuditStatus: {
            /**
             * Format: int64
             * @description Records that were checked one by one.
             */
            checked_records: number;
            /**
             * Format: int64
             * @description What was found wrong; the server's log says where. It does not go away by itself.
             */
            differences: number;
            /**
             * Format: date-time
             * @description When everything that was new was right, last; `null`: not yet.
             */
            last_right_at?: string | null;
        };
        /**
         * @description Usage of a batch in one line: the charges of one batch, with one key, for one model; of requests by keys for batches that name no batch, those
         *     of one hour of UTC. It stands at its last entry, whose `id`, `created_at` and `balance_after` it has; its `amount` is the sum.
         */
        BatchLine: {
            /**
             * Format: int64
             * @description How many.
             */
            entries: number;
            /**
             * Format: date-time
             * @description When the first of them was made.
             */
            first_at: string;
            /** @description Send it as `line`, with the same filters, for the entries one by one. */
            id: string;
        };
        /** @description How the books stand. A number above 10000 stands for any larger one. */
        BooksStatus: {
            /** Format: int64 */
            endpoints: number;
            /** Format: int64 */
            models: number;
            /**
             * Format: int64
             * @description Models without any price in force.
             */
            models_without_price: number;
            /**
             * Format: int64
             * @description Records that wait to be replayed or written off.
             */
            quarantined_records: number;
            /**
             * Format: int64
             * @description Requests that wait for a price.
             */
            unrated_requests: number;
            /**
             * Format: int64
             * @description Users who are not deactivated.
             */
            users: number;
            /**
             * Format: int64
             * @description Of these, the ones who were given credits and have none left.
             */
            users_out_of_credits: number;
        };
        /** @description One page of buckets. */
        BucketPage_CompletionsResult: {
            data: components["schemas"]["Bucket_CompletionsResult"][];
            has_more: boolean;
            /** @description Send it as `page`, with the same parameters. */
            next_page?: string | null;
            /** @description Always `page`. */
            object: string;
        };
        /** @description One page of buckets. */
        BucketPage_CostsResult: {
            data: components["schemas"]["Bucket_CostsResult"][];
            has_more: boolean;
            /** @description Send it as `page`, with the same parameters. */
            next_page?: string | null;
            /** @description Always `page`. */
            object: string;
        };
        /** @description One page of buckets. */
        BucketPage_EmbeddingsResult: {
            data: components["schemas"]["Bucket_EmbeddingsResult"][];
            has_more: boolean;
            /** @description Send it as `page`, with the same parameters. */
            next_page?: string | null;
            /** @description Always `page`. */
            object: string;
        };
        /** @description One page of buckets. */
        BucketPage_NoResult: {
            data: components["schemas"]["Bucket_NoResult"][];
            has_more: boolean;
            /** @description Send it as `page`, with the same parameters. */
            next_page?: string | null;
            /** @description Always `page`. */
            object: string;
        };
        /** @description The sums of one stretch of time. */
        Bucket_CompletionsResult: {
            /**
             * Format: int64
             * @description In Unix seconds; the first that belongs to the next bucket.
             */
            end_time: number;
            /** @description Always `bucket`. */
            object: string;
            /** @description One for each group that has requests; none where there were none. */
            results: {
                /** Format: uuid */
                api_key_id?: string | null;
                /** @description Whether the key is for batches. */
                batch?: boolean | null;
                /**
                 * Format: int64
                 * @description Always `null`: no sums of it are kept.
                 */
                input_audio_tokens?: number | null;
                /**
                 * Format: int64
                 * @description Of these, written to a cache.
                 */
                input_cache_write_tokens: number;
                /**
                 * Format: int64
                 * @description Of these, read from a cache.
                 */
                input_cached_tokens: number;
                /**
                 * Format: int64
                 * @description Every token in, those from a cache included.
                 */
                input_tokens: number;
                /**
                 * Format: int64
                 * @description Of these, the others.
                 */
                input_uncached_tokens: number;
                model?: string | null;
                /** Format: int64 */
                num_model_requests: number;
                /** @description Always `organization.usage.completions.result`. */
                object: string;
                /**
                 * Format: int64
                 * @description Always `null`: no sums of it are kept.
                 */
                output_audio_tokens?: number | null;
                /**
                 * Format: int64
                 * @description Every token out.
                 */
                output_tokens: number;
                /** @description Always `null`: there are no projects. */
                project_id?: string | null;
                /** @description Always `null`: there are no tiers. */
                service_tier?: string | null;
                /** Format: uuid */
                user_id?: string | null;
            }[];
            /**
             * Format: int64
             * @description In Unix seconds.
             */
            start_time: number;
        };
        /** @description The sums of one stretch of time. */
        Bucket_CostsResult: {
            /**
             * Format: int64
             * @description In Unix seconds; the first that belongs to the next bucket.
             */
            end_time: number;
            /** @description Always `bucket`. */
            object: string;
            /** @description One for each group that has requests; none where there were none. */
            results: {
                amount: components["schemas"]["Amount"];
                /** Format: uuid */
                api_key_id?: string | null;
                /** @description The model, where it is told apart. */
                line_item?: string | null;
                /** @description Always `organization.costs.result`. */
                object: string;
                /** @description Always `null`: there are no projects. */
                project_id?: string | null;
                /**
                 * Format: double
                 * @description Always `null`: an amount is of tokens of several kinds.
                 */
                quantity?: number | null;
                /** Format: uuid */
                user_id?: string | null;
            }[];
            /**
             * Format: int64
             * @description In Unix seconds.
             */
            start_time: number;
        };
        /** @description The sums of one stretch of time. */
        Bucket_EmbeddingsResult: {
            /**
             * Format: int64
             * @description In Unix seconds; the first that belongs to the next bucket.
             */
            end_time: number;
            /** @description Always `bucket`. */
            object: string;
            /** @description One for each group that has requests; none where there were none. */
            results: {
                /** Format: uuid */
                api_key_id?: string | null;
                /** Format: int64 */
                input_tokens: number;
                model?: string | null;
                /** Format: int64 */
                num_model_requests: number;
                /** @description Always `organization.usage.embeddings.result`. */
                object: string;
                /** @description Always `null`: there are no projects. */
                project_id?: string | null;
                /** Format: uuid */
                user_id?: string | null;
            }[];
            /**
             * Format: int64
             * @description In Unix seconds.
             */
            start_time: number;
        };
        /** @description The sums of one stretch of time. */
        Bucket_NoResult: {
            /**
             * Format: int64
             * @description In Unix seconds; the first that belongs to the next bucket.
             */
            end_time: number;
            /** @description Always `bucket`. */
            object: string;
            /** @description One for each group that has requests; none where there were none. */
            results: Record<string, never>[];
            /**
             * Format: int64
             * @description In Unix seconds.
             */
            start_time: number;
        };
        /** @description Sums of one group in one bucket. What the sums are not told apart by is `null`. */
        CompletionsResult: {
            /** Format: uuid */
            api_key_id?: string | null;
            /** @description Whether the key is for batches. */
            batch?: boolean | null;
            /**
             * Format: int64
             * @description Always `null`: no sums of it are kept.
             */
            input_audio_tokens?: number | null;
            /**
             * Format: int64
             * @description Of these, written to a cache.
             */
            input_cache_write_tokens: number;
            /**
             * Format: int64
             * @description Of these, read from a cache.
             */
            input_cached_tokens: number;
            /**
             * Format: int64
             * @description Every token in, those from a cache included.
             */
            input_tokens: number;
            /**
             * Format: int64
             * @description Of these, the others.
             */
            input_uncached_tokens: number;
            model?: string | null;
            /** Format: int64 */
            num_model_requests: number;
            /** @description Always `organization.usage.completions.result`. */
            object: string;
            /**
             * Format: int64
             * @description Always `null`: no sums of it are kept.
             */
            output_audio_tokens?: number | null;
            /**
             * Format: int64
             * @description Every token out.
             */
            output_tokens: number;
            /** @description Always `null`: there are no projects. */
            project_id?: string | null;
            /** @description Always `null`: there are no tiers. */
            service_tier?: string | null;
            /** Format: uuid */
            user_id?: string | null;
        };
        /** @description What a change of costs did. */
        CostsChange: {
            /** @description All there are now, by time. */
            data: components["schemas"]["UpstreamCost"][];
            /** @description As they were: prices that are other now, or gone. */
            replaced: components["schemas"]["UpstreamCost"][];
            /** @description Prices that are new, or other than they were. */
            set: components["schemas"]["UpstreamCost"][];
        };
        /** @description What one group was charged in one bucket. */
        CostsResult: {
            amount: components["schemas"]["Amount"];
            /** Format: uuid */
            api_key_id?: string | null;
            /** @description The model, where it is told apart. */
            line_item?: string | null;
            /** @description Always `organization.costs.result`. */
            object: string;
            /** @description Always `null`: there are no projects. */
            project_id?: string | null;
            /**
             * Format: double
             * @description Always `null`: an amount is of tokens of several kinds.
             */
            quantity?: number | null;
            /** Format: uuid */
            user_id?: string | null;
        };
        /** @description What a user was given in all, and what of it is gone. */
        CreditTotals: {
            /**
             * Format: double
             * @description Everything that was given, less everything that was taken by hand.
             */
            total_credits: number;
            /**
             * Format: double
             * @description Everything that requests cost.
             */
            total_usage: number;
        };
        /** @description Everything is in `data` there. */
        Data_CreditTotals: {
            /** @description What a user was given in all, and what of it is gone. */
            data: {
                /**
                 * Format: double
                 * @description Everything that was given, less everything that was taken by hand.
                 */
                total_credits: number;
                /**
                 * Format: double
                 * @description Everything that requests cost.
                 */
                total_usage: number;
            };
        };
        /** @description Everything is in `data` there. */
        Data_Generation: {
            /** @description One request. */
            data: {
                cancelled: boolean;
                /** Format: date-time */
                created_at: string;
                finish_reason?: string | null;
                /**
                 * Format: int32
                 * @description From the first byte of content to the last, in milliseconds.
                 */
                generation_time?: number | null;
                id: string;
                is_byok: boolean;
                /**
                 * Format: int32
                 * @description Until the first byte of content, in milliseconds.
                 */
                latency?: number | null;
                model?: string | null;
                native_finish_reason?: string | null;
                /** Format: int32 */
                native_tokens_cached: number;
                /** Format: int32 */
                native_tokens_completion?: number | null;
                /** Format: int32 */
                native_tokens_prompt?: number | null;
                /** Format: int32 */
                native_tokens_reasoning: number;
                /** @description The client's own description of itself. */
                origin: string;
                provider_name?: string | null;
                streamed: boolean;
                /** Format: int32 */
                tokens_completion?: number | null;
                /** Format: int32 */
                tokens_prompt?: number | null;
                /**
                 * Format: double
                 * @description In credits.
                 */
                total_cost: number;
                /**
                 * Format: double
                 * @description The same.
                 */
                usage: number;
            };
        };
        /** @description Everything is in `data` there. */
        Data_KeyInfo: {
            /** @description The key that asks. */
            data: {
                is_free_tier: boolean;
                /** @description Whether it is a platform key. */
                is_provisioning_key: boolean;
                /** @description Its name, or the first characters of its secret. */
                label: string;
                /**
                 * Format: double
                 * @description Always `null`: no key has a limit over all time. What it may spend in a day, a week or a month is in the management API.
                 */
                limit?: number | null;
                /**
                 * Format: double
                 * @description Always `null`, as `limit`.
                 */
                limit_remaining?: number | null;
                /**
                 * Format: double
                 * @description What it cost since it was made.
                 */
                usage: number;
                /**
                 * Format: double
                 * @description Of it, today (UTC).
                 */
                usage_daily: number;
                /**
                 * Format: double
                 * @description Of it, this month.
                 */
                usage_monthly: number;
                /**
                 * Format: double
                 * @description Of it, since Monday.
                 */
                usage_weekly: number;
            };
        };
        /** @description A user who was deactivated. */
        DeactivatedUser: components["schemas"]["User"] & components["schemas"]["MadeWaysIn"];
        /** @description A message that a webhook is owed, or was. */
        Delivery: {
            /**
             * Format: int32
             * @description How often it was tried.
             */
            attempts: number;
            /**
             * @description The balance since, in credits.
             * @example 4.99
             */
            balance: string;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            ended_at?: string | null;
            /** @description What was wrong with the last attempt. */
            last_error?: string | null;
            /**
             * Format: int32
             * @description The status of the last answer.
             */
            last_status?: number | null;
            /** @description As the receiver sees it. */
            message_id: string;
            /**
             * Format: date-time
             * @description When it is tried next, where it waits.
             */
            next_attempt_at?: string | null;
            /**
             * @description `waiting`, `delivered` or `given_up`.
             * @example delivered
             */
            state: string;
            /**
             * @description `balance.low`, `balance.depleted` or `balance.refilled`.
             * @example balance.low
             */
            type: string;
            url: string;
            /** @description Whose balance, by name. */
            user: string;
            /** Format: uuid */
            webhook_id: string;
        };
        /** @description Sums of one group in one bucket. What the sums are not told apart by is `null`. */
        EmbeddingsResult: {
            /** Format: uuid */
            api_key_id?: string | null;
            /** Format: int64 */
            input_tokens: number;
            model?: string | null;
            /** Format: int64 */
            num_model_requests: number;
            /** @description Always `organization.usage.embeddings.result`. */
            object: string;
            /** @description Always `null`: there are no projects. */
            project_id?: string | null;
            /** Format: uuid */
            user_id?: string | null;
        };
        /** @description An upstream. */
        Endpoint: {
            /**
             * @description How it wants its credential: `bearer`, `x-api-key`, `api-key`, `x-goog-api-key`, or `none`, where it has none.
             * @example bearer
             */
            auth_style: string;
            /** @description Without a slash at the end. */
            base_url: string;
            /** Format: uuid */
            id: string;
            /** @description Usage is asked for in streams where the client did not. */
            inject_usage: boolean;
            /** @description Unique among live endpoints. */
            name: string;
            /**
             * @description What happens upstream when a client goes away: `drain` or `cancel`.
             * @example drain
             */
            on_disconnect: string;
            /**
             * @description What a success without usage becomes: `estimate` or `unrated`.
             * @example estimate
             */
            on_missing_usage: string;
            /** @description Further paths that are passed through and recorded. */
            pass_through_paths: string[];
            /** @description Route of a surface → path template of this upstream. */
            path_templates: {
                [key: string]: string;
            };
            /** @description Whose it is, such as `openai`. */
            provider_name?: string | null;
            /**
             * @description Gateways reach it by addresses of the public internet and of `admin.allowed_networks` alone. So it is with every URL that was set here; one
             *     that the server's command line set may lead anywhere.
             */
            public_only: boolean;
        };
        /** @description What was found out about an endpoint. */
        EndpointReport: {
            /** @description What was asked, such as `GET /v1/models`: nothing that costs. */
            asked?: string | null;
            /** @description For people: what it means, and what to do. */
            detail: string;
            /** @description Whether it took the credential, or needs none; `null` where that is not known. */
            is_credential_accepted?: boolean | null;
            /** @description Whether it answered at all. */
            is_reached: boolean;
            /**
             * Format: int64
             * @description Until the head of the answer, or until it was clear that none comes, in milliseconds; with name resolution and TLS where there was no
             *     connection.
             */
            latency_ms: number;
            /**
             * Format: int64
             * @description How many models its list has.
             */
            models?: number | null;
            /** @description The first words of a refusal, as the endpoint wrote them. */
            said?: string | null;
            /** @description In one word, for programs. */
            state: components["schemas"]["EndpointState"];
            /**
             * Format: int32
             * @description The answer's status; `null` where there was no answer.
             */
            status?: number | null;
        };
        /**
         * @description What became of a check.
         * @enum {string}
         */
        EndpointState: "well" | "credential_refused" | "no_list" | "failing" | "address_refused" | "unknown_name" | "unreachable" | "tls_failed" | "timed_out" | "unusable";
        /** @description A change that was entered. */
        Entered: {
            /**
             * @description In credits, more than zero.
             * @example 10
             */
            amount: string;
            /**
             * @description What is left now, in credits.
             * @example 22.5
             */
            balance: string;
            /** Format: date-time */
            created_at: string;
            /** Format: uuid */
            id: string;
            reason: string;
            source_id: string;
            /** @example admin_grant */
            type: string;
            /** Format: uuid */
            user_id: string;
        };
        /** @description An entry of a ledger. */
        Entry: {
            /**
             * @description What it did to the balance, in credits: below zero for usage and for what was taken.
             * @example -0.0125
             */
            amount: string;
            /** Format: uuid */
            api_key_id?: string | null;
            /**
             * @description What was left after it, in credits.
             * @example 9.9875
             */
            balance_after: string;
            /** Format: uuid */
            batch_id?: string | null;
            /** Format: date-time */
            created_at: string;
            description: string;
            id: string;
            line?: components["schemas"]["BatchLine"] | null;
            model?: string | null;
            /** @description Of the receipt; `null` for what is no usage, and for a line of many. */
            request_id?: string | null;
            /** @description What caused it. */
            source_id: string;
            /** @description `usage`, or the type of the change. */
            type: string;
        };
        /** @description How a running gateway stands, by its own metrics. */
        GatewayStatus: {
            /** @description Where clients reach it, as it listens: an address and a port. */
            address: string;
            audit?: components["schemas"]["AuditStatus"] | null;
            /**
             * Format: int64
             * @description Requests that have ended since it started, whichever way.
             */
            ended_requests: number;
            /**
             * Format: int64
             * @description Requests that were admitted and have not ended.
             */
            in_flight_requests: number;
            /** @description Whether it should get traffic: what `/readyz` answers. */
            is_ready: boolean;
            /**
             * Format: double
             * @description How long the oldest of these has waited, in seconds: how far the books lag behind.
             */
            lag_seconds: number;
            /**
             * Format: int64
             * @description How old its keys, models, prices and balances are, in milliseconds; `null` before it has any.
             */
            snapshot_age_ms?: number | null;
            /** @description Whether its spool keeps what it is given. */
            spool_is_sound: boolean;
            /**
             * Format: int64
             * @description Bytes that its spool may use.
             */
            spool_limit_bytes: number;
            /**
             * Format: int64
             * @description Bytes of its spool that are in use.
             */
            spool_used_bytes: number;
            /** @description The version of the program. */
            version: string;
            /**
             * Format: int64
             * @description Records on its disk that the books do not have yet.
             */
            waiting_records: number;
        };
        /** @description One request. */
        Generation: {
            cancelled: boolean;
            /** Format: date-time */
            created_at: string;
            finish_reason?: string | null;
            /**
             * Format: int32
             * @description From the first byte of content to the last, in milliseconds.
             */
            generation_time?: number | null;
            id: string;
            is_byok: boolean;
            /**
             * Format: int32
             * @description Until the first byte of content, in milliseconds.
             */
            latency?: number | null;
            model?: string | null;
            native_finish_reason?: string | null;
            /** Format: int32 */
            native_tokens_cached: number;
            /** Format: int32 */
            native_tokens_completion?: number | null;
            /** Format: int32 */
            native_tokens_prompt?: number | null;
            /** Format: int32 */
            native_tokens_reasoning: number;
            /** @description The client's own description of itself. */
            origin: string;
            provider_name?: string | null;
            streamed: boolean;
            /** Format: int32 */
            tokens_completion?: number | null;
            /** Format: int32 */
            tokens_prompt?: number | null;
            /**
             * Format: double
             * @description In credits.
             */
            total_cost: number;
            /**
             * Format: double
             * @description The same.
             */
            usage: number;
        };
        /** @description Who a user is at an OpenID provider. */
        Identity: {
            /**
             * Format: date-time
             * @description When it was written down.
             */
            created_at: string;
            /** @description The address by which the link came about, or is to come about. */
            email?: string | null;
            /** Format: uuid */
            id: string;
            /**
             * @description The provider.
             * @example https://login.example.com
             */
            issuer: string;
            /**
             * Format: date-time
             * @description When it was come in by last.
             */
            last_sign_in_at?: string | null;
            /**
             * Format: date-time
             * @description Since when the subject comes in by it.
             */
            linked_at?: string | null;
            /** @description The provider's own name for the user. `null`: nobody has come with the address yet. */
            subject?: string | null;
        };
        /** @description The key that asks. */
        KeyInfo: {
            is_free_tier: boolean;
            /** @description Whether it is a platform key. */
            is_provisioning_key: boolean;
            /** @description Its name, or the first characters of its secret. */
            label: string;
            /**
             * Format: double
             * @description Always `null`: no key has a limit over all time. What it may spend in a day, a week or a month is in the management API.
             */
            limit?: number | null;
            /**
             * Format: double
             * @description Always `null`, as `limit`.
             */
            limit_remaining?: number | null;
            /**
             * Format: double
             * @description What it cost since it was made.
             */
            usage: number;
            /**
             * Format: double
             * @description Of it, today (UTC).
             */
            usage_daily: number;
            /**
             * Format: double
             * @description Of it, this month.
             */
            usage_monthly: number;
            /**
             * Format: double
             * @description Of it, since Monday.
             */
            usage_weekly: number;
        };
        /** @description What is to be different; what is left out stays as it is, and `null` takes a limit away. */
        LimitSettings: {
            /**
             * Format: int32
             * @description Requests at once, at each gateway.
             * @example 5
             */
            concurrent_requests?: number | null;
            /**
             * @description Credits a day (UTC). A model has no caps.
             * @example 10
             */
            daily_cap?: string | null;
            /**
             * @description Credits a month (UTC).
             * @example 100
             */
            monthly_cap?: string | null;
            /**
             * Format: int32
             * @description Requests a minute, at each gateway.
             * @example 60
             */
            requests_per_minute?: number | null;
            /**
             * Format: int64
             * @description Tokens of prompts and answers a minute, at each gateway.
             * @example 100000
             */
            tokens_per_minute?: number | null;
            /**
             * @description Credits a week (Monday to Sunday, UTC).
             * @example 50
             */
            weekly_cap?: string | null;
        };
        /** @description A key, a user or a model, and the limits on it. */
        Limited: {
            /**
             * Format: uuid
             * @description Which it is.
             */
            id: string;
            limits: components["schemas"]["Limits"];
            /** @description What people call it: a key's first characters, a user's name, a model's alias. */
            name: string;
            /**
             * @description `key`, `user` (all keys together) or `model` (everybody's requests together).
             * @example user
             */
            of: string;
            /**
             * Format: uuid
             * @description Who pays; `null` for a model.
             */
            user_id?: string | null;
        };
        /** @description Limits as they stand; `null` is without. */
        Limits: {
            /**
             * Format: int32
             * @description Requests at once, at each gateway.
             */
            concurrent_requests?: number | null;
            /**
             * @description Credits a day (UTC), of all gateways together.
             * @example 10
             */
            daily_cap?: string | null;
            /**
             * @description Of the daily cap, what is spent today; `null` where there is no such cap.
             * @example 2.5
             */
            daily_used?: string | null;
            /**
             * @description Credits a month (UTC), of all gateways together.
             * @example 100
             */
            monthly_cap?: string | null;
            /**
             * @description Of the monthly cap, what is spent in this month.
             * @example 2.5
             */
            monthly_used?: string | null;
            /**
             * Format: int32
             * @description Requests a minute, at each gateway.
             */
            requests_per_minute?: number | null;
            /**
             * Format: int64
             * @description Tokens of prompts and answers a minute, at each gateway.
             */
            tokens_per_minute?: number | null;
            /**
             * @description Credits a week (Monday to Sunday, UTC), of all gateways together.
             * @example 50
             */
            weekly_cap?: string | null;
            /**
             * @description Of the weekly cap, what is spent since Monday.
             * @example 2.5
             */
            weekly_used?: string | null;
        };
        /** @description `quantity` × `price` = `amount`. */
        Line: {
            /**
             * @description In credits.
             * @example 0.015
             */
            amount: string;
            /**
             * @description A kind of token; no token is in two. `request`: the request itself.
             * @example uncached_input
             */
            kind: string;
            /**
             * @description In credits, for each.
             * @example 0.000015
             */
            price: string;
            /** Format: int32 */
            quantity: number;
        };
        /** @description One page of a list. */
        Listing_ApiKey: {
            /** @description The rows, in the list's order. */
            data: {
                /** Format: date-time */
                created_at: string;
                /**
                 * Format: uuid
                 * @description Who made it, where that is someone else than its owner.
                 */
                created_by?: string | null;
                /** Format: uuid */
                id: string;
                name: string;
                /** @description The first characters of the secret, by which people tell keys apart. */
                prefix: string;
                /**
                 * @description `realtime`, `batch`, `playground` or `platform`.
                 * @example realtime
                 */
                purpose: string;
                /**
                 * Format: date-time
                 * @description When it ends because another key has taken its place.
                 */
                revoke_at?: string | null;
                /**
                 * Format: date-time
                 * @description Since when it admits nothing.
                 */
                revoked_at?: string | null;
                /** @description What a platform key may do on the whole platform: `manager`, `billing_manager`, `viewer`. `null`: what is its own user's. */
                role?: string | null;
                /** @description Whether the batch metadata headers of its requests count. */
                trusted: boolean;
                /**
                 * Format: uuid
                 * @description Who pays.
                 */
                user_id: string;
                user_name: string;
            }[];
            /** @description Where the next page begins: send it as `cursor`, with the same filters. `null` at the end. */
            next_cursor?: string | null;
        };
        /** @description One page of a list. */
        Listing_AuditEntry: {
            /** @description The rows, in the list's order. */
            data: {
                /** @description What was done, such as `key.revoke`. */
                action: string;
                /** @description `key:` and the id of the key that was used, or `cli`. */
                actor: string;
                /** @description How it is now; never a secret. */
                after?: unknown;
                /** Format: date-time */
                at: string;
                /** @description How it was; never a secret. */
                before?: unknown;
                /** @description SHA-256 of the digest before it and of what it says. */
                digest?: string | null;
                /** Format: uuid */
                id: string;
                /**
                 * Format: int64
                 * @description Its number in the chain of all entries; `null` of one that was taken out of it, which `tollgate audit` reports.
                 */
                no?: number | null;
                /** @description To what: a name or an id. */
                subject: string;
            }[];
            /** @description Where the next page begins: send it as `cursor`, with the same filters. `null` at the end. */
            next_cursor?: string | null;
        };
        /** @description One page of a list. */
        Listing_Delivery: {
            /** @description The rows, in the list's order. */
            data: {
                /**
                 * Format: int32
                 * @description How often it was tried.
                 */
                attempts: number;
                /**
                 * @description The balance since, in credits.
                 * @example 4.99
                 */
                balance: string;
                /** Format: date-time */
                created_at: string;
                /** Format: date-time */
                ended_at?: string | null;
                /** @description What was wrong with the last attempt. */
                last_error?: string | null;
                /**
                 * Format: int32
                 * @description The status of the last answer.
                 */
                last_status?: number | null;
                /** @description As the receiver sees it. */
                message_id: string;
                /**
                 * Format: date-time
                 * @description When it is tried next, where it waits.
                 */
                next_attempt_at?: string | null;
                /**
                 * @description `waiting`, `delivered` or `given_up`.
                 * @example delivered
                 */
                state: string;
                /**
                 * @description `balance.low`, `balance.depleted` or `balance.refilled`.
                 * @example balance.low
                 */
                type: string;
                url: string;
                /** @description Whose balance, by name. */
                user: string;
                /** Format: uuid */
                webhook_id: string;
            }[];
            /** @description Where the next page begins: send it as `cursor`, with the same filters. `null` at the end. */
            next_cursor?: string | null;
        };
        /** @description One page of a list. */
        Listing_Entry: {
            /** @description The rows, in the list's order. */
            data: {
                /**
                 * @description What it did to the balance, in credits: below zero for usage and for what was taken.
                 * @example -0.0125
                 */
                amount: string;
                /** Format: uuid */
                api_key_id?: string | null;
                /**
                 * @description What was left after it, in credits.
                 * @example 9.9875
                 */
                balance_after: string;
                /** Format: uuid */
                batch_id?: string | null;
                /** Format: date-time */
                created_at: string;
                description: string;
                id: string;
                line?: components["schemas"]["BatchLine"] | null;
                model?: string | null;
                /** @description Of the receipt; `null` for what is no usage, and for a line of many. */
                request_id?: string | null;
                /** @description What caused it. */
                source_id: string;
                /** @description `usage`, or the type of the change. */
                type: string;
            }[];
            /** @description Where the next page begins: send it as `cursor`, with the same filters. `null` at the end. */
            next_cursor?: string | null;
        };
        /** @description One page of a list. */
        Listing_Limited: {
            /** @description The rows, in the list's order. */
            data: {
                /**
                 * Format: uuid
                 * @description Which it is.
                 */
                id: string;
                limits: components["schemas"]["Limits"];
                /** @description What people call it: a key's first characters, a user's name, a model's alias. */
                name: string;
                /**
                 * @description `key`, `user` (all keys together) or `model` (everybody's requests together).
                 * @example user
                 */
                of: string;
                /**
                 * Format: uuid
                 * @description Who pays; `null` for a model.
                 */
                user_id?: string | null;
            }[];
            /** @description Where the next page begins: send it as `cursor`, with the same filters. `null` at the end. */
            next_cursor?: string | null;
        };
        /** @description One page of a list. */
        Listing_User: {
            /** @description The rows, in the list's order. */
            data: {
                /**
                 * @description The balance without what is held, in credits.
                 * @example 12.48
                 */
                available: string;
                /**
                 * @description What is left, in credits; a decimal as text, exact to twelve places. May be below zero.
                 * @example 12.5
                 */
                balance: string;
                /** Format: date-time */
                created_at: string;
                /**
                 * Format: date-time
                 * @description Since when none of the user's keys admits anything. `null`: active.
                 */
                deactivated_at?: string | null;
                /**
                 * @description Of the balance, what requests in flight hold, in credits: what they are expected to cost, and what they may cost at most as soon as the money
                 *     does not cover that easily. As gateways said last: a quarter of a second ago, where there is traffic.
                 * @example 0.02
                 */
                held: string;
                /** Format: uuid */
                id: string;
                /**
                 * @description `individual` or `organization`.
                 * @example individual
                 */
                kind: string;
                /**
                 * @description What gateways may spend of it without asking, in credits: `held`, what they have charged and the books do not have yet, and room.
                 * @example 1
                 */
                leased: string;
                limits?: components["schemas"]["Limits"] | null;
                /** @description Unique among all users. */
                name: string;
                /** @description What the user may do on the whole platform when signed in: `manager`, `billing_manager`, `viewer`. `null`: what is its own. */
                role?: string | null;
            }[];
            /** @description Where the next page begins: send it as `cursor`, with the same filters. `null` at the end. */
            next_cursor?: string | null;
        };
        /** @description At which balance webhooks are told that it is low. */
        LowBalance: {
            /**
             * @description When the balance falls to this, or below, in credits above zero. `null`: they are told of none.
             * @example 5
             */
            low_balance: string | null;
        };
        /** @description An identity that somebody linked to somebody else. */
        MadeIdentity: {
            /** Format: uuid */
            id: string;
            /**
             * Format: uuid
             * @description Whom it signs in as.
             */
            user_id: string;
        };
        /**
         * @description Ways in that the user made for others, who have roles that the user's own, as it is now, does not include. Whoever made one may be the one who uses
         *     it, so what was made in turn in a session that it led to, or with a key that the user made, is listed as well, through however many hands it went.
         */
        MadeWaysIn: {
            /** @description Identities at the OpenID provider that the user linked to others, who have such roles. Unlink those that are not theirs. */
            made_identities: components["schemas"]["MadeIdentity"][];
            /** @description Keys with such roles that are live still. Revoke them one by one, or send the same role again with `revoke_made_keys`. */
            made_keys: string[];
            /** @description Users with such roles whose password was set in a session that such a way in led to. Give its owner another link, to set a new one. */
            made_passwords: string[];
            /**
             * @description Users with such roles who have sessions that such a way in led to: that began by such a link or identity, or by a password that was set in such a
             *     session. A new password ends them: give its owner another link. Unlinking an identity ends those that began through a provider.
             */
            made_sessions: string[];
            /** @description Users with such roles for whom the user made sign-in links that nobody has used yet. Another link ends the one before. */
            made_sign_in_links: string[];
        };
        /** @description Sums over all buckets. `amount` = `cost` + `margin` + `uncosted_amount`, where there is a cost. */
        MarginSums: {
            /**
             * @description Charged, in credits.
             * @example 1.25
             */
            amount: string;
            /**
             * @description What upstreams asked, in credits, as far as there is a cost price; `null`: for none of it.
             * @example 0.75
             */
            cost?: string | null;
            /** Format: int64 */
            failed_requests: number;
            /**
             * @description What was charged for what has a cost price, less what it cost.
             * @example 0.25
             */
            margin?: string | null;
            /** Format: int64 */
            requests: number;
            /**
             * @description Of `amount`, what was charged for requests without a cost price.
             * @example 0.25
             */
            uncosted_amount: string;
            /**
             * Format: int64
             * @description Requests that did not fail and have no cost price.
             */
            uncosted_requests: number;
            /**
             * Format: int64
             * @description Tokens in and out that have no cost price.
             */
            uncosted_tokens: number;
            /**
             * Format: int64
             * @description Requests that wait for a price: they may cost, and nothing is charged for them so far.
             */
            unrated_requests: number;
        };
        /** @description Spend, cost and margin over time. */
        Margins: {
            bucket: components["schemas"]["SeriesBucket"];
            /** @description What was charged most comes first; all others together last. */
            groups: components["schemas"]["MarginsOfGroup"][];
            /** @description When each bucket begins. */
            starts: string[];
            total: components["schemas"]["MarginSums"];
        };
        /** @description One group over time. */
        MarginsOfGroup: {
            /** @description For each bucket: what was charged, in credits. */
            amounts: string[];
            /** @description For each bucket: what upstreams asked, in credits; `null` where nothing of it has a cost price. */
            costs: (string | null)[];
            /**
             * Format: uuid
             * @description Of the user, key or model; `null` for requests without one, and for all others together.
             */
            id?: string | null;
            /** @description For each bucket: what was charged for that, less what it cost. */
            margins: (string | null)[];
            /** @description `null` for requests without a user, key or model. */
            name?: string | null;
            /**
             * Format: int64
             * @description It is all others together: so many groups. `null`: it is one group.
             */
            others?: number | null;
            /** @description The first characters of a key. */
            prefix?: string | null;
            /** @description For each bucket. */
            requests: number[];
            total: components["schemas"]["MarginSums"];
            /** @description For each bucket: requests without a cost price. */
            uncosted_requests: number[];
        };
        /** @description A model. */
        Model: {
            /** @description The name that clients use; unique among live models. */
            alias: string;
            /** Format: date-time */
            created_at: string;
            /** Format: uuid */
            endpoint_id: string;
            endpoint_name: string;
            /** Format: uuid */
            id: string;
            /** @description The name that the endpoint uses. */
            upstream_model: string;
        };
        /** @description What is to be different about a model; what is left out stays as it is. */
        ModelChanges: {
            /** Format: uuid */
            endpoint_id?: string | null;
            upstream_model?: string | null;
        };
        /** @description An upstream to be created. */
        NewEndpoint: {
            /**
             * @description How it wants its credential: `bearer`, `x-api-key`, `api-key`, `x-goog-api-key`. `none` removes the one there is.
             * @example bearer
             */
            auth_style?: string | null;
            /**
             * @description `http://` or `https://`, without query.
             * @example https://api.openai.com
             */
            base_url: string;
            /** @description The upstream's credential. Stored sealed, and never shown again. */
            credential?: string | null;
            /** @description Ask for usage in streams where the client did not. */
            inject_usage?: boolean | null;
            /** @description Unique among live endpoints. */
            name: string;
            /**
             * @description `drain` or `cancel`.
             * @example drain
             */
            on_disconnect?: string | null;
            /**
             * @description `estimate` or `unrated`.
             * @example estimate
             */
            on_missing_usage?: string | null;
            /** @description The whole list. */
            pass_through_paths?: string[] | null;
            /** @description The whole map. */
            path_templates?: {
                [key: string]: string;
            } | null;
            /** @description Whose it is, such as `openai`. */
            provider_name?: string | null;
        };
        /** @description A change of a balance. */
        NewEntry: {
            /**
             * @description More than zero, in credits: a decimal as text, with at most twelve places.
             * @example 10
             */
            amount: string;
            /** @description Why, for people. An adjustment needs one. */
            reason?: string;
            /**
             * @description What caused it, such as an invoice: unique among all entries, and entered once whoever sends it. Made from the idempotency key where
             *     it is left out.
             */
            source_id?: string | null;
            /**
             * @description `admin_grant`, `purchase`, `refund` and `adjustment` give; `admin_removal` and `expiry` take.
             * @example admin_grant
             */
            type: string;
        };
        /** @description An identity to be linked: a subject, or an address. */
        NewIdentity: {
            /**
             * @description In place of it: the first who comes with this address is linked, if the provider says that it has verified it. Only where
             *     `admin.oidc.link_by_email` says so.
             */
            email?: string | null;
            /**
             * @description The provider; the one of `admin.oidc` where it is left out.
             * @example https://login.example.com
             */
            issuer?: string | null;
            /**
             * @description The provider's own name for the user, as the claim `sub` says it.
             * @example 248289761001
             */
            subject?: string | null;
        };
        /** @description A key to be made. */
        NewKey: {
            /** @description For people to tell keys apart. */
            name?: string;
            /**
             * @description `realtime` (the default), `platform`, or `batch` and `playground`, which have prices of their own and are a manager's to give.
             * @example realtime
             */
            purpose?: string;
            /**
             * @description What a platform key may do on the whole platform. A manager's to give.
             * @example null
             */
            role?: string | null;
            /** @description Believe the batch metadata headers of its requests. A manager's to give. */
            trusted?: boolean;
            /**
             * Format: uuid
             * @description Who pays; the caller's own user where it is left out.
             */
            user_id?: string | null;
        };
        /** @description A new key with its secret, which is shown this once. */
        NewKeyWithSecret: components["schemas"]["ApiKey"] & {
            /** @description Keep it: it is shown this once and stored nowhere. */
            secret: string;
        };
        /** @description A model to be offered. */
        NewModel: {
            /** @description The name that clients use. */
            alias: string;
            /**
             * Format: uuid
             * @description Where it runs.
             */
            endpoint_id: string;
            /** @description The name that the endpoint uses; the alias where it is left out. */
            upstream_model?: string | null;
        };
        /** @description A new password. */
        NewPassword: {
            /** @description The one before. Not needed where there is none, nor within 15 minutes of coming in by a sign-in link. */
            current?: string | null;
            /** @description At least 12 characters. */
            password: string;
        };
        /** @description A price that is wanted. */
        NewTariff: {
            /** @description For batches with exactly this completion window, such as `24h`. */
            completion_window?: string | null;
            prices: components["schemas"]["Prices"];
            /**
             * @description For keys of this purpose: `realtime` (the default), `batch`, `playground` or `platform`.
             * @example realtime
             */
            purpose?: string;
            /**
             * Format: date-time
             * @description In force from then on; now where it is left out.
             */
            valid_from?: string | null;
        };
        /** @description A user to be created. */
        NewUser: {
            /**
             * @description `individual` (the default) or `organization`.
             * @example organization
             */
            kind?: string;
            /** @description Unique among all users; at most 200 characters, and not a UUID. */
            name: string;
        };
        /** @description A webhook to be made. */
        NewWebhook: {
            /**
             * @description Where messages are posted to: `http://` or `https://`.
             * @example https://example.com/hooks
             */
            url: string;
            /**
             * Format: uuid
             * @description The only user that it hears of; of all where it is left out.
             */
            user_id?: string | null;
        };
        /** @description There are none. */
        NoResult: Record<string, never>;
        /** @description The OpenID provider. */
        OidcMethod: {
            /**
             * @description What people call it.
             * @example the company
             */
            name: string;
            /**
             * @description Where a browser goes to sign in by it.
             * @example /admin/api/v1/oidc/sign-in
             */
            url: string;
        };
        /** @description What a change of prices did. */
        PriceChange: {
            /**
             * Format: date-time
             * @description The instant of the change.
             */
            at: string;
            /**
             * @description What they cost, in credits.
             * @example 0
             */
            charged: string;
            ended: components["schemas"]["Tariff"][];
            /** @description Those that were to end, and go on beyond that. */
            extended: components["schemas"]["Tariff"][];
            opened: components["schemas"]["Tariff"][];
            /**
             * Format: int64
             * @description Requests that had waited for a price and got one now.
             */
            rated_requests: number;
            /**
             * Format: int64
             * @description Requests of all models that still wait for a price.
             */
            still_unrated: number;
            /** @description How many of the wanted ones were there already. */
            unchanged: number;
        };
        /**
         * @description Prices in credits: decimals as text with at most twelve places, per token. A kind without a price of its own is priced as input or
         *     output.
         */
        Prices: {
            /**
             * @description Per input token of audio.
             * @example null
             */
            audio_input_price?: string | null;
            /**
             * @description Per output token of audio.
             * @example null
             */
            audio_output_price?: string | null;
            /**
             * @description Per input token read from a cache.
             * @example 0.00000125
             */
            cache_read_price?: string | null;
            /**
             * @description Per input token written to a one-hour cache.
             * @example null
             */
            cache_write_1h_price?: string | null;
            /**
             * @description Per input token written to a five-minute cache.
             * @example null
             */
            cache_write_5m_price?: string | null;
            /**
             * @description Per input token of images.
             * @example null
             */
            image_input_price?: string | null;
            /**
             * @description Per uncached input token.
             * @example 0.0000025
             */
            input_price: string;
            /**
             * @description Per output token.
             * @example 0.00001
             */
            output_price: string;
            /**
             * @description Per output token of reasoning.
             * @example null
             */
            reasoning_price?: string | null;
            /**
             * @description For each request that succeeded.
             * @example null
             */
            request_price?: string | null;
        };
        /** @description The form of every error. */
        Problem: {
            /**
             * @description The last part of `type`.
             * @example not_found
             */
            code: string;
            /** @description What was wrong with this request, and what to do. */
            detail: string;
            /**
             * Format: int32
             * @description The status of the response.
             */
            status: number;
            /** @description The kind of problem, for people. */
            title: string;
            /**
             * @description Names the kind of problem, for programs. It leads nowhere.
             * @example urn:tollgate:problem:not_found
             */
            type: string;
        };
        /** @description What a list of prices would have cost for keys of one purpose. */
        PurposePreview: {
            /**
             * @description What was charged, in credits.
             * @example 12.5
             */
            charged: string;
            /**
             * @description What it would have been at least, in credits.
             * @example 10
             */
            least: string;
            /**
             * @description What it would have been at most, in credits.
             * @example 10
             */
            most: string;
            /** @example realtime */
            purpose: string;
            /**
             * Format: int64
             * @description Requests that somebody pays for.
             */
            requests: number;
        };
        /** @description A record in quarantine. */
        Quarantined: {
            /** Format: int64 */
            correlation_id: number;
            /** @description The UTC day of its admission. */
            day: string;
            /** Format: uuid */
            id: string;
            /** Format: uuid */
            instance_id: string;
            /** Format: date-time */
            quarantined_at: string;
            /** @description Why the books refused it. */
            reason: string;
            request?: components["schemas"]["RefusedRequest"] | null;
            sqlstate?: string | null;
            /** Format: date-time */
            written_off_at?: string | null;
            written_off_by?: string | null;
        };
        /** @description What one request used and cost. */
        Receipt: {
            /** Format: uuid */
            api_key_id?: string | null;
            /**
             * @description What was left after it, in credits, as its user's ledger shows it: the sum of all entries up to this one, by the time of the request and
             *     then by id. What is entered later for an earlier time moves it. `null` where nothing was charged, or where it could not be reckoned in a
             *     few seconds.
             * @example 9.9775
             */
            balance_after?: string | null;
            /**
             * @description What was left before it, in credits; `null` as `balance_after`.
             * @example 10
             */
            balance_before?: string | null;
            /** Format: uuid */
            batch_id?: string | null;
            custom_id?: string | null;
            /** @description Stated parts exceeded their whole and were clamped for pricing. */
            is_clamped: boolean;
            /** @description The charge, line by line; empty where nothing was charged. */
            lines: components["schemas"]["Line"][];
            model?: string | null;
            /** @description As in the response's `x-request-id`. */
            request_id: string;
            /** Format: date-time */
            requested_at: string;
            response_model?: string | null;
            /**
             * @description `charged`, `free`, `unrated` (no price yet) or `voided` (admitted, never answered).
             * @example charged
             */
            state: string;
            /** Format: int32 */
            status_code: number;
            tariff?: components["schemas"]["ReceiptTariff"] | null;
            /** @description As stated by the provider, or counted where `usage_source` is `estimated`. `null` is unknown. */
            tokens: components["schemas"]["Tokens"];
            /**
             * @description The sum of the lines, in credits.
             * @example 0.0225
             */
            total: string;
            /** @description `provider`, `estimated` or `none`. */
            usage_source: string;
            /** Format: uuid */
            user_id?: string | null;
        };
        /** @description The version of the prices that was in force at the request's own time. */
        ReceiptTariff: {
            /** Format: uuid */
            id: string;
            prices: components["schemas"]["Prices"];
            /** Format: date-time */
            valid_from: string;
        };
        /** @description What was measured of a request. */
        RefusedRequest: {
            /** Format: date-time */
            at: string;
            /** Format: int64 */
            completion_tokens?: number | null;
            /** Format: uuid */
            key_id?: string | null;
            key_prefix?: string | null;
            model?: string | null;
            /** Format: int64 */
            prompt_tokens?: number | null;
            /** Format: int32 */
            status_code: number;
            /** Format: int64 */
            total_tokens?: number | null;
            user?: string | null;
        };
        /** @description What a replay came to. */
        ReplayOutcome: {
            /** Format: uuid */
            id: string;
            /** @description `entered`: it is in the books now. `already_entered`: the books had it. */
            outcome: string;
        };
        /** @description How a key is replaced. */
        Rotation: {
            /**
             * Format: int32
             * @description For how many seconds both keys are live: 0 to 2678400 (31 days).
             */
            overlap_seconds: number;
        };
        /** @description Usage over time. */
        Series: {
            bucket: components["schemas"]["SeriesBucket"];
            /** @description What was charged most comes first; all others together last. */
            groups: components["schemas"]["SeriesOfGroup"][];
            /** @description When each bucket begins. */
            starts: string[];
            total: components["schemas"]["SeriesSums"];
        };
        /**
         * @description How wide a bucket is.
         * @enum {string}
         */
        SeriesBucket: "hour" | "day";
        /** @description One group over time. */
        SeriesOfGroup: {
            /** @description For each bucket, in credits. */
            amounts: string[];
            /**
             * Format: uuid
             * @description Of the user, key or model; `null` for requests without one, and for all others together.
             */
            id?: string | null;
            /** @description `null` for requests without a user, key or model. */
            name?: string | null;
            /**
             * Format: int64
             * @description It is all others together: so many groups. `null`: it is one group.
             */
            others?: number | null;
            /** @description The first characters of a key. */
            prefix?: string | null;
            /** @description For each bucket. */
            requests: number[];
            /** @description For each bucket: in and out. */
            tokens: number[];
            total: components["schemas"]["SeriesSums"];
        };
        /** @description Sums over all buckets. */
        SeriesSums: {
            /**
             * @description Charged, in credits.
             * @example 1.25
             */
            amount: string;
            /** Format: int64 */
            completion_tokens: number;
            /** Format: int64 */
            failed_requests: number;
            /** Format: int64 */
            prompt_tokens: number;
            /** Format: int64 */
            requests: number;
            /** Format: int64 */
            unrated_requests: number;
        };
        /** @description Who is signed in. */
        Session: {
            /**
             * @description How it began: `password`, `code` (a sign-in link) or `oidc` (the OpenID provider).
             * @example password
             */
            begun_by: string;
            /** @description What every request by cookie other than `GET` and `HEAD` carries in `x-csrf-token`. */
            csrf_token: string;
            /**
             * Format: date-time
             * @description When the session ends at the latest.
             */
            expires_at: string;
            /** @description Whether the user has a password. */
            has_password: boolean;
            /** @description `manager`, `billing_manager` or `viewer`; `null`: a customer, who sees what is its own. */
            role?: string | null;
            user: components["schemas"]["SessionUser"];
        };
        /** @description The user of a session. */
        SessionUser: {
            /** Format: uuid */
            id: string;
            name: string;
        };
        /** @description What is to be different about an upstream; what is left out stays as it is. */
        Settings: {
            /**
             * @description How it wants its credential: `bearer`, `x-api-key`, `api-key`, `x-goog-api-key`. `none` removes the one there is.
             * @example bearer
             */
            auth_style?: string | null;
            /**
             * @description `http://` or `https://`, without query. Another scheme, host or port needs the credential anew.
             * @example https://api.openai.com
             */
            base_url?: string | null;
            /** @description The upstream's credential. Stored sealed, and never shown again. */
            credential?: string | null;
            /** @description Ask for usage in streams where the client did not. */
            inject_usage?: boolean | null;
            /**
             * @description `drain` or `cancel`.
             * @example drain
             */
            on_disconnect?: string | null;
            /**
             * @description `estimate` or `unrated`.
             * @example estimate
             */
            on_missing_usage?: string | null;
            /** @description The whole list. */
            pass_through_paths?: string[] | null;
            /** @description The whole map. */
            path_templates?: {
                [key: string]: string;
            } | null;
            /** @description Whose it is, such as `openai`. */
            provider_name?: string | null;
        };
        /** @description Name and password, or the one-time code of a sign-in link. */
        SignIn: {
            /** @description In place of both: the code of a sign-in link. */
            code?: string | null;
            /** @description The user's name. */
            name?: string | null;
            /** @description The user's password. */
            password?: string | null;
        };
        /** @description A sign-in link, which is shown this once. */
        SignInLink: {
            /**
             * Format: date-time
             * @description Until when.
             */
            expires_at: string;
            /**
             * @description Good once. Whoever has it comes in as this user.
             * @example https://tollgate.example/#/sign-in?code=…
             */
            url: string;
        };
        /** @description How people may come in here. */
        SignInMethods: {
            oidc?: components["schemas"]["OidcMethod"] | null;
            /** @description With name and password; always. */
            password: boolean;
        };
        /** @description How the platform stands. */
        Status: {
            books: components["schemas"]["BooksStatus"];
            gateway?: components["schemas"]["GatewayStatus"] | null;
        };
        /** @description A price of a model, of any time. */
        Tariff: {
            /** @description For batches with exactly this completion window; `null`: for any. */
            completion_window?: string | null;
            /** Format: uuid */
            id: string;
            prices: components["schemas"]["Prices"];
            /**
             * @description For keys of this purpose.
             * @example realtime
             */
            purpose: string;
            /**
             * Format: date-time
             * @description In force from this instant on.
             */
            valid_from: string;
            /**
             * Format: date-time
             * @description In force until just before this instant. Equal to `valid_from`: withdrawn before it came into force.
             */
            valid_until?: string | null;
        };
        /** @description What a list of prices would have cost. Nothing is changed by it. */
        TariffPreview: {
            /** @description The same by the purpose of keys. */
            by_purpose: components["schemas"]["PurposePreview"][];
            /**
             * @description What was charged, in credits.
             * @example 12.5
             */
            charged: string;
            /**
             * @description Whether `least` and `most` are one. Otherwise the hourly sums, which this is reckoned from, do not tell apart what has different prices:
             *     audio and images within the input, audio within the output, the two lifetimes of a cache, completion windows, or whether requests that were
             *     broken off pay the price of a request. A request whose provider stated more of a part than of its whole is reckoned as stated.
             */
            is_exact: boolean;
            /**
             * @description What it would have been at least, in credits.
             * @example 10
             */
            least: string;
            /**
             * @description What it would have been at most, in credits.
             * @example 10
             */
            most: string;
            /**
             * Format: int64
             * @description Requests that somebody pays for, with those that failed or cost nothing.
             */
            requests: number;
            /**
             * Format: int64
             * @description Of all, the ones by keys of a purpose that the list may have no price for: they would wait for one.
             */
            requests_maybe_without_price: number;
            /**
             * Format: date-time
             * @description The beginning of the first hour.
             */
            since: string;
            /**
             * Format: int64
             * @description Of these, the ones that wait for a price now. What they would have cost is in `least` and `most`, and nothing of them in `charged`.
             */
            unrated_requests: number;
            /**
             * Format: date-time
             * @description The end of the last hour.
             */
            until: string;
        };
        /** @description Tokens as stated: `prompt` includes its cached, audio and image parts, `completion` its reasoning and audio. */
        Tokens: {
            /** Format: int32 */
            audio_input: number;
            /** Format: int32 */
            audio_output: number;
            /** Format: int32 */
            cache_read: number;
            /** Format: int32 */
            cache_write_1h: number;
            /** Format: int32 */
            cache_write_5m: number;
            /** Format: int32 */
            completion?: number | null;
            /** Format: int32 */
            image_input: number;
            /** Format: int32 */
            prompt?: number | null;
            /** Format: int32 */
            reasoning: number;
            /** Format: int32 */
            total?: number | null;
        };
        /** @description Requests of one user for one model that wait for a price. */
        Unrated: {
            /** Format: int64 */
            completion_tokens: number;
            completion_window?: string | null;
            /** @description The alias. */
            model?: string | null;
            /**
             * Format: uuid
             * @description `null` where no model had the alias that was asked for.
             */
            model_id?: string | null;
            /** Format: date-time */
            newest_at: string;
            /** Format: date-time */
            oldest_at: string;
            /** Format: int64 */
            prompt_tokens: number;
            /** @description The purpose of the key. */
            purpose?: string | null;
            /** Format: int64 */
            requests: number;
            /** Format: uuid */
            user_id?: string | null;
            user_name?: string | null;
        };
        /** @description What waits, by groups. */
        UnratedGroups: {
            /** @description The groups with the most requests, at most a thousand. */
            data: components["schemas"]["Unrated"][];
            /** @description There are more groups. They are seen once these have prices. */
            has_more: boolean;
        };
        /** @description What a model costs from some hour on, until its next price. */
        UpstreamCost: {
            prices: components["schemas"]["UpstreamPrices"];
            /**
             * Format: date-time
             * @description A full hour of UTC, because usage is summed by the hour.
             */
            valid_from: string;
        };
        /**
         * @description What an upstream asks, in credits: decimals as text with at most twelve places, per token. A kind without a price of its own costs
         *     what input or output does; audio and images are input or output, and a cache is written at one price.
         */
        UpstreamPrices: {
            /**
             * @description Per input token read from a cache.
             * @example 0.000001
             */
            cache_read_price?: string | null;
            /**
             * @description Per input token written to a cache.
             * @example null
             */
            cache_write_price?: string | null;
            /**
             * @description Per input token that no cache had.
             * @example 0.000002
             */
            input_price: string;
            /**
             * @description Per output token.
             * @example 0.000008
             */
            output_price: string;
            /**
             * @description Per output token of reasoning.
             * @example null
             */
            reasoning_price?: string | null;
            /**
             * @description For each request that did not fail.
             * @example null
             */
            request_price?: string | null;
        };
        /** @description Sums over one group. */
        Usage: {
            /**
             * @description Charged, in credits.
             * @example 1.25
             */
            amount: string;
            /** Format: int64 */
            cache_read_tokens: number;
            /** Format: int64 */
            cache_write_tokens: number;
            /** Format: int64 */
            completion_tokens: number;
            /** Format: int64 */
            failed_requests: number;
            /** @description An alias, a key's prefix, or an hour. `null` for requests without one. */
            group?: string | null;
            /**
             * Format: uuid
             * @description The id of the model or key.
             */
            id?: string | null;
            /** Format: int64 */
            prompt_tokens: number;
            /** Format: int64 */
            reasoning_tokens: number;
            /** Format: int64 */
            requests: number;
            /** Format: int64 */
            unrated_requests: number;
        };
        /** @description Who pays: a person or an organization. */
        User: {
            /**
             * @description The balance without what is held, in credits.
             * @example 12.48
             */
            available: string;
            /**
             * @description What is left, in credits; a decimal as text, exact to twelve places. May be below zero.
             * @example 12.5
             */
            balance: string;
            /** Format: date-time */
            created_at: string;
            /**
             * Format: date-time
             * @description Since when none of the user's keys admits anything. `null`: active.
             */
            deactivated_at?: string | null;
            /**
             * @description Of the balance, what requests in flight hold, in credits: what they are expected to cost, and what they may cost at most as soon as the money
             *     does not cover that easily. As gateways said last: a quarter of a second ago, where there is traffic.
             * @example 0.02
             */
            held: string;
            /** Format: uuid */
            id: string;
            /**
             * @description `individual` or `organization`.
             * @example individual
             */
            kind: string;
            /**
             * @description What gateways may spend of it without asking, in credits: `held`, what they have charged and the books do not have yet, and room.
             * @example 1
             */
            leased: string;
            limits?: components["schemas"]["Limits"] | null;
            /** @description Unique among all users. */
            name: string;
            /** @description What the user may do on the whole platform when signed in: `manager`, `billing_manager`, `viewer`. `null`: what is its own. */
            role?: string | null;
        };
        /** @description A user whose role was set. */
        UserWithRole: components["schemas"]["User"] & components["schemas"]["MadeWaysIn"] & {
            /** @description Keys that were revoked with it: the user's own, with a role that the new one does not include, and those made for others where that was asked. */
            revoked_keys: string[];
        };
        /** @description Everything that a model costs, has cost and will cost. */
        WantedCosts: {
            /**
             * @description The history as it was read. Where it is given and is no longer what there is, nothing changes, and the answer is 409; without it, whatever
             *     there is gives way.
             */
            before?: components["schemas"]["UpstreamCost"][] | null;
            /** @description What is not in it is taken away, also of the past: reports are worked out from this list alone. */
            costs: components["schemas"]["UpstreamCost"][];
        };
        /** @description The whole list of a model's prices from now on. */
        WantedList: {
            /**
             * @description The ids of all prices in force or to come, as they were read. Where it is given and is no longer what there is, nothing changes, and the answer is
             *     409; without it, whatever there is gives way.
             */
            before?: string[] | null;
            /** @description What is not in it closes now, what is new opens now, what is equal stays. */
            tariffs: components["schemas"]["NewTariff"][];
        };
        /** @description A list of prices, and the time that it is to be held against. */
        WantedPreview: {
            /**
             * Format: date-time
             * @description From the hour of this instant on; 30 days before `until` where it is left out.
             */
            since?: string | null;
            /**
             * @description The whole list, as it would be set. Of each purpose and window the price counts that is in force last, as if it had been in force all the
             *     time.
             */
            tariffs: components["schemas"]["NewTariff"][];
            /**
             * Format: date-time
             * @description Until the end of the hour of this instant; the present hour where it is left out.
             */
            until?: string | null;
        };
        /** @description A role to be given. */
        WantedRole: {
            /** @description Revoke keys as well that the user made for others, with roles that the new one does not include. Whoever made them has seen their secrets. */
            revoke_made_keys?: boolean;
            /**
             * @description `manager`, `billing_manager` or `viewer`; `null` takes the role away.
             * @example viewer
             */
            role: string | null;
        };
        /** @description A webhook. */
        Webhook: {
            /** Format: date-time */
            created_at: string;
            /** Format: uuid */
            id: string;
            /**
             * @description It is connected to by addresses of the public internet and of `admin.allowed_networks` alone. So it is with every webhook that was set here;
             *     one that the server's command line set may lead anywhere.
             */
            public_only: boolean;
            /** @description Where messages are posted to. */
            url: string;
            /** @description By name. */
            user?: string | null;
            /**
             * Format: uuid
             * @description The only user that it hears of; `null`: of all.
             */
            user_id?: string | null;
        };
        /** @description What became of a message that says nothing. */
        WebhookTest: {
            /** @description Whether the receiver took it. */
            delivered: boolean;
            /** @description What was wrong; `null` where it was taken. */
            error?: string | null;
            /** @description As the receiver sees it. */
            message_id: string;
            /**
             * Format: int32
             * @description The answer's status; `null` where there was none.
             */
            status?: number | null;
        };
        /** @description A webhook that was made, with its secret. */
        WebhookWithSecret: components["schemas"]["Webhook"] & {
            /**
             * @description What messages are signed with, by the Standard Webhooks specification. Shown this once.
             * @example whsec_…
             */
            secret: string;
        };
        /** @description A list that is short by its nature, whole. */
        Whole_Endpoint: {
            /** @description The rows, in the list's order. */
            data: {
                /**
                 * @description How it wants its credential: `bearer`, `x-api-key`, `api-key`, `x-goog-api-key`, or `none`, where it has none.
                 * @example bearer
                 */
                auth_style: string;
                /** @description Without a slash at the end. */
                base_url: string;
                /** Format: uuid */
                id: string;
                /** @description Usage is asked for in streams where the client did not. */
                inject_usage: boolean;
                /** @description Unique among live endpoints. */
                name: string;
                /**
                 * @description What happens upstream when a client goes away: `drain` or `cancel`.
                 * @example drain
                 */
                on_disconnect: string;
                /**
                 * @description What a success without usage becomes: `estimate` or `unrated`.
                 * @example estimate
                 */
                on_missing_usage: string;
                /** @description Further paths that are passed through and recorded. */
                pass_through_paths: string[];
                /** @description Route of a surface → path template of this upstream. */
                path_templates: {
                    [key: string]: string;
                };
                /** @description Whose it is, such as `openai`. */
                provider_name?: string | null;
                /**
                 * @description Gateways reach it by addresses of the public internet and of `admin.allowed_networks` alone. So it is with every URL that was set here; one
                 *     that the server's command line set may lead anywhere.
                 */
                public_only: boolean;
            }[];
        };
        /** @description A list that is short by its nature, whole. */
        Whole_Identity: {
            /** @description The rows, in the list's order. */
            data: {
                /**
                 * Format: date-time
                 * @description When it was written down.
                 */
                created_at: string;
                /** @description The address by which the link came about, or is to come about. */
                email?: string | null;
                /** Format: uuid */
                id: string;
                /**
                 * @description The provider.
                 * @example https://login.example.com
                 */
                issuer: string;
                /**
                 * Format: date-time
                 * @description When it was come in by last.
                 */
                last_sign_in_at?: string | null;
                /**
                 * Format: date-time
                 * @description Since when the subject comes in by it.
                 */
                linked_at?: string | null;
                /** @description The provider's own name for the user. `null`: nobody has come with the address yet. */
                subject?: string | null;
            }[];
        };
        /** @description A list that is short by its nature, whole. */
        Whole_Model: {
            /** @description The rows, in the list's order. */
            data: {
                /** @description The name that clients use; unique among live models. */
                alias: string;
                /** Format: date-time */
                created_at: string;
                /** Format: uuid */
                endpoint_id: string;
                endpoint_name: string;
                /** Format: uuid */
                id: string;
                /** @description The name that the endpoint uses. */
                upstream_model: string;
            }[];
        };
        /** @description A list that is short by its nature, whole. */
        Whole_Quarantined: {
            /** @description The rows, in the list's order. */
            data: {
                /** Format: int64 */
                correlation_id: number;
                /** @description The UTC day of its admission. */
                day: string;
                /** Format: uuid */
                id: string;
                /** Format: uuid */
                instance_id: string;
                /** Format: date-time */
                quarantined_at: string;
                /** @description Why the books refused it. */
                reason: string;
                request?: components["schemas"]["RefusedRequest"] | null;
                sqlstate?: string | null;
                /** Format: date-time */
                written_off_at?: string | null;
                written_off_by?: string | null;
            }[];
        };
        /** @description A list that is short by its nature, whole. */
        Whole_Tariff: {
            /** @description The rows, in the list's order. */
            data: {
                /** @description For batches with exactly this completion window; `null`: for any. */
                completion_window?: string | null;
                /** Format: uuid */
                id: string;
                prices: components["schemas"]["Prices"];
                /**
                 * @description For keys of this purpose.
                 * @example realtime
                 */
                purpose: string;
                /**
                 * Format: date-time
                 * @description In force from this instant on.
                 */
                valid_from: string;
                /**
                 * Format: date-time
                 * @description In force until just before this instant. Equal to `valid_from`: withdrawn before it came into force.
                 */
                valid_until?: string | null;
            }[];
        };
        /** @description A list that is short by its nature, whole. */
        Whole_UpstreamCost: {
            /** @description The rows, in the list's order. */
            data: {
                prices: components["schemas"]["UpstreamPrices"];
                /**
                 * Format: date-time
                 * @description A full hour of UTC, because usage is summed by the hour.
                 */
                valid_from: string;
            }[];
        };
        /** @description A list that is short by its nature, whole. */
        Whole_Usage: {
            /** @description The rows, in the list's order. */
            data: {
                /**
                 * @description Charged, in credits.
                 * @example 1.25
                 */
                amount: string;
                /** Format: int64 */
                cache_read_tokens: number;
                /** Format: int64 */
                cache_write_tokens: number;
                /** Format: int64 */
                completion_tokens: number;
                /** Format: int64 */
                failed_requests: number;
                /** @description An alias, a key's prefix, or an hour. `null` for requests without one. */
                group?: string | null;
                /**
                 * Format: uuid
                 * @description The id of the model or key.
                 */
                id?: string | null;
                /** Format: int64 */
                prompt_tokens: number;
                /** Format: int64 */
                reasoning_tokens: number;
                /** Format: int64 */
                requests: number;
                /** Format: int64 */
                unrated_requests: number;
            }[];
        };
        /** @description A list that is short by its nature, whole. */
        Whole_Webhook: {
            /** @description The rows, in the list's order. */
            data: {
                /** Format: date-time */
                created_at: string;
                /** Format: uuid */
                id: string;
                /**
                 * @description It is connected to by addresses of the public internet and of `admin.allowed_networks` alone. So it is with every webhook that was set here;
                 *     one that the server's command line set may lead anywhere.
                 */
                public_only: boolean;
                /** @description Where messages are posted to. */
                url: string;
                /** @description By name. */
                user?: string | null;
                /**
                 * Format: uuid
                 * @description The only user that it hears of; `null`: of all.
                 */
                user_id?: string | null;
            }[];
        };
        /** @description A record that was given up. */
        WrittenOff: {
            /** Format: uuid */
            id: string;
            written_off_by: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
