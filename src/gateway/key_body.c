/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/key_body.h"

#include "model/money.h"

#define BODY_ARENA ((size_t)1 << 20)
#define BODY_DEPTH 8
#define BODY_NODES 20000
#define TEN_YEARS_S (INT64_C(3653) * 86400)
#define MEMBERS_MAX 32
#define DEFAULT_OVERLAP_S INT64_C(86400)

/* --- members -----------------------------------------------------------------------------------
 */

struct member {
    const char *name;
    bool (*read)(struct key_body *body, uint32_t value, void *into);
};

static bool refuse(struct key_body *body, const char *code, const char *text)
{
    return error_set(body->error, ERROR_INVALID, code, "%s", text);
}

static const struct member *find_member(struct key_body *body, uint32_t key,
                                        const struct member *members, size_t count, size_t *ret_at)
{
    for (size_t i = 0; i < count; i++) {
        if (json_string_is(&body->doc, key, slice_from_cstr(members[i].name))) {
            *ret_at = i;
            return &members[i];
        }
    }
    return NULL;
}

/* Names in an object that nobody knows are mistakes, and so are names that stand twice. */
static bool read_members(struct key_body *body, uint32_t object, const struct member *members,
                         size_t count, void *into)
{
    uint32_t seen = 0;
    CHECK(count <= MEMBERS_MAX);
    if (!json_is(&body->doc, object, JSON_OBJECT)) {
        return refuse(body, "invalid_body", "an object is expected");
    }
    for (uint32_t i = json_first(&body->doc, object); i != JSON_ABSENT;
         i = json_next(&body->doc, object, i)) {
        size_t at = 0;
        const struct member *member = find_member(body, i, members, count, &at);
        if (member == NULL) {
            return refuse(body, "unknown_member", "there is a member that is not known here");
        }
        if ((seen >> at & 1) != 0) {
            error_set(body->error, ERROR_INVALID, "duplicate_member", "\"%s\" stands there twice",
                      member->name);
            return false;
        }
        seen |= UINT32_C(1) << at;
        if (!member->read(body, i + 1, into)) {
            if (body->error->pointer[0] == '\0') {
                error_at(body->error, "/%s", member->name);
            }
            return false;
        }
    }
    return true;
}

static bool read_text(struct key_body *body, uint32_t value, struct slice *ret_text)
{
    if (!json_is(&body->doc, value, JSON_STRING)) {
        return refuse(body, "invalid_body", "a string is expected");
    }
    *ret_text = json_string(&body->doc, value, &body->arena);
    return !body->arena.exhausted ||
           error_set(body->error, ERROR_LIMIT, "too_large", "the body is too large");
}

/* Optional texts may be null, which is as good as absent. */
static bool read_name(struct key_body *body, uint32_t value, struct slice *ret_name)
{
    if (json_is(&body->doc, value, JSON_NULL)) {
        return true;
    }
    if (!read_text(body, value, ret_name)) {
        return false;
    }
    return ret_name->len > 0 || refuse(body, "invalid_body", "an empty name");
}

bool duration_parse(struct slice text, int64_t *ret_s)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    uint64_t count = 0;
    if (text.len < 2 || !slice_to_u64(slice_of(text.ptr, text.len - 1), &count) ||
        count > (uint64_t)TEN_YEARS_S) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (units[i].unit == text.ptr[text.len - 1]) {
            *ret_s = (int64_t)count * units[i].seconds;
            return *ret_s <= TEN_YEARS_S;
        }
    }
    return false;
}

static bool read_duration(struct key_body *body, uint32_t value, int64_t *ret_s)
{
    struct slice text;
    if (!read_text(body, value, &text)) {
        return false;
    }
    return duration_parse(text, ret_s) ||
           refuse(body, "bad_duration",
                  "a time is a whole number with its unit, such as 90s, 24h, 30d, 8w; at most ten "
                  "years");
}

/* --- limits ------------------------------------------------------------------------------------
 */

/* null: no limit. */
static bool read_count(struct key_body *body, uint32_t value, struct limit_change *change,
                       enum limit_field field, int64_t *ret_count)
{
    change->fields |= field;
    *ret_count = LIMIT_NONE;
    if (json_is(&body->doc, value, JSON_NULL)) {
        return true;
    }
    if (!json_is(&body->doc, value, JSON_NUMBER) || !json_int64(&body->doc, value, ret_count) ||
        *ret_count < 0) {
        return refuse(body, "bad_limit", "a limit is a whole number of 0 or more, or null");
    }
    return true;
}

/* A number, or a string with the same text: both are read as text, never as a double. */
static bool read_money(struct key_body *body, uint32_t value, int64_t *ret_nd)
{
    struct slice text;
    *ret_nd = LIMIT_NONE;
    if (json_is(&body->doc, value, JSON_NULL)) {
        return true;
    }
    if (json_is(&body->doc, value, JSON_NUMBER)) {
        text = json_raw(&body->doc, value);
    } else if (!read_text(body, value, &text)) {
        return refuse(body, "bad_amount", "an amount is a number, a string with one, or null");
    }
    return money_parse(text, ret_nd, body->error);
}

static bool limit_requests(struct key_body *body, uint32_t value, void *into)
{
    struct limit_change *change = into;
    return read_count(body, value, change, LIMIT_REQUESTS, &change->limits.requests_per_minute);
}

static bool limit_tokens(struct key_body *body, uint32_t value, void *into)
{
    struct limit_change *change = into;
    return read_count(body, value, change, LIMIT_TOKENS, &change->limits.tokens_per_minute);
}

static bool limit_parallel(struct key_body *body, uint32_t value, void *into)
{
    struct limit_change *change = into;
    return read_count(body, value, change, LIMIT_PARALLEL, &change->limits.parallel);
}

static bool limit_request_amount(struct key_body *body, uint32_t value, void *into)
{
    struct limit_change *change = into;
    change->fields |= LIMIT_REQUEST_AMOUNT;
    return read_money(body, value, &change->limits.max_request_nd);
}

static bool limit_pace(struct key_body *body, uint32_t value, void *into)
{
    struct limit_change *change = into;
    change->fields |= LIMIT_PACE;
    return json_bool(&body->doc, value, &change->limits.pace) ||
           refuse(body, "invalid_body", "true or false is expected");
}

static bool limit_clear(struct key_body *body, uint32_t value, void *into)
{
    struct limit_change *change = into;
    bool clear = false;
    if (!json_bool(&body->doc, value, &clear)) {
        return refuse(body, "invalid_body", "true or false is expected");
    }
    change->fields |= clear ? LIMIT_REQUESTS | LIMIT_TOKENS | LIMIT_PARALLEL |
                                  LIMIT_REQUEST_AMOUNT | LIMIT_PACE | LIMIT_CAPS_ALL
                            : 0;
    return true;
}

static bool cap_amount(struct key_body *body, uint32_t value, void *into)
{
    struct spend_cap *cap = into;
    return read_money(body, value, &cap->amount_nd);
}

const char *const cap_period_words[CAP_PERIODS] = {
    [CAP_TOTAL] = "total", [CAP_DAY] = "day",         [CAP_WEEK] = "week",
    [CAP_MONTH] = "month", [CAP_ROLLING] = "rolling",
};

static bool cap_per(struct key_body *body, uint32_t value, void *into)
{
    struct spend_cap *cap = into;
    struct slice word;
    if (!read_text(body, value, &word)) {
        return false;
    }
    for (enum cap_period period = CAP_TOTAL; period < CAP_PERIODS; period++) {
        if (slice_eq(word, slice_from_cstr(cap_period_words[period]))) {
            cap->period = period;
            return true;
        }
    }
    return refuse(body, "bad_limit", "per is one of day, week, month, total, rolling");
}

static bool cap_window(struct key_body *body, uint32_t value, void *into)
{
    struct spend_cap *cap = into;
    return read_duration(body, value, &cap->window_s);
}

static bool cap_soft(struct key_body *body, uint32_t value, void *into)
{
    struct spend_cap *cap = into;
    return json_bool(&body->doc, value, &cap->soft) ||
           refuse(body, "invalid_body", "true or false is expected");
}

static bool limit_caps(struct key_body *body, uint32_t value, void *into)
{
    static const struct member members[] = {
        {"usd", cap_amount}, {"per", cap_per}, {"window", cap_window}, {"soft", cap_soft}};
    struct limit_change *change = into;
    struct scope_limits *limits = &change->limits;
    if (!json_is(&body->doc, value, JSON_ARRAY)) {
        return refuse(body, "invalid_body", "a list of caps is expected");
    }
    for (uint32_t i = json_first(&body->doc, value); i != JSON_ABSENT;
         i = json_next(&body->doc, value, i)) {
        struct spend_cap cap = {.period = CAP_PERIODS, .amount_nd = INT64_MIN};
        if (limits->cap_count == SCOPE_CAPS_MAX) {
            return refuse(body, "bad_limit", "a scope has at most four caps");
        }
        if (!read_members(body, i, members, ARRAY_LEN(members), &cap)) {
            return false;
        }
        if (cap.amount_nd == INT64_MIN || cap.period == CAP_PERIODS) {
            return refuse(body, "bad_limit",
                          "a cap needs usd (null takes it away) and per: day, week, month, total "
                          "or rolling");
        }
        limits->caps[limits->cap_count++] = cap;
    }
    return true;
}

#define LIMIT_MEMBERS                                                                              \
    {"caps", limit_caps}, {"requests_per_minute", limit_requests},                                 \
        {"tokens_per_minute", limit_tokens}, {"parallel", limit_parallel},                         \
        {"max_request_usd", limit_request_amount},                                                 \
    {                                                                                              \
        "pace", limit_pace                                                                         \
    }

/* --- a new key ---------------------------------------------------------------------------------
 */

static bool create_name(struct key_body *body, uint32_t value, void *into)
{
    (void)into;
    return read_name(body, value, &body->order.name);
}

static bool create_user(struct key_body *body, uint32_t value, void *into)
{
    (void)into;
    return read_name(body, value, &body->order.scopes[SCOPE_USER]);
}

static bool create_team(struct key_body *body, uint32_t value, void *into)
{
    (void)into;
    return read_name(body, value, &body->order.scopes[SCOPE_TEAM]);
}

static bool create_organisation(struct key_body *body, uint32_t value, void *into)
{
    (void)into;
    return read_name(body, value, &body->order.scopes[SCOPE_ORGANISATION]);
}

static bool create_expires_in(struct key_body *body, uint32_t value, void *into)
{
    int64_t seconds = 0;
    (void)into;
    if (!read_duration(body, value, &seconds)) {
        return false;
    }
    body->order.expires_s = body->wall_s + seconds;
    return seconds > 0 || refuse(body, "bad_duration", "a key that ends at once opens nothing");
}

static bool create_expires_at(struct key_body *body, uint32_t value, void *into)
{
    int64_t at = 0;
    (void)into;
    if (!json_is(&body->doc, value, JSON_NUMBER) || !json_int64(&body->doc, value, &at) ||
        at <= body->wall_s || at > body->wall_s + TEN_YEARS_S) {
        return refuse(body, "bad_duration",
                      "expires_at is a time in Unix seconds, from now up to ten years ahead");
    }
    body->order.expires_s = at;
    return true;
}

static bool create_admin(struct key_body *body, uint32_t value, void *into)
{
    bool admin = false;
    (void)into;
    if (!json_bool(&body->doc, value, &admin)) {
        return refuse(body, "invalid_body", "true or false is expected");
    }
    body->order.role = admin ? KEY_ADMIN : KEY_CLIENT;
    return true;
}

/* Kept with an end: grants are C strings, in the database and in sets. */
static bool add_grant(struct key_body *body, uint32_t value, enum grant_kind kind)
{
    struct slice text;
    if (!read_text(body, value, &text)) {
        return false;
    }
    char *kept = arena_alloc(&body->arena, text.len + 1);
    if (kept == NULL || body->order.grant_count == GRANTS_MAX ||
        slice_find(text, '\0') != SIZE_MAX) {
        return refuse(body, "bad_grant", "too many names, or one that is none");
    }
    slice_to_cstr(text, kept, text.len + 1);
    body->grants[body->order.grant_count++] = (struct grant){.kind = kind, .text = kept};
    return true;
}

static bool read_grants(struct key_body *body, uint32_t value, enum grant_kind kind)
{
    if (!json_is(&body->doc, value, JSON_ARRAY)) {
        return refuse(body, "invalid_body", "a list of names is expected");
    }
    for (uint32_t i = json_first(&body->doc, value); i != JSON_ABSENT;
         i = json_next(&body->doc, value, i)) {
        if (!add_grant(body, i, kind)) {
            return false;
        }
    }
    /* An empty list would read as "none", and means "all". */
    return json_count(&body->doc, value) > 0 ||
           refuse(body, "bad_grant", "leave the list out where everything is allowed");
}

static bool create_routes(struct key_body *body, uint32_t value, void *into)
{
    (void)into;
    return read_grants(body, value, GRANT_ROUTE);
}

static bool create_targets(struct key_body *body, uint32_t value, void *into)
{
    (void)into;
    return read_grants(body, value, GRANT_TARGET);
}

static bool create_models(struct key_body *body, uint32_t value, void *into)
{
    (void)into;
    return read_grants(body, value, GRANT_MODEL);
}

static bool create_origins(struct key_body *body, uint32_t value, void *into)
{
    (void)into;
    return read_grants(body, value, GRANT_ORIGIN);
}

static bool create_tags(struct key_body *body, uint32_t value, void *into)
{
    (void)into;
    return read_grants(body, value, GRANT_TAG);
}

/* {"gpt4": {"parallel": 2}, ...} */
static bool create_limits(struct key_body *body, uint32_t value, void *into)
{
    static const struct member members[] = {LIMIT_MEMBERS};
    (void)into;
    if (!json_is(&body->doc, value, JSON_OBJECT)) {
        return refuse(body, "invalid_body", "an object of models is expected");
    }
    for (uint32_t i = json_first(&body->doc, value); i != JSON_ABSENT;
         i = json_next(&body->doc, value, i)) {
        struct limit_change change = {.limits = limits_none()};
        struct limit_order *order = &body->limits[body->order.limit_count];
        if (body->order.limit_count == ARRAY_LEN(body->limits)) {
            return refuse(body, "bad_limit", "too many models");
        }
        if (!read_name(body, i, &order->model) ||
            !read_members(body, i + 1, members, ARRAY_LEN(members), &change)) {
            return false;
        }
        order->limits = limits_none();
        body->order.limit_count++;
        if (!limits_apply(&order->limits, &change, body->error)) {
            return false;
        }
    }
    return true;
}

static bool read_create(struct key_body *body)
{
    static const struct member members[] = {
        {"name", create_name},
        {"user", create_user},
        {"team", create_team},
        {"organisation", create_organisation},
        {"expires_in", create_expires_in},
        {"expires_at", create_expires_at},
        {"admin", create_admin},
        {"routes", create_routes},
        {"targets", create_targets},
        {"models", create_models},
        {"origins", create_origins},
        {"tags", create_tags},
        {"limits", create_limits},
        LIMIT_MEMBERS,
    };
    body->order.limits = body->limits;
    body->order.grants = body->grants;
    body->order.limit_count = 1;
    body->limits[0].limits = limits_none();
    return read_members(body, JSON_ROOT, members, ARRAY_LEN(members), &body->change) &&
           limits_apply(&body->limits[0].limits, &body->change, body->error);
}

/* --- a key that there is -----------------------------------------------------------------------
 */

static bool which_key(struct key_body *body, uint32_t value, void *into)
{
    int64_t id = 0;
    (void)into;
    if (json_is(&body->doc, value, JSON_NUMBER) && json_int64(&body->doc, value, &id)) {
        body->which = json_raw(&body->doc, value);
        return true;
    }
    return read_text(body, value, &body->which);
}

static bool which_overlap(struct key_body *body, uint32_t value, void *into)
{
    (void)into;
    return read_duration(body, value, &body->overlap_s);
}

static bool which_token(struct key_body *body, uint32_t value, void *into)
{
    (void)into;
    return read_text(body, value, &body->token);
}

static bool which_expires_in(struct key_body *body, uint32_t value, void *into)
{
    int64_t seconds = 0;
    (void)into;
    bool done = read_duration(body, value, &seconds);
    body->token_expires_s = body->wall_s + seconds;
    return done;
}

static bool which_expires_at(struct key_body *body, uint32_t value, void *into)
{
    int64_t at = 0;
    (void)into;
    if (!json_is(&body->doc, value, JSON_NUMBER) || !json_int64(&body->doc, value, &at) ||
        at <= 0 || at > body->wall_s + TEN_YEARS_S) {
        return refuse(body, "bad_duration",
                      "expires_at is a time in Unix seconds, up to ten years ahead");
    }
    body->token_expires_s = at;
    return true;
}

static bool read_revoked(struct key_body *body)
{
    static const struct member members[] = {{"which", which_key},
                                            {"token", which_token},
                                            {"expires_in", which_expires_in},
                                            {"expires_at", which_expires_at}};
    if (!read_members(body, JSON_ROOT, members, ARRAY_LEN(members), NULL)) {
        return false;
    }
    if (body->token.len == 0 ? body->token_expires_s != 0 : body->which.len > 0) {
        return refuse(body, "invalid_body",
                      "\"which\" names a key, or \"token\" and \"expires_at\" a token");
    }
    return body->which.len > 0 || body->token.len > 0 ||
           refuse(body, "invalid_body",
                  "\"which\" names the key: its id, name, prefix or secret; \"token\" the jti of a "
                  "token");
}

static bool read_which(struct key_body *body, enum key_operation operation)
{
    static const struct member members[] = {{"which", which_key}, {"overlap", which_overlap}};
    size_t count = operation == KEY_OPERATION_ROTATE ? 2 : 1;
    if (operation == KEY_OPERATION_REVOKE) {
        return read_revoked(body);
    }
    if (!read_members(body, JSON_ROOT, members, count, NULL)) {
        return false;
    }
    return body->which.len > 0 ||
           refuse(body, "invalid_body", "\"which\" names the key: its id, name, prefix or secret");
}

/* Of all keys: nothing is to be said. */
static bool read_reseal(struct key_body *body)
{
    static const struct member none[] = {{"", NULL}};
    return read_members(body, JSON_ROOT, none, 0, NULL);
}

/* --- limits of what there is -------------------------------------------------------------------
 */

static bool read_subject(struct key_body *body, uint32_t value, enum scope_kind kind)
{
    if (body->has_subject) {
        return refuse(body, "invalid_body", "a limit is of a key, user, team or organisation");
    }
    body->has_subject = true;
    body->subject.kind = kind;
    if (kind == SCOPE_KEY) {
        bool done = which_key(body, value, NULL);
        body->subject.name = body->which;
        return done;
    }
    return read_text(body, value, &body->subject.name);
}

static bool subject_key(struct key_body *body, uint32_t value, void *into)
{
    (void)into;
    return read_subject(body, value, SCOPE_KEY);
}

static bool subject_user(struct key_body *body, uint32_t value, void *into)
{
    (void)into;
    return read_subject(body, value, SCOPE_USER);
}

static bool subject_team(struct key_body *body, uint32_t value, void *into)
{
    (void)into;
    return read_subject(body, value, SCOPE_TEAM);
}

static bool subject_organisation(struct key_body *body, uint32_t value, void *into)
{
    (void)into;
    return read_name(body, value, &body->subject.organisation);
}

static bool subject_model(struct key_body *body, uint32_t value, void *into)
{
    (void)into;
    return read_name(body, value, &body->subject.model);
}

static bool read_limit(struct key_body *body)
{
    static const struct member members[] = {
        {"key", subject_key},
        {"user", subject_user},
        {"team", subject_team},
        {"organisation", subject_organisation},
        {"model", subject_model},
        {"clear", limit_clear},
        LIMIT_MEMBERS,
    };
    if (!read_members(body, JSON_ROOT, members, ARRAY_LEN(members), &body->change)) {
        return false;
    }
    if (!body->has_subject) { /* the organisation is no place, but what is meant */
        body->subject.kind = SCOPE_ORGANISATION;
        body->subject.name = body->subject.organisation;
        body->subject.organisation = SLICE_EMPTY;
    }
    if (body->subject.name.len == 0) {
        return refuse(body, "invalid_body",
                      "\"key\", \"user\", \"team\" or \"organisation\" is "
                      "needed");
    }
    return body->change.fields != 0 || body->change.limits.cap_count > 0 ||
           refuse(body, "invalid_body", "there is no limit to change");
}

/* --- the whole ---------------------------------------------------------------------------------
 */

bool key_body_read(struct key_body *body, enum key_operation operation, struct slice text,
                   int64_t wall_s, struct error *error)
{
    static const struct json_limits limits = {.depth = BODY_DEPTH, .nodes = BODY_NODES};
    memset(body, 0, sizeof(*body));
    body->error = error;
    body->wall_s = wall_s;
    body->overlap_s = DEFAULT_OVERLAP_S;
    body->change.limits = limits_none();
    arena_init(&body->arena, BODY_ARENA);
    json_doc_init(&body->doc);
    error_clear(error);
    if (text.len > KEY_BODY_MAX) {
        return error_set(error, ERROR_LIMIT, "too_large", "the body is too large");
    }
    if (!json_parse(&body->doc, text, &limits, error)) {
        return false;
    }
    switch (operation) {
    case KEY_OPERATION_CREATE:
        return read_create(body);
    case KEY_OPERATION_LIMIT:
        return read_limit(body);
    case KEY_OPERATION_RESEAL:
        return read_reseal(body);
    default:
        return read_which(body, operation);
    }
}

void key_body_release(struct key_body *body)
{
    json_doc_release(&body->doc);
    arena_release(&body->arena);
}
