/* SPDX-License-Identifier: Apache-2.0 */
#include "store/keys.h"

#include "base/memory.h"
#include "store/keys_internal.h"

struct key_set *key_set_ref(struct key_set *set)
{
    atomic_fetch_add_explicit(&set->references, 1, memory_order_relaxed);
    return set;
}

void key_set_unref(struct key_set *set)
{
    if (set == NULL || atomic_fetch_sub_explicit(&set->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    key_digester_free(set->digester);
    memory_free(set->keys);
    memory_free(set->secrets);
    memory_free(set->grants);
    memory_free((void *)set->origins);
    memory_free(set->scopes);
    memory_free(set->scopes_by_name);
    memory_free(set->rules);
    memory_free(set->tokens);
    memory_free(set->slots);
    arena_release(&set->texts);
    memory_free(set);
}

/* --- keys --------------------------------------------------------------------------------------
 */

size_t key_set_count(const struct key_set *set)
{
    return set->count;
}

const struct key *key_set_at(const struct key_set *set, size_t index)
{
    CHECK(index < set->count);
    return &set->keys[index];
}

const struct key *key_set_by_id(const struct key_set *set, uint64_t id)
{
    size_t low = 0;
    size_t high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->keys[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < set->count && set->keys[low].id == id ? &set->keys[low] : NULL;
}

/* The digest is uniform, and nobody can choose it. */
size_t key_slot_of(const struct key_set *set, const uint8_t *digest)
{
    uint64_t word;
    memcpy(&word, digest, sizeof(word));
    return (size_t)word & (set->slot_count - 1);
}

static const struct key_secret *find_secret(const struct key_set *set, struct slice secret)
{
    uint8_t digest[KEY_DIGEST_SIZE];
    if (set->count == 0 || secret.len == 0 || secret.len >= KEY_TEXT_SIZE ||
        !key_digest(set->digester, secret, digest)) {
        return NULL;
    }
    struct slice wanted = slice_of((const char *)digest, sizeof(digest));
    size_t at = key_slot_of(set, digest);
    for (; set->slots[at] != 0; at = (at + 1) & (set->slot_count - 1)) {
        const struct key_secret *found = &set->secrets[set->slots[at] - 1];
        struct slice have = slice_of((const char *)found->digest, sizeof(found->digest));
        if (slice_eq_constant_time(have, wanted)) {
            return found;
        }
    }
    return NULL;
}

enum key_state key_state_at(const struct key *key, int64_t wall_s)
{
    if (key->damaged) {
        return KEY_DAMAGED;
    }
    if (key->revoked_s != 0) {
        return KEY_REVOKED;
    }
    if (key->expires_s != 0 && wall_s >= key->expires_s) {
        return KEY_EXPIRED;
    }
    return key->blocked_s != 0 ? KEY_BLOCKED : KEY_IN_FORCE;
}

enum key_state key_set_check(const struct key_set *set, struct slice secret, int64_t wall_s,
                             const struct key **ret_key)
{
    const struct key_secret *found = find_secret(set, secret);
    *ret_key = found == NULL ? NULL : &set->keys[found->key];
    if (found == NULL) {
        return KEY_UNKNOWN;
    }
    enum key_state state = key_state_at(*ret_key, wall_s);
    bool ended = found->ends_s != 0 && wall_s >= found->ends_s;
    return ended && state != KEY_REVOKED ? KEY_ROTATED : state;
}

const struct key *key_set_find(const struct key_set *set, enum key_role role, struct slice secret,
                               int64_t wall_s)
{
    const struct key *key = NULL;
    enum key_state state = key_set_check(set, secret, wall_s, &key);
    return state == KEY_IN_FORCE && key->role == role ? key : NULL;
}

const char *key_state_name(enum key_state state)
{
    static const char *const names[] = {
        [KEY_IN_FORCE] = "in force", [KEY_UNKNOWN] = "unknown", [KEY_REVOKED] = "revoked",
        [KEY_EXPIRED] = "expired",   [KEY_BLOCKED] = "blocked", [KEY_DAMAGED] = "damaged",
        [KEY_ROTATED] = "rotated",
    };
    return names[state];
}

/* --- scopes and rules --------------------------------------------------------------------------
 */

const char *scope_kind_name(enum scope_kind kind)
{
    static const char *const names[SCOPE_KINDS] = {
        [SCOPE_KEY] = "key",
        [SCOPE_USER] = "user",
        [SCOPE_TEAM] = "team",
        [SCOPE_ORGANISATION] = "organisation",
    };
    return names[kind];
}

size_t key_set_scope_count(const struct key_set *set)
{
    return set->scope_count;
}

const struct scope *key_set_scope_at(const struct key_set *set, size_t index)
{
    CHECK(index < set->scope_count);
    return &set->scopes[index];
}

const struct scope *key_set_scope(const struct key_set *set, enum scope_kind kind, uint64_t id)
{
    size_t low = 0;
    size_t high = set->scope_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct scope *scope = &set->scopes[middle];
        if (scope->kind < kind || (scope->kind == kind && scope->id < id)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const struct scope *scope = low < set->scope_count ? &set->scopes[low] : NULL;
    return scope != NULL && scope->kind == kind && scope->id == id ? scope : NULL;
}

int scope_compare(const struct scope *scope, enum scope_kind kind, uint64_t organisation,
                  struct slice name)
{
    if (scope->kind != kind) {
        return scope->kind < kind ? -1 : 1;
    }
    if (scope->organisation != organisation) {
        return scope->organisation < organisation ? -1 : 1;
    }
    return slice_compare(slice_from_cstr(scope->name), name);
}

const struct scope *key_set_scope_named(const struct key_set *set, enum scope_kind kind,
                                        uint64_t organisation, struct slice name)
{
    size_t low = 0;
    size_t high = set->scope_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct scope *scope = &set->scopes[set->scopes_by_name[middle]];
        int order = scope_compare(scope, kind, organisation, name);
        if (order == 0) {
            return scope;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

const struct scope_rule *key_set_rules(const struct key_set *set, size_t *ret_count)
{
    *ret_count = set->rule_count;
    return set->rules;
}

struct rule_range key_set_scope_rules(const struct key_set *set, enum scope_kind kind, uint64_t id)
{
    struct rule_range range = {0};
    size_t low = 0;
    size_t high = set->rule_count;
    while (low < high && id != 0) {
        size_t middle = low + (high - low) / 2;
        const struct scope_rule *rule = &set->rules[middle];
        if (rule->kind < kind || (rule->kind == kind && rule->scope_id < id)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    range.first = (uint32_t)low;
    while (id != 0 && low < set->rule_count && set->rules[low].kind == kind &&
           set->rules[low].scope_id == id) {
        low++;
        range.count++;
    }
    return range;
}

/* --- grants ------------------------------------------------------------------------------------
 */

const char *grant_kind_name(enum grant_kind kind)
{
    static const char *const names[GRANT_KINDS] = {
        [GRANT_ROUTE] = "route",   [GRANT_TARGET] = "target", [GRANT_MODEL] = "model",
        [GRANT_ORIGIN] = "origin", [GRANT_TAG] = "tag",
    };
    return names[kind];
}

const struct grant *key_set_grants(const struct key_set *set, size_t *ret_count)
{
    *ret_count = set->grant_count;
    return set->grants;
}

static bool grant_matches(const struct grant *grant, struct slice name)
{
    struct slice text = slice_from_cstr(grant->text);
    if (grant->kind == GRANT_MODEL && slice_ends(text, SLICE("*"))) {
        return slice_starts(name, slice_of(text.ptr, text.len - 1));
    }
    return grant->kind == GRANT_ORIGIN ? slice_eq_nocase(text, name) : slice_eq(text, name);
}

bool grants_list(const struct grant *grants, size_t count, enum grant_kind kind)
{
    for (size_t i = 0; i < count; i++) {
        if (grants[i].kind == kind) {
            return true;
        }
    }
    return false;
}

bool grants_allow(const struct grant *grants, size_t count, enum grant_kind kind, struct slice name)
{
    bool listed = false;
    for (size_t i = 0; i < count; i++) {
        if (grants[i].kind == kind) {
            if (grant_matches(&grants[i], name)) {
                return true;
            }
            listed = true;
        }
    }
    return !listed;
}

bool key_grants_any(const struct key_set *set, const struct key *key, enum grant_kind kind)
{
    return grants_list(set->grants + key->grant_first, key->grant_count, kind);
}

bool key_may_use(const struct key_set *set, const struct key *key, enum grant_kind kind,
                 struct slice name)
{
    return grants_allow(set->grants + key->grant_first, key->grant_count, kind, name);
}

static char folded(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* The order of SQLite's NOCASE. */
static int origin_compare(struct slice a, struct slice b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < common; i++) {
        unsigned char left = (unsigned char)folded(a.ptr[i]);
        unsigned char right = (unsigned char)folded(b.ptr[i]);
        if (left != right) {
            return left < right ? -1 : 1;
        }
    }
    return (a.len > b.len) - (a.len < b.len);
}

bool key_set_lists_origin(const struct key_set *set, struct slice origin)
{
    size_t low = 0;
    size_t high = set->origin_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = origin_compare(slice_from_cstr(set->origins[middle]), origin);
        if (order == 0) {
            return true;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

/* --- the set itself ----------------------------------------------------------------------------
 */

int64_t key_set_changes(const struct key_set *set)
{
    return set->changes;
}

const char *key_set_damage(const struct key_set *set)
{
    return set->damage;
}

bool key_set_tokens_damaged(const struct key_set *set)
{
    return set->tokens_damaged;
}

size_t key_set_bytes(const struct key_set *set)
{
    return sizeof(*set) + set->count * sizeof(*set->keys) +
           set->secret_count * sizeof(*set->secrets) + set->grant_count * sizeof(*set->grants) +
           set->scope_count * (sizeof(*set->scopes) + sizeof(*set->scopes_by_name)) +
           set->rule_count * sizeof(*set->rules) + set->origin_count * sizeof(*set->origins) +
           set->token_count * sizeof(*set->tokens) + set->slot_count * sizeof(*set->slots) +
           set->texts.used;
}
