/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/jwt.h"

#include "codec/base64url.h"

#define SECOND INT64_C(1000000000)
#define SIGNATURE_MAX 1024
#define FAR_AWAY (INT64_MAX / 2) /* in nanoseconds: the year 2116 */

static const struct json_limits head_limits = {.depth = 8, .nodes = 256};
static const struct json_limits claim_limits = {.depth = 16, .nodes = 2048};

const char *jwt_fault_code(enum jwt_fault fault)
{
    static const char *const codes[JWT_FAULTS] = {
        [JWT_OK] = "",
        [JWT_MALFORMED] = "token_malformed",
        [JWT_ALGORITHM] = "token_algorithm",
        [JWT_NO_KEY] = "token_key_unknown",
        [JWT_SIGNATURE] = "token_signature",
        [JWT_ISSUER] = "token_issuer",
        [JWT_AUDIENCE] = "token_audience",
        [JWT_EXPIRED] = "token_expired",
        [JWT_EARLY] = "token_not_yet_valid",
        [JWT_TOO_OLD] = "token_too_old",
        [JWT_CLAIMS] = "token_claims",
    };
    return codes[fault];
}

struct parts {
    struct slice head;
    struct slice payload;
    struct slice signed_text;
    struct slice signature;
};

static bool split(struct slice token, struct parts *parts)
{
    struct slice rest = token;
    parts->head = slice_cut(&rest, '.');
    parts->payload = slice_cut(&rest, '.');
    parts->signature = rest;
    parts->signed_text = slice_of(token.ptr, parts->head.len + 1 + parts->payload.len);
    return parts->head.len > 0 && parts->payload.len > 0 && rest.len > 0 &&
           slice_find(rest, '.') == SIZE_MAX;
}

bool jwt_resembles(struct slice text)
{
    struct parts parts;
    return slice_starts(text, SLICE("eyJ")) && split(text, &parts); /* {" */
}

/* No member stands twice, at any depth. */
static bool is_plain(const struct json_doc *doc, struct arena *arena)
{
    for (uint32_t object = 0; object < doc->count; object++) {
        if (json_kind(doc, object) != JSON_OBJECT) {
            continue;
        }
        for (uint32_t i = json_first(doc, object); i != JSON_ABSENT;
             i = json_next(doc, object, i)) {
            struct slice name = json_string(doc, i, arena);
            for (uint32_t k = json_first(doc, object); k != i; k = json_next(doc, object, k)) {
                if (json_string_is(doc, k, name)) {
                    return false;
                }
            }
        }
    }
    return !arena->exhausted;
}

static bool read_object(struct slice part, const struct json_limits *limits, struct arena *arena,
                        struct json_doc *doc, struct slice *ret_text)
{
    char *bytes = arena_alloc(arena, BASE64URL_DECODED(part.len));
    size_t length = 0;
    if (bytes == NULL || !base64url_decode(part, bytes, BASE64URL_DECODED(part.len), &length)) {
        return false;
    }
    *ret_text = slice_of(bytes, length);
    return json_parse(doc, *ret_text, limits, NULL) && json_is(doc, JSON_ROOT, JSON_OBJECT) &&
           is_plain(doc, arena);
}

bool jwt_peek(struct slice token, struct arena *arena, struct json_doc *claims)
{
    struct parts parts;
    struct slice text;
    return token.len <= JWT_BYTES_MAX && split(token, &parts) &&
           read_object(parts.payload, &claim_limits, arena, claims, &text);
}

/* --- the head ----------------------------------------------------------------------------------
 */

struct head {
    enum jwt_algorithm algorithm;
    bool has_id;
    struct slice id;
};

/* Tokens for another purpose (logout, proof of possession, events) have types of their own. */
static bool is_type_of_ours(const struct json_doc *doc, uint32_t type, struct arena *arena)
{
    if (type == JSON_ABSENT) {
        return true;
    }
    struct slice name = json_string(doc, type, arena);
    return slice_eq_nocase(name, SLICE("jwt")) || slice_eq_nocase(name, SLICE("at+jwt")) ||
           slice_eq_nocase(name, SLICE("application/jwt")) ||
           slice_eq_nocase(name, SLICE("application/at+jwt"));
}

static enum jwt_fault read_head(struct slice part, const struct jwt_rules *rules,
                                struct arena *arena, struct head *head)
{
    struct json_doc doc;
    struct slice text;
    json_doc_init(&doc);
    enum jwt_fault fault = JWT_MALFORMED;
    if (read_object(part, &head_limits, arena, &doc, &text)) {
        uint32_t id = json_member(&doc, JSON_ROOT, SLICE("kid"));
        uint32_t type = json_member(&doc, JSON_ROOT, SLICE("typ"));
        uint32_t name = json_member(&doc, JSON_ROOT, SLICE("alg"));
        bool sound = json_is(&doc, name, JSON_STRING) &&
                     (id == JSON_ABSENT || json_is(&doc, id, JSON_STRING));
        bool allowed = sound &&
                       jwt_algorithm_named(json_string(&doc, name, arena), &head->algorithm) &&
                       (rules->algorithms & 1u << head->algorithm) != 0 &&
                       json_member(&doc, JSON_ROOT, SLICE("crit")) == JSON_ABSENT &&
                       is_type_of_ours(&doc, type, arena);
        head->has_id = id != JSON_ABSENT;
        head->id = json_string(&doc, id, arena);
        fault = !sound ? JWT_MALFORMED : allowed ? JWT_OK : JWT_ALGORITHM;
    }
    json_doc_release(&doc);
    return fault;
}

static enum jwt_fault check_signature(const struct jwks *keys, const struct head *head,
                                      const struct parts *parts)
{
    char signature[SIGNATURE_MAX];
    size_t length = 0;
    if (!base64url_decode(parts->signature, signature, sizeof(signature), &length)) {
        return JWT_MALFORMED;
    }
    switch (jwks_verify(keys, head->algorithm, head->has_id, head->id, parts->signed_text,
                        slice_of(signature, length))) {
    case JWKS_VALID:
        return JWT_OK;
    case JWKS_NO_KEY:
        return JWT_NO_KEY;
    default:
        return JWT_SIGNATURE;
    }
}

/* --- the claims --------------------------------------------------------------------------------
 */

/* Seconds since 1970 as nanoseconds; fractions are allowed. */
static bool read_time(const struct json_doc *doc, const char *name, int64_t *ret_ns)
{
    int64_t whole = 0;
    uint32_t value = json_member(doc, JSON_ROOT, slice_from_cstr(name));
    if (!json_is(doc, value, JSON_NUMBER)) {
        return false;
    }
    bool fits = json_scaled(doc, value, 9, ret_ns);
    if (!fits && (!json_int64(doc, value, &whole) || whole < 0)) {
        return false;
    }
    *ret_ns = fits && *ret_ns < FAR_AWAY ? *ret_ns : FAR_AWAY;
    return *ret_ns >= 0;
}

static enum jwt_fault check_times(const struct json_doc *doc, const struct jwt_rules *rules,
                                  int64_t wall_s, struct jwt *jwt)
{
    int64_t expires = 0;
    int64_t issued = 0;
    int64_t begins = 0;
    int64_t now = wall_s * SECOND;
    int64_t leeway = rules->leeway_s * SECOND;
    bool begin_is_sound =
        read_time(doc, "nbf", &begins) || json_member(doc, JSON_ROOT, SLICE("nbf")) == JSON_ABSENT;
    if (!read_time(doc, "exp", &expires) || !read_time(doc, "iat", &issued) || !begin_is_sound) {
        return JWT_CLAIMS;
    }
    if (now - leeway >= expires) {
        return JWT_EXPIRED;
    }
    if (issued > now + leeway || begins > now + leeway) {
        return JWT_EARLY;
    }
    int64_t ends = expires + leeway;
    if (rules->max_age_s > 0) {
        int64_t old = issued + rules->max_age_s * SECOND + leeway;
        if (now >= old) {
            return JWT_TOO_OLD;
        }
        ends = old < ends ? old : ends;
    }
    jwt->expires_s = ends / SECOND;
    return JWT_OK;
}

static bool is_audience(const struct json_doc *doc, uint32_t value, const struct jwt_rules *rules)
{
    for (size_t i = 0; i < rules->audience_count; i++) {
        if (json_is(doc, value, JSON_STRING) && json_string_is(doc, value, rules->audiences[i])) {
            return true;
        }
    }
    return false;
}

static bool check_audience(const struct json_doc *doc, const struct jwt_rules *rules)
{
    uint32_t audience = json_member(doc, JSON_ROOT, SLICE("aud"));
    if (!json_is(doc, audience, JSON_ARRAY)) {
        return is_audience(doc, audience, rules);
    }
    bool found = false;
    for (uint32_t i = json_first(doc, audience); i != JSON_ABSENT;
         i = json_next(doc, audience, i)) {
        found = found || is_audience(doc, i, rules);
    }
    return found;
}

static enum jwt_fault check_claims(const struct json_doc *doc, const struct jwt_rules *rules,
                                   int64_t wall_s, struct arena *arena, struct jwt *jwt)
{
    uint32_t issuer = json_member(doc, JSON_ROOT, SLICE("iss"));
    uint32_t subject = json_member(doc, JSON_ROOT, SLICE("sub"));
    if (!json_is(doc, issuer, JSON_STRING) || !json_string_is(doc, issuer, rules->issuer)) {
        return JWT_ISSUER;
    }
    if (!check_audience(doc, rules)) {
        return JWT_AUDIENCE;
    }
    jwt->subject = json_string(doc, subject == JSON_ABSENT ? issuer : subject, arena);
    if (!json_is(doc, subject, JSON_STRING) || jwt->subject.len == 0 ||
        jwt->subject.len > JWT_SUBJECT_MAX) {
        return JWT_CLAIMS;
    }
    return check_times(doc, rules, wall_s, jwt);
}

enum jwt_fault jwt_verify(const struct jwks *keys, const struct jwt_rules *rules,
                          struct slice token, int64_t wall_s, struct arena *arena,
                          struct json_doc *claims, struct jwt *ret_jwt)
{
    struct parts parts;
    struct head head = {.has_id = false};
    *ret_jwt = (struct jwt){.expires_s = 0};
    if (token.len > JWT_BYTES_MAX || !split(token, &parts)) {
        return JWT_MALFORMED;
    }
    enum jwt_fault fault = read_head(parts.head, rules, arena, &head);
    if (fault == JWT_OK) {
        fault = check_signature(keys, &head, &parts);
    }
    if (fault == JWT_OK &&
        !read_object(parts.payload, &claim_limits, arena, claims, &ret_jwt->payload)) {
        fault = JWT_MALFORMED;
    }
    return fault == JWT_OK ? check_claims(claims, rules, wall_s, arena, ret_jwt) : fault;
}
