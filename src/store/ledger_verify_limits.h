/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the audit log says of caps and limits, in SQL, and whether that is what the tables say. The
 * log has what was asked for, as JSON; scopes of which it has an act whose detail cannot be read
 * (it was longer than an entry may be, or no administration made it) are left out. Read only; the
 * connection has a transaction.
 */
#ifndef SLUICE_STORE_LEDGER_VERIFY_LIMITS_H
#define SLUICE_STORE_LEDGER_VERIFY_LIMITS_H

#include "store/database.h"

/* `acts`: what was done to limits; `pieces`: to those of one scope ("key:7 ") and model (or ''),
 * with the JSON object that has them; `priced`: to its caps. Begins a question. */
#define AUDIT_PIECES                                                                               \
    "WITH acts AS (SELECT id, at_ns, action, substr(subject, 1, instr(subject || ' ', ' '))"       \
    " AS prefix, json_valid(detail) AS readable, CASE WHEN json_valid(detail) THEN detail"         \
    " ELSE '{}' END AS detail FROM audit WHERE outcome = 'ok' AND action IN ('key.create',"        \
    " 'limit.change')), pieces AS (SELECT id, at_ns, prefix, CASE action WHEN 'limit.change' THEN" \
    " coalesce(json_extract(detail, '$.model'), '') ELSE '' END AS model, detail AS limits,"       \
    " coalesce(json_extract(detail, '$.clear'), 0) AS clear FROM acts UNION ALL"                   \
    " SELECT a.id, a.at_ns, a.prefix, l.key, l.value, 0 FROM acts a,"                              \
    " json_each(a.detail, '$.limits') l WHERE a.action = 'key.create'),"                           \
    " priced AS (SELECT p.id, p.prefix, p.model, json_extract(c.value, '$.per') AS per,"           \
    " coalesce(window_s(json_extract(c.value, '$.window')), 0) AS window_s,"                       \
    " usd_nd(json_extract(c.value, '$.usd', '$.usd')) AS amount_nd,"                               \
    " coalesce(json_extract(c.value, '$.soft'), 0) AS soft FROM pieces p,"                         \
    " json_each(p.limits, '$.caps') c) "

/* Makes usd_nd() and window_s() of this connection: of an array of "1.5", of "24h"; NULL for what
 * is neither. */
MUST_USE bool verify_limits_register(sqlite3 *db);
/* False: *error says which is not what was asked for last ("ledger_violation"), or why it could not
 * be looked at. */
MUST_USE bool ledger_verify_limits(sqlite3 *db, const char *path, struct error *error);

#endif
