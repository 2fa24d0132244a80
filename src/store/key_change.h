/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing keys, scopes and limits: short transactions, each on a connection of its own, which may
 * wait for another process (never on an event loop). A change and its entry in the audit log
 * (audit.h) take place together or not at all; what was refused is for the caller to record. Takes
 * effect at the next key_set_load().
 *
 * All functions: errors of database_open(), ledger_schema_prepare() and, in a cluster, key_share.h
 * ("authority_unsure": whether it took place is not known); "exceeds_creator" when the
 * actor is an administrator with limits of its own and would give more than it has.
 */
#ifndef SLUICE_STORE_KEY_CHANGE_H
#define SLUICE_STORE_KEY_CHANGE_H

#include "store/keys.h"

struct key_share;
struct share_spread;

#define LIMIT_MODELS_MAX 64 /* rules of one scope that name a model */

/* Who does it. */
struct key_actor {
    struct slice name;   /* as audit_entry.actor */
    struct slice source; /* as audit_entry.source */
    struct slice detail; /* what was asked for, as JSON without secrets; or empty */
    int64_t wall_ns;
    /* The administrator whose own scopes, limits and grants bind it, in its set; NULL: whoever can
     * open the database may do everything. */
    const struct key_set *set;
    const struct key *administrator;
    /* In a cluster: through it (key_share.h). A ledger that belongs to a cluster is not changed
     * without: "cluster_only". */
    struct key_share *share;
    struct share_spread *spread; /* waits for the other nodes and says which have it; or NULL */
};

/* One row of limits of a new key. */
struct limit_order {
    struct slice model; /* empty: every model */
    struct scope_limits limits;
};

/* What a new key shall be. Slices and arrays stay the caller's. */
struct key_order {
    enum key_role role;
    struct slice name;
    struct slice scopes[SCOPE_KINDS]; /* names; [SCOPE_KEY] is not looked at; empty: none. Scopes
                                         that do not exist yet are made (limit_change.h). */
    int64_t expires_s;                /* 0: never */
    const struct limit_order *limits;
    size_t limit_count;
    const struct grant *grants;
    size_t grant_count;
};

/*
 * Creates a key in the database at `path` (created if missing). The secret is written to `secret`
 * and kept nowhere. Errors: "bad_key_name" (1 to 63 printable characters, not those of
 * key_subject.h), "key_exists" (unique among keys in force), "bad_scope_name", "scope_conflict",
 * "scope_ambiguous", "bad_limit", "bad_grant".
 */
MUST_USE bool key_create(const char *path, const struct key_order *order,
                         const struct key_actor *actor, char secret[KEY_TEXT_SIZE],
                         struct key *ret_key, struct error *error);

/* The others find a key that is not revoked by `which`: its id, name, prefix or secret (also one
 * that was rotated away). "key_not_found", also for keys that the administrator has no business
 * with; "key_ambiguous". */
MUST_USE bool key_revoke(const char *path, struct slice which, const struct key_actor *actor,
                         struct key *ret_key, struct error *error);
/* Gives the key a new secret. The one before it opens for overlap_s more seconds; each older one
 * until its own overlap is over, and no longer than that either. *ret_older: how many of those open
 * still. "key_expired": only a key in force can be rotated; "key_of_subject": it has no secret;
 * "too_many_secrets": KEY_OLD_SECRETS_MAX open already. */
#define KEY_OLD_SECRETS_MAX 8
MUST_USE bool key_rotate(const char *path, struct slice which, int64_t overlap_s,
                         const struct key_actor *actor, char secret[KEY_TEXT_SIZE],
                         struct key *ret_key, unsigned *ret_older, struct error *error);
/* Blocks the key with this id until it is acknowledged (an overrun: a provider charged more than
 * could be foreseen), and takes its overruns from those that wait (ledger_overrun.h).
 * "key_not_found". */
MUST_USE bool key_block(const char *path, uint64_t id, const struct key_actor *actor,
                        struct error *error);
/* "key_not_blocked". */
MUST_USE bool key_acknowledge(const char *path, struct slice which, const struct key_actor *actor,
                              struct key *ret_key, struct error *error);

/*
 * Takes what the tables of the keys say as what was written (keys.h: KEY_DAMAGED), after somebody
 * has looked and put right what was wrong. The audit log says whose rows it were: *ret_text
 * ("key 17, team 3"; "": none). Rows that make no sense stay damaged: limits have to be set again.
 * Administrators with a key do not ("exceeds_creator"). "cluster_keys": in a cluster the others
 * have what was written (`sluice cluster forget --keys`).
 */
#define KEY_RESEAL_TEXT_SIZE 512
MUST_USE bool key_reseal(const char *path, const struct key_actor *actor,
                         char ret_text[KEY_RESEAL_TEXT_SIZE], struct error *error);

/* --- limits --- */

enum limit_field {
    LIMIT_REQUESTS = 1,
    LIMIT_TOKENS = 2,
    LIMIT_PARALLEL = 4,
    LIMIT_REQUEST_AMOUNT = 8,
    LIMIT_PACE = 16,
    LIMIT_CAPS_ALL = 32, /* the caps given replace all there are */
};

/* A wish to change limits: what is not named stays. Each cap given replaces the one of its period
 * (and window) or is added; with the amount LIMIT_NONE it goes. */
struct limit_change {
    unsigned fields; /* of enum limit_field */
    struct scope_limits limits;
};
/* Changes *limits; "bad_limit" leaves them as they were. */
MUST_USE bool limits_apply(struct scope_limits *limits, const struct limit_change *change,
                           struct error *error);
/* "bad_limit": numbers below 0 (but for LIMIT_NONE), two caps of one period, a rolling cap without
 * its window. 0 is allowed: nothing fits it. */
MUST_USE bool limits_check(const struct scope_limits *limits, struct error *error);

/* Whose limits: a key by `name` as `which` above, or a user, team or organisation by name. */
struct limit_subject {
    enum scope_kind kind;
    struct slice name;
    struct slice organisation; /* of users and teams: empty where the name is enough */
    struct slice model;        /* empty: every model */
};
/* Changes limits; the scope is made if there is none of that name (*ret_made). *ret_rule: as it is
 * now. */
MUST_USE bool key_limit(const char *path, const struct limit_subject *subject,
                        const struct limit_change *change, const struct key_actor *actor,
                        struct scope_rule *ret_rule, bool *ret_made, struct error *error);

#endif
