/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client keys as the data plane sees them: an immutable set of everything that the database says
 * of keys, the scopes above them and their limits, read in one transaction and swapped as a whole
 * when something changed (key_change.h). A key is "sk-sl-" and 256 random bits (base62), shown
 * once, kept as a SHA-256 digest; a look-up hashes the secret and compares digests in constant
 * time, however many keys there are. Nothing here allocates after loading. Any thread; what comes
 * out of a set lives as long as the reference to it.
 */
#ifndef SLUICE_STORE_KEYS_H
#define SLUICE_STORE_KEYS_H

#include "base/error.h"
#include "base/slice.h"
#include "store/limits.h"

#define KEY_TEXT_SIZE 64 /* of a secret, with the NUL */
#define KEY_NAME_SIZE 64 /* with the NUL */
#define KEY_PREFIX_SIZE 16

/* Numbers are in the database. */
enum key_role {
    KEY_CLIENT = 0, /* may call models, administers nothing */
    KEY_ADMIN = 1,  /* may administer within its own limits, calls no model */
};

/* What a key may use. Of each kind: none listed means everything. */
enum grant_kind {
    GRANT_ROUTE = 0,  /* names of routes that may be asked for */
    GRANT_TARGET = 1, /* names of targets that may answer */
    GRANT_MODEL = 2,  /* names that clients ask for; a last '*' stands for any rest */
    GRANT_ORIGIN = 3, /* web origins ("https://app.example"); none listed: no rule on origins */
    GRANT_TAG = 4,    /* not a permission: a label for reports */
    GRANT_KINDS
};
#define GRANT_TEXT_MAX 255
#define GRANTS_MAX 256 /* of one key */

struct grant {
    enum grant_kind kind;
    const char *text;
};

/* A user, a team or an organisation. */
struct scope {
    enum scope_kind kind;
    uint64_t id;
    uint64_t organisation; /* of users and teams: the organisation's id; 0: none */
    const char *name;      /* of its kind unique within the organisation */
    bool damaged;          /* it, or a limit of it, is not what was written: see KEY_DAMAGED */
};

struct key {
    uint64_t id;
    char name[KEY_NAME_SIZE];
    char prefix[KEY_PREFIX_SIZE]; /* "sk-sl-3f9a": for display */
    enum key_role role;
    uint32_t grant_first; /* in key_set_grants(), by kind */
    uint32_t grant_count;
    bool damaged; /* it, or what stands above it */
    int64_t created_s;
    int64_t revoked_s;            /* 0: in force */
    int64_t expires_s;            /* 0: never */
    int64_t blocked_s;            /* an overrun at that time has not been acknowledged; 0: none */
    uint64_t scopes[SCOPE_KINDS]; /* [SCOPE_KEY]: its own id; 0: belongs to none */
    struct rule_range rules[SCOPE_KINDS]; /* that limit it, of each scope it belongs to */
};

enum key_state {
    KEY_IN_FORCE,
    KEY_UNKNOWN,
    KEY_REVOKED,
    KEY_EXPIRED,
    KEY_BLOCKED, /* an overrun has to be acknowledged first */
    /* Rows of it, of its limits and grants, or of a user, team or organisation that it belongs to
     * are not what was written (key_seals.h), or make no sense: what limits it is not known, so it
     * opens nothing until key_reseal() (key_change.h). */
    KEY_DAMAGED,
    KEY_ROTATED, /* this secret of it was replaced by another, and the overlap is over */
};

struct key_set; /* reference-counted, immutable */

/* Reads the database at `path`; a missing one, or one that was never set up, is an empty set.
 * "ledger_old": it has to be migrated first. */
MUST_USE struct key_set *key_set_load(const char *path, struct error *error);
struct key_set *key_set_ref(struct key_set *set);
void key_set_unref(struct key_set *set);

size_t key_set_count(const struct key_set *set);
const struct key *key_set_at(const struct key_set *set, size_t index); /* by id, ascending */
const struct key *key_set_by_id(const struct key_set *set, uint64_t id);
/* The key with this secret and role, in force at wall_s; else NULL. */
const struct key *key_set_find(const struct key_set *set, enum key_role role, struct slice secret,
                               int64_t wall_s);
/* The same, and why not; *ret_key is the key of the secret whatever its state and role, NULL:
 * unknown. */
enum key_state key_set_check(const struct key_set *set, struct slice secret, int64_t wall_s,
                             const struct key **ret_key);
enum key_state key_state_at(const struct key *key, int64_t wall_s);
const char *key_state_name(enum key_state state); /* "in force", "revoked" ... */

/* All limits, by kind, scope and model ("" first). A call is limited by the ranges of its key, of
 * each range by the rules without a model and those of the model that it asks for. Two sets have
 * the same rule at different places. */
const struct scope_rule *key_set_rules(const struct key_set *set, size_t *ret_count);
const struct grant *key_set_grants(const struct key_set *set, size_t *ret_count);

/* By kind, then by id. */
size_t key_set_scope_count(const struct key_set *set);
const struct scope *key_set_scope_at(const struct key_set *set, size_t index);
/* NULL: there is none; id 0 is none. Not of SCOPE_KEY. */
const struct scope *key_set_scope(const struct key_set *set, enum scope_kind kind, uint64_t id);
/* `organisation` 0: of none, as organisations are. */
const struct scope *key_set_scope_named(const struct key_set *set, enum scope_kind kind,
                                        uint64_t organisation, struct slice name);
struct rule_range key_set_scope_rules(const struct key_set *set, enum scope_kind kind, uint64_t id);

/* Does the key list grants of this kind, and is this one of them? A key that lists none may use
 * everything. */
bool key_grants_any(const struct key_set *set, const struct key *key, enum grant_kind kind);
bool key_may_use(const struct key_set *set, const struct key *key, enum grant_kind kind,
                 struct slice name);
/* The same of any grants. */
bool grants_list(const struct grant *grants, size_t count, enum grant_kind kind);
bool grants_allow(const struct grant *grants, size_t count, enum grant_kind kind,
                  struct slice name);

/* Does a client key that is not revoked list this origin? */
bool key_set_lists_origin(const struct key_set *set, struct slice origin);

/* Counts up with every change of what the set holds; sets of one database can be compared. */
int64_t key_set_changes(const struct key_set *set);
/* Is it what the database at `path` says now? False also when that cannot be read. */
bool key_set_is_current(const struct key_set *set, const char *path);
/* Whose rows are not what was written: "key:17 alice, team:3 blue", the first of them; "":
 * nobody's.
 */
const char *key_set_damage(const struct key_set *set);
/* Rows are gone, or revoked tokens, of which nobody knows whose they are: so that nothing opens
 * that a row would have refused, no token of an identity provider does. */
bool key_set_tokens_damaged(const struct key_set *set);
/* What the set takes in memory. */
size_t key_set_bytes(const struct key_set *set);

const char *scope_kind_name(enum scope_kind kind); /* "key", "user", "team", "organisation" */
const char *grant_kind_name(enum grant_kind kind); /* "route", "target", "model", ... */

#endif
