-- Whether an upstream was set by somebody who may only name addresses of the public internet and networks that were opened: gateways hold to
-- it when they connect. What was set on a server's own command line, and what was there before, leads anywhere.
alter table inference_endpoints
    add column public_only boolean not null default false;
