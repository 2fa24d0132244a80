/* SPDX-License-Identifier: Apache-2.0 */
/* What a token says, and how long it is remembered. */
#include "gateway/tokens.h"

#include "tests/tap.h"
#include "tests/unit/codec/jwt_testing.h"

#include <stdlib.h>

#define NOW INT64_C(1790000000)
#define HEAD "{\"alg\":\"EdDSA\"}"
#define MANY (TOKENS_KEPT_MAX + 1024)

static EVP_PKEY *pair;
static struct jwks *keys;
static struct tokens *tokens;
static struct buf text = {.limit = JWT_TEXT_MAX};
static struct jwt_settings settings;
static enum jwt_fault fault;

static void begin(void)
{
    struct buf set = BUF_INIT(JWT_TEXT_MAX);
    pair = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    buf_append_cstr(&set, "{\"keys\":[");
    append_jwk(&set, pair, "");
    buf_append_cstr(&set, "]}");
    keys = jwks_read(buf_slice(&set), NULL);
    buf_release(&set);
    tokens = tokens_new();
    CHECK(keys != NULL && tokens != NULL);
    settings.rules = (struct jwt_rules){.issuer = SLICE("i"),
                                        .audiences = {SLICE("a")},
                                        .audience_count = 1,
                                        .algorithms = JWT_ALGORITHMS_ALL};
}

static void make(const char *subject, const char *more)
{
    char claims[4096];
    snprintf(claims, sizeof(claims),
             "{\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"%s\",\"iat\":%lld,\"exp\":%lld%s}", subject,
             (long long)NOW - 5, (long long)NOW + 60, more);
    make_token(&text, pair, "EdDSA", HEAD, claims);
}

static struct token *find_at(int64_t wall_s)
{
    return tokens_find(tokens, keys, &settings, buf_slice(&text), wall_s, &fault);
}

static struct token *find(const char *more)
{
    make("ann", more);
    return find_at(NOW);
}

static void remembered_until_the_end(void)
{
    struct token *token = find("");
    EXPECT(token != NULL && !token->known);
    EXPECT_SLICE(token->order.subject, "ann");
    EXPECT_SLICE(token->order.issuer, "i");
    EXPECT_INT(token->expires_s, NOW + 60);
    token->known = true;
    EXPECT(find_at(NOW + 59) == token && token->known);
    EXPECT(find_at(NOW + 60) == NULL);
    EXPECT_INT(fault, JWT_EXPIRED);
    token = find_at(NOW);
    EXPECT(token != NULL && !token->known); /* verified again */
    struct token *held = token_ref(token);
    tokens_clear(tokens);
    EXPECT_SLICE(held->order.subject, "ann"); /* who holds it still has it */
    EXPECT(find_at(NOW) != held);
    token_unref(held);
}

static void not_remembered_when_refused(void)
{
    make("ann", "");
    char *digit = &text.ptr[text.len - 20]; /* of the signature; another digit, not any byte */
    *digit = *digit == 'A' ? 'B' : 'A';
    EXPECT(find_at(NOW) == NULL);
    EXPECT_INT(fault, JWT_SIGNATURE);
    EXPECT(find_at(NOW) == NULL);
    struct buf big = BUF_INIT(JWT_BYTES_MAX + 1);
    memset(buf_reserve(&big, JWT_BYTES_MAX + 1), 'x', JWT_BYTES_MAX + 1);
    EXPECT(tokens_find(tokens, keys, &settings, slice_of(big.ptr, JWT_BYTES_MAX + 1), NOW,
                       &fault) == NULL);
    EXPECT_INT(fault, JWT_MALFORMED);
    buf_release(&big);
}

/* However many come, no more than so many are kept, and each is found. */
static void bounded(void)
{
    struct token **seen = calloc(MANY, sizeof(struct token *));
    int same = 0;
    int found = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < MANY; i++) {
            char subject[16];
            snprintf(subject, sizeof(subject), "s%d", pass == 0 ? i : MANY - 1 - i);
            make(subject, "");
            struct token *token = find_at(NOW);
            int at = pass == 0 ? i : MANY - 1 - i;
            found += token != NULL && slice_eq(token->order.subject, slice_from_cstr(subject));
            same += pass == 1 && token == seen[at] ? 1 : 0;
            if (pass == 0) {
                seen[at] = token_ref(token);
            }
        }
    }
    EXPECT_INT(found, 2 * MANY);
    EXPECT(same > TOKENS_KEPT_MAX / 2 && same <= TOKENS_KEPT_MAX);
    for (int i = 0; i < MANY; i++) {
        token_unref(seen[i]);
    }
    free(seen);
}

static void scopes_of_claims(void)
{
    static const struct {
        const char *more;
        const char *team; /* NULL: refused */
    } cases[] = {
        {",\"t\":\"red\"", "red"},
        {",\"t\":[\"red\"]", "red"},
        {",\"t\":\"r\\u0065d\"", "red"},
        {",\"t\":[\"red\",\"blue\"]", NULL},
        {",\"t\":[]", NULL},
        {",\"t\":[7]", NULL},
        {",\"t\":7", NULL},
        {",\"t\":null", NULL},
        {",\"t\":\"\"", NULL},
        {",\"t\":\"a:b\"", NULL},
        {",\"t\":\"a\\nb\"", NULL},
        {"", NULL},
    };
    tokens_clear(tokens); /* as whoever changes the rules does */
    settings.claims = (struct jwt_claims){.team = SLICE("t")};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct token *token = find(cases[i].more);
        EXPECT_INT(token != NULL, cases[i].team != NULL);
        EXPECT(token != NULL || fault == JWT_CLAIMS);
        EXPECT(token == NULL ||
               slice_eq(token->order.scopes[SCOPE_TEAM], slice_from_cstr(cases[i].team)));
    }
    tokens_clear(tokens);
    settings.claims = (struct jwt_claims){.organisation = SLICE("x.y"), .user = SLICE("http://u")};
    const struct token *token = find(",\"x\":{\"y\":\"acme\"},\"http://u\":\"ann@x\"");
    EXPECT(token != NULL);
    if (token != NULL) {
        EXPECT_SLICE(token->order.scopes[SCOPE_ORGANISATION], "acme");
        EXPECT_SLICE(token->order.scopes[SCOPE_USER], "ann@x");
        EXPECT_INT(token->order.scopes[SCOPE_TEAM].len, 0);
    }
}

static void grants_of_claims(void)
{
    static const struct {
        const char *more;
        size_t count; /* 0: refused */
    } cases[] = {
        {",\"r\":[\"one\"],\"m\":\"gpt-* small\"", 3},
        {",\"r\":\"one\",\"m\":[\"x\"]", 2},
        {",\"r\":\"  one  \",\"m\":\"x\"", 2},
        {",\"r\":[],\"m\":\"x\"", 0},
        {",\"r\":\"\",\"m\":\"x\"", 0},
        {",\"r\":\" \",\"m\":\"x\"", 0},
        {",\"r\":[\"\"],\"m\":\"x\"", 0},
        {",\"r\":[\"a\\tb\"],\"m\":\"x\"", 0},
        {",\"r\":[7],\"m\":\"x\"", 0},
        {",\"r\":{\"a\":1},\"m\":\"x\"", 0},
        {",\"r\":\"one\"", 0},
    };
    tokens_clear(tokens);
    settings.claims = (struct jwt_claims){.routes = SLICE("r"), .models = SLICE("m")};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct token *token = find(cases[i].more);
        EXPECT_INT(token == NULL ? 0 : token->grant_count, cases[i].count);
        EXPECT(token == NULL ||
               (token->grants[0].kind == GRANT_ROUTE && strcmp(token->grants[0].text, "one") == 0));
    }
    char many[1024] = ",\"r\":\"a";
    for (int i = 1; i < TOKEN_GRANTS_MAX; i++) {
        strncat(many, " b", sizeof(many) - strlen(many) - 1);
    }
    strncat(many, "\",\"m\":\"x\"", sizeof(many) - strlen(many) - 1);
    EXPECT(find(many) == NULL && fault == JWT_CLAIMS); /* one too many */
}

int main(void)
{
    begin();
    TEST(remembered_until_the_end, "a token is verified once, until it ends or all are forgotten");
    TEST(not_remembered_when_refused, "what is refused is refused again");
    TEST(bounded, "the memory for tokens is bounded");
    TEST(scopes_of_claims, "scopes are read from claims, or the token is refused");
    TEST(grants_of_claims, "what a token may ask for is read from claims, and nothing is not all");
    tokens_free(tokens);
    jwks_unref(keys);
    EVP_PKEY_free(pair);
    buf_release(&text);
    return tap_done();
}
