/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/tokens.h"

#include "base/memory.h"
#include "store/limit_change.h"
#include "store/token_revoke.h"

#include <openssl/evp.h>

#define WAYS 4
#define SETS (TOKENS_KEPT_MAX / WAYS)
#define ARENA_BYTES ((size_t)256 << 10)

struct tokens {
    EVP_MD *sha256;
    unsigned victim; /* which way makes room next */
    struct token *slots[SETS][WAYS];
};

struct token *token_ref(struct token *token)
{
    token->references++;
    return token;
}

void token_unref(struct token *token)
{
    if (token != NULL && --token->references == 0) {
        memory_free(token);
    }
}

struct tokens *tokens_new(void)
{
    struct tokens *tokens = memory_array(1, sizeof(*tokens));
    if (tokens == NULL) {
        return NULL;
    }
    tokens->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (tokens->sha256 == NULL) {
        memory_free(tokens);
        return NULL;
    }
    return tokens;
}

void tokens_clear(struct tokens *tokens)
{
    for (size_t set = 0; set < SETS; set++) {
        for (size_t way = 0; way < WAYS; way++) {
            token_unref(tokens->slots[set][way]);
            tokens->slots[set][way] = NULL;
        }
    }
}

void tokens_free(struct tokens *tokens)
{
    if (tokens != NULL) {
        tokens_clear(tokens);
        EVP_MD_free(tokens->sha256);
        memory_free(tokens);
    }
}

/* --- what a token says -------------------------------------------------------------------------
 */

/* While it is read: everything is in the arena of the verification. */
struct draft {
    const struct json_doc *claims;
    struct arena *arena;
    struct subject_order order;
    struct slice texts[TOKEN_GRANTS_MAX];
    enum grant_kind kinds[TOKEN_GRANTS_MAX];
    size_t grant_count;
};

/* As it is named; else as a path. */
static uint32_t claim_at(const struct json_doc *claims, struct slice name)
{
    char path[256];
    uint32_t value = json_member(claims, JSON_ROOT, name);
    if (value != JSON_ABSENT || name.len >= sizeof(path)) {
        return value;
    }
    return json_path(claims, JSON_ROOT, slice_to_cstr(name, path, sizeof(path)));
}

/* A scope's name: a string, or a list of one. */
static bool read_scope(struct draft *draft, struct slice claim, enum scope_kind kind)
{
    uint32_t value = claim.len == 0 ? JSON_ABSENT : claim_at(draft->claims, claim);
    if (claim.len == 0) {
        return true;
    }
    if (json_is(draft->claims, value, JSON_ARRAY) && json_count(draft->claims, value) == 1) {
        value = json_first(draft->claims, value);
    }
    draft->order.scopes[kind] = json_is(draft->claims, value, JSON_STRING)
                                    ? json_string(draft->claims, value, draft->arena)
                                    : SLICE_EMPTY;
    return scope_name_check(draft->order.scopes[kind], NULL);
}

static bool add_grant(struct draft *draft, enum grant_kind kind, struct slice text)
{
    if (draft->grant_count == TOKEN_GRANTS_MAX || text.len == 0 || text.len > GRANT_TEXT_MAX ||
        !text_is_printable(text)) {
        return false;
    }
    draft->kinds[draft->grant_count] = kind;
    draft->texts[draft->grant_count++] = text;
    return true;
}

/* Words of one string, as OAuth writes scopes. */
static bool add_words(struct draft *draft, enum grant_kind kind, struct slice words)
{
    while (words.len > 0) {
        struct slice word = slice_cut(&words, ' ');
        if (word.len > 0 && !add_grant(draft, kind, word)) {
            return false;
        }
    }
    return true;
}

/* A claim that says what may be asked for, and says nothing, must not mean everything. */
static bool read_grants(struct draft *draft, struct slice claim, enum grant_kind kind)
{
    const struct json_doc *claims = draft->claims;
    uint32_t value = claim.len == 0 ? JSON_ABSENT : claim_at(claims, claim);
    size_t before = draft->grant_count;
    if (claim.len == 0) {
        return true;
    }
    if (json_is(claims, value, JSON_STRING)) {
        return add_words(draft, kind, json_string(claims, value, draft->arena)) &&
               draft->grant_count > before;
    }
    if (!json_is(claims, value, JSON_ARRAY)) {
        return false;
    }
    for (uint32_t i = json_first(claims, value); i != JSON_ABSENT;
         i = json_next(claims, value, i)) {
        if (!json_is(claims, i, JSON_STRING) ||
            !add_grant(draft, kind, json_string(claims, i, draft->arena))) {
            return false;
        }
    }
    return draft->grant_count > before;
}

static bool read_draft(struct draft *draft, const struct jwt_claims *claims)
{
    return read_scope(draft, claims->user, SCOPE_USER) &&
           read_scope(draft, claims->team, SCOPE_TEAM) &&
           read_scope(draft, claims->organisation, SCOPE_ORGANISATION) &&
           read_grants(draft, claims->routes, GRANT_ROUTE) &&
           read_grants(draft, claims->models, GRANT_MODEL) && !draft->arena->exhausted;
}

/* --- keeping it, in one block ------------------------------------------------------------------
 */

static struct slice pack(char **at, struct slice text)
{
    char *copy = *at;
    if (text.len > 0) {
        memcpy(copy, text.ptr, text.len);
    }
    copy[text.len] = '\0';
    *at += text.len + 1;
    return slice_of(copy, text.len);
}

static size_t packed_size(const struct draft *draft)
{
    size_t size = draft->order.issuer.len + draft->order.subject.len + 2;
    for (int kind = SCOPE_USER; kind < SCOPE_KINDS; kind++) {
        size += draft->order.scopes[kind].len + 1;
    }
    for (size_t i = 0; i < draft->grant_count; i++) {
        size += draft->texts[i].len + 1;
    }
    return size;
}

static struct token *token_new(const struct draft *draft)
{
    size_t grants_size = draft->grant_count * sizeof(struct grant);
    struct token *token = memory_array(1, sizeof(*token) + grants_size + packed_size(draft));
    if (token == NULL) {
        return NULL;
    }
    struct grant *grants = (struct grant *)(token + 1);
    char *at = (char *)grants + grants_size;
    token->references = 1;
    token->order.issuer = pack(&at, draft->order.issuer);
    token->order.subject = pack(&at, draft->order.subject);
    for (int kind = SCOPE_USER; kind < SCOPE_KINDS; kind++) {
        token->order.scopes[kind] = pack(&at, draft->order.scopes[kind]);
    }
    for (size_t i = 0; i < draft->grant_count; i++) {
        grants[i] = (struct grant){draft->kinds[i], pack(&at, draft->texts[i]).ptr};
    }
    token->grants = grants;
    token->grant_count = draft->grant_count;
    return token;
}

static bool read_id(struct token *token, const struct json_doc *claims, struct arena *arena)
{
    uint32_t value = json_member(claims, JSON_ROOT, SLICE("jti"));
    struct slice id =
        json_is(claims, value, JSON_STRING) ? json_string(claims, value, arena) : SLICE_EMPTY;
    token->has_id = id.len > 0;
    return !arena->exhausted && (!token->has_id || token_id_digest(id, token->id));
}

static struct token *verify(const struct jwks *keys, const struct jwt_settings *settings,
                            struct slice text, int64_t wall_s, enum jwt_fault *ret_fault)
{
    struct arena arena;
    struct json_doc claims;
    struct jwt jwt;
    struct token *token = NULL;
    arena_init(&arena, ARENA_BYTES);
    json_doc_init(&claims);
    struct draft draft = {.claims = &claims, .arena = &arena};
    *ret_fault = jwt_verify(keys, &settings->rules, text, wall_s, &arena, &claims, &jwt);
    if (*ret_fault == JWT_OK) {
        draft.order.issuer = settings->rules.issuer;
        draft.order.subject = jwt.subject;
        *ret_fault = read_draft(&draft, &settings->claims) ? JWT_OK : JWT_CLAIMS;
        token = *ret_fault == JWT_OK ? token_new(&draft) : NULL;
    }
    if (token != NULL) {
        token->expires_s = jwt.expires_s;
        if (!read_id(token, &claims, &arena)) { /* no memory for what it would be known by */
            token_unref(token);
            token = NULL;
        }
    }
    json_doc_release(&claims);
    arena_release(&arena);
    return token;
}

/* --- remembering it ----------------------------------------------------------------------------
 */

static struct token **find_slot(struct tokens *tokens, const uint8_t digest[32], int64_t wall_s,
                                bool *ret_found)
{
    uint32_t word;
    memcpy(&word, digest, sizeof(word));
    struct token **ways = tokens->slots[word % SETS];
    struct token **room = NULL;
    for (size_t way = 0; way < WAYS; way++) {
        if (ways[way] != NULL && ways[way]->expires_s <= wall_s) {
            token_unref(ways[way]);
            ways[way] = NULL;
        }
        if (ways[way] == NULL) {
            room = &ways[way];
        } else if (slice_eq_constant_time(slice_of((const char *)ways[way]->digest, 32),
                                          slice_of((const char *)digest, 32))) {
            *ret_found = true;
            return &ways[way];
        }
    }
    *ret_found = false;
    return room != NULL ? room : &ways[tokens->victim++ % WAYS];
}

struct token *tokens_find(struct tokens *tokens, const struct jwks *keys,
                          const struct jwt_settings *settings, struct slice text, int64_t wall_s,
                          enum jwt_fault *ret_fault)
{
    uint8_t digest[32];
    bool found = false;
    *ret_fault = JWT_MALFORMED;
    if (text.len > JWT_BYTES_MAX) {
        return NULL;
    }
    *ret_fault = JWT_OK;
    if (EVP_Digest(text.ptr, text.len, digest, NULL, tokens->sha256, NULL) != 1) {
        return NULL;
    }
    struct token **slot = find_slot(tokens, digest, wall_s, &found);
    if (found) {
        return *slot;
    }
    struct token *token = verify(keys, settings, text, wall_s, ret_fault);
    if (token != NULL) {
        memcpy(token->digest, digest, sizeof(digest));
        token_unref(*slot);
        *slot = token;
    }
    return token;
}
