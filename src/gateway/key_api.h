/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The administration of keys, in JSON, without HTTP: what the admin API and `sluice key` have in
 * common. A body is strict: unknown and repeated members are errors, amounts are exact. Changes
 * block on the database, so they run on no event loop; what is refused is recorded in the audit log
 * like what is done. Bodies are described in docs/guides/keys.md.
 */
#ifndef SLUICE_GATEWAY_KEY_API_H
#define SLUICE_GATEWAY_KEY_API_H

#include "base/buf.h"
#include "base/clock.h"
#include "codec/json.h"
#include "store/key_change.h"
#include "store/key_share.h"
#include "store/token_revoke.h"

#define KEY_BODY_MAX ((size_t)256 << 10)

struct refusals;

enum key_operation {
    KEY_OPERATION_CREATE,
    KEY_OPERATION_REVOKE,
    KEY_OPERATION_ROTATE,
    KEY_OPERATION_ACKNOWLEDGE,
    KEY_OPERATION_LIMIT,
    KEY_OPERATION_RESEAL,
    KEY_OPERATIONS
};
const char *key_operation_name(enum key_operation operation); /* "key.create" */

struct key_request {
    enum key_operation operation;
    const char *ledger; /* path of the database */
    const struct clock *clock;
    struct slice body;
    struct slice actor; /* for the audit log, with the source */
    struct slice source;
    const struct key_set *set;       /* of administrator */
    const struct key *administrator; /* NULL: whoever owns the database */
    struct refusals *refusals; /* keeps a flood out of the audit log; NULL: none is expected */
    struct key_share *share;   /* of a cluster, or NULL */
};

struct key_result {
    enum key_operation operation;
    struct key key;               /* but of LIMIT and RESEAL */
    char secret[KEY_TEXT_SIZE];   /* of CREATE and ROTATE; OPENSSL_cleanse() it */
    int64_t overlap_s;            /* of ROTATE */
    unsigned older_secrets;       /* likewise: how many older ones open still */
    char token[TOKEN_ID_MAX + 1]; /* of REVOKE, where it was of a token: its id; else empty */
    int64_t token_expires_s;      /* as in key_body.h */
    struct scope_rule rule;       /* of LIMIT, with */
    bool made;                    /* the scope is new */
    char resealed[KEY_RESEAL_TEXT_SIZE]; /* of RESEAL: whose rows; "": nobody's */
    struct share_spread spread;          /* in a cluster: which nodes have it */
};

/* False: nothing was changed, and *error says why (its pointer names the member). */
MUST_USE bool key_api_change(const struct key_request *request, struct key_result *ret_result,
                             struct error *error);
/* What came of it; `set` was loaded after the change. */
void key_api_write_result(const struct key_set *set, const struct key_result *result,
                          int64_t wall_s, struct buf *out);

/* --- reading; `administrator` (of this set) sees its own keys and scopes only, NULL sees all ---
 */
#define KEY_LIST_MAX 1000
/* Keys with ids above `after`, `limit` of them; "next": the id to go on from. */
void key_api_write_list(const struct key_set *set, const struct key *administrator, uint64_t after,
                        size_t limit, int64_t wall_s, struct buf *out);
MUST_USE bool key_api_write_one(const struct key_set *set, const struct key *administrator,
                                uint64_t id, int64_t wall_s, struct buf *out, struct error *error);
void key_api_write_scopes(const struct key_set *set, const struct key *administrator,
                          struct buf *out);

/* --- the audit log --- */
/* A refusal of what `request` asked for. Logged when it cannot be recorded. */
void key_api_refused(const struct key_request *request, const struct error *error);
struct audit_page;
struct audit_head;
void key_api_write_audit(const struct audit_page *page, struct buf *out);
void key_api_write_audit_head(const struct audit_head *head, struct buf *out);
/* The JSON `text`, parsed, as it is logged: the same values, with keys and tokens in its strings
 * cut to their beginnings. False: there were some. */
MUST_USE bool key_api_detail(const struct json_doc *doc, struct slice text, struct buf *out);
/* `text`, which need not be JSON, with every client key in it cut to its prefix; empty when it
 * holds escapes or a token. */
void key_api_redact(struct slice text, struct buf *out);

#endif
