/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, scopes and limits as JSON. */
#include "gateway/key_api.h"

#include "codec/json_write.h"
#include "gateway/key_body.h"
#include "store/audit.h"
#include "store/key_bounds.h"

/* --- limits ------------------------------------------------------------------------------------
 */

static void member_count(struct json_writer *w, const char *name, int64_t value)
{
    if (value != LIMIT_NONE) {
        json_member_int(w, slice_from_cstr(name), value);
    }
}

static void write_cap(struct json_writer *w, const struct spend_cap *cap)
{
    json_begin_object(w);
    json_member_scaled(w, SLICE("usd"), cap->amount_nd, 9);
    json_member_string(w, SLICE("per"), slice_from_cstr(cap_period_words[cap->period]));
    if (cap->period == CAP_ROLLING) {
        json_member_int(w, SLICE("window_s"), cap->window_s);
    }
    json_member_bool(w, SLICE("soft"), cap->soft);
    json_end_object(w);
}

static void write_limits(struct json_writer *w, const struct scope_limits *limits)
{
    if (limits->cap_count > 0) {
        json_key(w, SLICE("caps"));
        json_begin_array(w);
        for (size_t i = 0; i < limits->cap_count; i++) {
            write_cap(w, &limits->caps[i]);
        }
        json_end_array(w);
    }
    member_count(w, "requests_per_minute", limits->requests_per_minute);
    member_count(w, "tokens_per_minute", limits->tokens_per_minute);
    member_count(w, "parallel", limits->parallel);
    if (limits->max_request_nd != LIMIT_NONE) {
        json_member_scaled(w, SLICE("max_request_usd"), limits->max_request_nd, 9);
    }
    if (limits->pace) {
        json_member_bool(w, SLICE("pace"), true);
    }
}

/* What holds for all models in the object itself, the others below "limits". */
static void write_rules(struct json_writer *w, const struct key_set *set, struct rule_range range)
{
    size_t count = 0;
    const struct scope_rule *rules = key_set_rules(set, &count);
    bool models = false;
    for (uint32_t i = range.first; i < range.first + range.count; i++) {
        if (rules[i].model[0] == '\0') {
            write_limits(w, &rules[i].limits);
            continue;
        }
        if (!models) {
            json_key(w, SLICE("limits"));
            json_begin_object(w);
            models = true;
        }
        json_key(w, slice_from_cstr(rules[i].model));
        json_begin_object(w);
        write_limits(w, &rules[i].limits);
        json_end_object(w);
    }
    if (models) {
        json_end_object(w);
    }
}

/* --- keys --------------------------------------------------------------------------------------
 */

static void member_time(struct json_writer *w, const char *name, int64_t at_s)
{
    char text[CLOCK_TEXT_SIZE];
    if (at_s != 0) {
        json_member_string(w, slice_from_cstr(name),
                           slice_from_cstr(clock_format(at_s * NS_PER_S, text)));
    }
}

static void write_grants(struct json_writer *w, const struct key_set *set, const struct key *key)
{
    static const struct slice names[GRANT_KINDS] = {
        [GRANT_ROUTE] = SLICE_INIT("routes"), [GRANT_TARGET] = SLICE_INIT("targets"),
        [GRANT_MODEL] = SLICE_INIT("models"), [GRANT_ORIGIN] = SLICE_INIT("origins"),
        [GRANT_TAG] = SLICE_INIT("tags"),
    };
    size_t count = 0;
    const struct grant *grants = key_set_grants(set, &count);
    for (uint32_t i = 0; i < key->grant_count; i++) {
        const struct grant *grant = &grants[key->grant_first + i];
        if (i == 0 || grant->kind != grant[-1].kind) {
            json_key(w, names[grant->kind]);
            json_begin_array(w);
        }
        json_write_string(w, slice_from_cstr(grant->text));
        if (i + 1 == key->grant_count || grant->kind != grant[1].kind) {
            json_end_array(w);
        }
    }
}

static void write_scopes_of(struct json_writer *w, const struct key_set *set, const struct key *key)
{
    for (enum scope_kind kind = SCOPE_USER; kind < SCOPE_KINDS; kind++) {
        const struct scope *scope = key_set_scope(set, kind, key->scopes[kind]);
        if (scope != NULL) {
            json_member_string(w, slice_from_cstr(scope_kind_name(kind)),
                               slice_from_cstr(scope->name));
        }
    }
}

static void write_members(struct json_writer *w, const struct key_set *set, const struct key *key,
                          int64_t wall_s)
{
    enum key_state state = key_state_at(key, wall_s);
    json_member_int(w, SLICE("id"), (int64_t)key->id);
    json_member_string(w, SLICE("name"), slice_from_cstr(key->name));
    json_member_string(w, SLICE("prefix"), slice_from_cstr(key->prefix));
    if (key->role == KEY_ADMIN) {
        json_member_bool(w, SLICE("admin"), true);
    }
    json_member_string(w, SLICE("state"), slice_from_cstr(key_state_name(state)));
    json_member_bool(w, SLICE("in_force"), state == KEY_IN_FORCE);
    member_time(w, "created", key->created_s);
    member_time(w, "expires", key->expires_s);
    member_time(w, "revoked", key->revoked_s);
    member_time(w, "blocked", key->blocked_s);
    write_scopes_of(w, set, key);
    write_rules(w, set, key->rules[SCOPE_KEY]);
    write_grants(w, set, key);
}

static bool is_seen_by(const struct key_set *set, const struct key *administrator,
                       const struct key *key)
{
    const struct key_actor actor = {.set = set, .administrator = administrator};
    return administrator == NULL || (key->role == KEY_CLIENT && bounds_reach(&actor, key->scopes));
}

void key_api_write_list(const struct key_set *set, const struct key *administrator, uint64_t after,
                        size_t limit, int64_t wall_s, struct buf *out)
{
    struct json_writer w;
    size_t written = 0;
    uint64_t next = 0;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_key(&w, SLICE("keys"));
    json_begin_array(&w);
    for (size_t i = 0; i < key_set_count(set); i++) {
        const struct key *key = key_set_at(set, i);
        if (key->id <= after || !is_seen_by(set, administrator, key)) {
            continue;
        }
        if (written == limit) {
            next = after;
            break;
        }
        json_begin_object(&w);
        write_members(&w, set, key, wall_s);
        json_end_object(&w);
        written++;
        after = key->id;
    }
    json_end_array(&w);
    if (next != 0) {
        json_member_int(&w, SLICE("next"), (int64_t)next);
    }
    json_end_object(&w);
}

bool key_api_write_one(const struct key_set *set, const struct key *administrator, uint64_t id,
                       int64_t wall_s, struct buf *out, struct error *error)
{
    struct json_writer w;
    const struct key *key = key_set_by_id(set, id);
    if (key == NULL || !is_seen_by(set, administrator, key)) {
        return error_set(error, ERROR_NOT_FOUND, "key_not_found", "no key has this id");
    }
    json_writer_init(&w, out);
    json_begin_object(&w);
    write_members(&w, set, key, wall_s);
    json_end_object(&w);
    return true;
}

/* --- scopes ------------------------------------------------------------------------------------
 */

static bool scope_is_seen_by(const struct key_set *set, const struct key *administrator,
                             const struct scope *scope)
{
    uint64_t ids[SCOPE_KINDS] = {[SCOPE_ORGANISATION] = scope->organisation};
    const struct key_actor actor = {.set = set, .administrator = administrator};
    ids[scope->kind] = scope->id;
    return administrator == NULL || bounds_reach(&actor, ids);
}

static void write_scope(struct json_writer *w, const struct key_set *set, const struct scope *scope)
{
    const struct scope *organisation = key_set_scope(set, SCOPE_ORGANISATION, scope->organisation);
    json_begin_object(w);
    json_member_string(w, SLICE("kind"), slice_from_cstr(scope_kind_name(scope->kind)));
    json_member_int(w, SLICE("id"), (int64_t)scope->id);
    json_member_string(w, SLICE("name"), slice_from_cstr(scope->name));
    if (organisation != NULL) {
        json_member_string(w, SLICE("organisation"), slice_from_cstr(organisation->name));
    }
    write_rules(w, set, key_set_scope_rules(set, scope->kind, scope->id));
    json_end_object(w);
}

void key_api_write_scopes(const struct key_set *set, const struct key *administrator,
                          struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_key(&w, SLICE("scopes"));
    json_begin_array(&w);
    for (size_t i = 0; i < key_set_scope_count(set); i++) {
        const struct scope *scope = key_set_scope_at(set, i);
        if (scope_is_seen_by(set, administrator, scope)) {
            write_scope(&w, set, scope);
        }
    }
    json_end_array(&w);
    json_end_object(&w);
}

/* --- what came of a change ---------------------------------------------------------------------
 */

static void write_rule(struct json_writer *w, const struct key_set *set,
                       const struct key_result *result)
{
    const struct scope_rule *rule = &result->rule;
    const struct scope *scope =
        rule->kind == SCOPE_KEY ? NULL : key_set_scope(set, rule->kind, rule->scope_id);
    const struct key *key = rule->kind == SCOPE_KEY ? key_set_by_id(set, rule->scope_id) : NULL;
    const char *name = scope != NULL ? scope->name : key != NULL ? key->name : "";
    json_member_string(w, SLICE("kind"), slice_from_cstr(scope_kind_name(rule->kind)));
    json_member_int(w, SLICE("id"), (int64_t)rule->scope_id);
    json_member_string(w, SLICE("name"), slice_from_cstr(name));
    if (result->made) {
        json_member_bool(w, SLICE("made"), true);
    }
    if (rule->model[0] != '\0') {
        json_member_string(w, SLICE("model"), slice_from_cstr(rule->model));
    }
    write_limits(w, &rule->limits);
}

/* Nodes of the cluster that had not taken the change when it was answered. */
static void write_spread(struct json_writer *w, const struct share_spread *spread)
{
    struct slice names = slice_from_cstr(spread->waiting);
    json_key(w, SLICE("pending_nodes"));
    json_begin_array(w);
    while (names.len > 0) {
        struct slice name = slice_trim(slice_cut(&names, ','));
        json_write_string(w, name);
    }
    json_end_array(w);
}

void key_api_write_result(const struct key_set *set, const struct key_result *result,
                          int64_t wall_s, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    if (result->operation == KEY_OPERATION_LIMIT) {
        write_rule(&w, set, result);
    } else if (result->operation == KEY_OPERATION_RESEAL) {
        json_member_string(&w, SLICE("resealed"), slice_from_cstr(result->resealed));
        json_member_string(&w, SLICE("damaged"), slice_from_cstr(key_set_damage(set)));
    } else if (result->token[0] != '\0') {
        json_member_string(&w, SLICE("token"), slice_from_cstr(result->token));
        json_member_bool(&w, SLICE("revoked"), true);
        member_time(&w, "expires", result->token_expires_s);
    } else {
        const struct key *key = key_set_by_id(set, result->key.id);
        if (result->secret[0] != '\0') {
            json_member_string(&w, SLICE("key"), slice_from_cstr(result->secret));
        }
        if (result->operation == KEY_OPERATION_ROTATE) {
            json_member_int(&w, SLICE("overlap_s"), result->overlap_s);
            json_member_int(&w, SLICE("older_secrets"), result->older_secrets);
        }
        write_members(&w, set, key == NULL ? &result->key : key, wall_s);
    }
    if (result->spread.seq != 0) {
        write_spread(&w, &result->spread);
    }
    json_end_object(&w);
}

/* --- the audit log -----------------------------------------------------------------------------
 */

void key_api_write_audit(const struct audit_page *page, struct buf *out)
{
    struct json_writer w;
    char time[CLOCK_TEXT_SIZE];
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_key(&w, SLICE("entries"));
    json_begin_array(&w);
    for (size_t i = 0; i < page->count; i++) {
        const struct audit_entry *entry = &page->entries[i];
        json_begin_object(&w);
        json_member_int(&w, SLICE("id"), (int64_t)entry->id);
        json_member_string(&w, SLICE("at"), slice_from_cstr(clock_format(entry->at_ns, time)));
        json_member_string(&w, SLICE("actor"), entry->actor);
        json_member_string(&w, SLICE("source"), entry->source);
        json_member_string(&w, SLICE("action"), entry->action);
        json_member_string(&w, SLICE("subject"), entry->subject);
        json_member_string(&w, SLICE("outcome"), entry->outcome);
        json_member_string(&w, SLICE("detail"), entry->detail);
        json_end_object(&w);
    }
    json_end_array(&w);
    if (page->next != 0) {
        json_member_int(&w, SLICE("next"), (int64_t)page->next);
    }
    json_end_object(&w);
}

void key_api_write_audit_head(const struct audit_head *head, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_bool(&w, SLICE("sound"), true);
    json_member_int(&w, SLICE("entries"), head->count);
    json_member_string(&w, SLICE("hash"), slice_from_cstr(head->hash));
    json_end_object(&w);
}
