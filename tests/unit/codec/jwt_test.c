/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/jwt.h"

#include "codec/base64url.h"
#include "tests/tap.h"
#include "tests/unit/codec/jwt_testing.h"

#include <stdlib.h>

#define NOW INT64_C(1790000000)
#define CLAIMS                                                                                     \
    "{\"iss\":\"https://id.example\",\"aud\":\"sluice\",\"sub\":\"ann\",\"iat\":1789999000,"       \
    "\"exp\":1790003600}"

enum { RSA_2048, EC_256, EC_384, EC_521, ED_25519, ED_448, KEYS };
static EVP_PKEY *pairs[KEYS];
static struct buf set_text = {.limit = JWT_TEXT_MAX};
static struct buf token = {.limit = JWT_TEXT_MAX};
static struct jwks *set;
static struct jwt_rules rules;

static const struct {
    const char *name;
    int key;
} algorithms[] = {
    {"RS256", RSA_2048}, {"RS384", RSA_2048}, {"RS512", RSA_2048}, {"PS256", RSA_2048},
    {"PS384", RSA_2048}, {"PS512", RSA_2048}, {"ES256", EC_256},   {"ES384", EC_384},
    {"ES512", EC_521},   {"EdDSA", ED_25519}, {"EdDSA", ED_448},
};
static const char *const ids[KEYS] = {"r", "e2", "e3", "e5", "d2", "d4"};

static struct jwks *set_of(const char *text)
{
    struct error error;
    error_clear(&error);
    struct jwks *keys = jwks_read(slice_from_cstr(text), &error);
    if (keys == NULL) {
        printf("# %s %s\n", error.code, error.text);
    }
    return keys;
}

static struct slice set_json(void)
{
    buf_clear(&set_text);
    buf_append_cstr(&set_text, "{\"keys\":[");
    for (int i = 0; i < KEYS; i++) {
        char more[64];
        snprintf(more, sizeof(more), "\"kid\":\"%s\",\"use\":\"sig\",", ids[i]);
        buf_append_cstr(&set_text, i == 0 ? "" : ",");
        append_jwk(&set_text, pairs[i], more);
    }
    buf_append_cstr(&set_text, ",{\"kty\":\"oct\",\"kid\":\"h\",\"k\":\"c2VjcmV0\"}]}");
    return buf_slice(&set_text);
}

static void make_keys(void)
{
    struct error error;
    pairs[RSA_2048] = EVP_RSA_gen(2048);
    pairs[EC_256] = EVP_EC_gen("P-256");
    pairs[EC_384] = EVP_EC_gen("P-384");
    pairs[EC_521] = EVP_EC_gen("P-521");
    pairs[ED_25519] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    pairs[ED_448] = EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
    set = jwks_read(set_json(), &error);
    rules = (struct jwt_rules){.issuer = SLICE("https://id.example"),
                               .audiences = {SLICE("other"), SLICE("sluice")},
                               .audience_count = 2,
                               .algorithms = JWT_ALGORITHMS_ALL,
                               .leeway_s = 30,
                               .max_age_s = 86400};
}

static struct jwt last;
static char last_subject[JWT_SUBJECT_MAX + 1];

static enum jwt_fault verify_at(struct slice text, int64_t wall_s)
{
    struct arena arena;
    struct json_doc claims;
    arena_init(&arena, 1u << 20);
    json_doc_init(&claims);
    char *exact = malloc(text.len + 1); /* so that a sanitizer sees reading behind its end */
    memcpy(exact, text.ptr, text.len);
    enum jwt_fault fault =
        jwt_verify(set, &rules, slice_of(exact, text.len), wall_s, &arena, &claims, &last);
    slice_to_cstr(last.subject, last_subject, sizeof(last_subject));
    free(exact);
    json_doc_release(&claims);
    arena_release(&arena);
    return fault;
}

static enum jwt_fault verify_claims(const char *claims)
{
    make_token(&token, pairs[EC_256], "ES256", "{\"alg\":\"ES256\",\"kid\":\"e2\"}", claims);
    return verify_at(buf_slice(&token), NOW);
}

static enum jwt_fault verify_head(int key, const char *algorithm, const char *head)
{
    make_token(&token, pairs[key], algorithm, head, CLAIMS);
    return verify_at(buf_slice(&token), NOW);
}

static void test_algorithms(void)
{
    EXPECT_INT(jwks_count(set), KEYS);
    for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
        char head[96];
        snprintf(head, sizeof(head), "{\"typ\":\"JWT\",\"alg\":\"%s\",\"kid\":\"%s\"}",
                 algorithms[i].name, ids[algorithms[i].key]);
        enum jwt_fault fault = verify_head(algorithms[i].key, algorithms[i].name, head);
        if (fault != JWT_OK) {
            printf("# %s\n", algorithms[i].name);
        }
        EXPECT_INT(fault, JWT_OK);
        EXPECT(strcmp(last_subject, "ann") == 0);
        EXPECT_INT(last.expires_s, 1790003630);
    }
}

static void test_each_bit(void)
{
    for (size_t i = 0; i < ARRAY_LEN(algorithms); i += 3) { /* of each kind one */
        char head[96];
        snprintf(head, sizeof(head), "{\"alg\":\"%s\",\"kid\":\"%s\"}", algorithms[i].name,
                 ids[algorithms[i].key]);
        EXPECT_INT(verify_head(algorithms[i].key, algorithms[i].name, head), JWT_OK);
        size_t accepted = 0;
        for (size_t at = 0; at < token.len; at++) {
            token.ptr[at] ^= 1;
            accepted += verify_at(buf_slice(&token), NOW) == JWT_OK ? 1 : 0;
            token.ptr[at] ^= 1;
        }
        EXPECT_INT(accepted, 0);
        for (size_t length = 0; length < token.len; length++) {
            accepted += verify_at(slice_of(token.ptr, length), NOW) == JWT_OK ? 1 : 0;
        }
        EXPECT_INT(accepted, 0);
    }
}

static void test_no_algorithm(void)
{
    static const char *const names[] = {"none",  "None",  "NONE",   "HS256", "HS512",
                                        "ES257", "rs256", "RS256 ", "",      "RS256\\u0000"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char head[96];
        snprintf(head, sizeof(head), "{\"alg\":\"%s\",\"kid\":\"r\"}", names[i]);
        EXPECT_INT(verify_head(RSA_2048, "RS256", head), JWT_ALGORITHM);
    }
    buf_clear(&token); /* without a signature at all */
    base64url_append(&token, "{\"alg\":\"none\"}", 14);
    buf_append_char(&token, '.');
    base64url_append(&token, CLAIMS, strlen(CLAIMS));
    buf_append_char(&token, '.');
    EXPECT_INT(verify_at(buf_slice(&token), NOW), JWT_MALFORMED);
}

/* The classic: the public key as the shared secret of an HMAC, under the id of either key. */
static void test_confusion(void)
{
    static const char *const heads[] = {"{\"alg\":\"HS256\",\"kid\":\"r\"}",
                                        "{\"alg\":\"HS256\",\"kid\":\"h\"}"};
    struct buf key = BUF_INIT(JWT_TEXT_MAX);
    append_jwk(&key, pairs[RSA_2048], "");
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        unsigned char mac[32];
        size_t length = sizeof(mac);
        EXPECT_INT(verify_head(RSA_2048, "RS256", heads[i]), JWT_ALGORITHM);
        while (token.ptr[token.len - 1] != '.') {
            token.len--;
        }
        EXPECT(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key.ptr, key.len,
                         (const unsigned char *)token.ptr, token.len - 1, mac, sizeof(mac),
                         &length) != NULL);
        base64url_append(&token, mac, length);
        EXPECT_INT(verify_at(buf_slice(&token), NOW), JWT_ALGORITHM);
    }
    buf_release(&key);
    /* a key signs with the algorithms of its kind only */
    EXPECT_INT(verify_head(EC_256, "ES256", "{\"alg\":\"ES384\",\"kid\":\"e2\"}"), JWT_NO_KEY);
    EXPECT_INT(verify_head(RSA_2048, "RS256", "{\"alg\":\"ES256\",\"kid\":\"r\"}"), JWT_NO_KEY);
    EXPECT_INT(verify_head(RSA_2048, "RS256", "{\"alg\":\"PS256\",\"kid\":\"r\"}"), JWT_SIGNATURE);
    rules.algorithms = 1u << JWT_ES256;
    EXPECT_INT(verify_head(RSA_2048, "RS256", "{\"alg\":\"RS256\",\"kid\":\"r\"}"), JWT_ALGORITHM);
    rules.algorithms = JWT_ALGORITHMS_ALL;
}

static void test_heads(void)
{
    EXPECT_INT(verify_head(EC_256, "ES256", "{\"alg\":\"ES256\"}"), JWT_OK);     /* the only one */
    EXPECT_INT(verify_head(ED_448, "EdDSA", "{\"alg\":\"EdDSA\"}"), JWT_NO_KEY); /* one of two */
    EXPECT_INT(verify_head(EC_256, "ES256", "{\"alg\":\"ES256\",\"kid\":\"x\"}"), JWT_NO_KEY);
    EXPECT_INT(verify_head(EC_256, "ES256", "{\"alg\":\"ES256\",\"kid\":7}"), JWT_MALFORMED);
    EXPECT_INT(verify_head(EC_256, "ES256", "{\"alg\":\"ES256\",\"typ\":\"at+JWT\"}"), JWT_OK);
    EXPECT_INT(verify_head(EC_256, "ES256", "{\"alg\":\"ES256\",\"typ\":\"logout+jwt\"}"),
               JWT_ALGORITHM);
    EXPECT_INT(verify_head(EC_256, "ES256", "{\"alg\":\"ES256\",\"crit\":[\"b64\"]}"),
               JWT_ALGORITHM);
    EXPECT_INT(verify_head(EC_256, "ES256", "{\"alg\":\"ES256\",\"alg\":\"ES256\"}"),
               JWT_MALFORMED);
    EXPECT_INT(verify_head(EC_256, "ES256", "{\"alg\":\"ES256\",\"\\u0061lg\":\"none\"}"),
               JWT_MALFORMED);
    EXPECT_INT(verify_head(EC_256, "ES256", "[\"ES256\"]"), JWT_MALFORMED);
    EXPECT_INT(verify_head(EC_256, "ES256", "{\"alg\":\"ES256\",}"), JWT_MALFORMED);
}

static void test_foreign_key(void)
{
    EVP_PKEY *own = pairs[EC_256];
    EVP_PKEY *foreign = EVP_EC_gen("P-256");
    struct buf head = BUF_INIT(4096);
    buf_append_cstr(&head, "{\"alg\":\"ES256\",\"kid\":\"e2\",\"jwk\":");
    append_jwk(&head, foreign, "");
    buf_append_cstr(&head, ",\"jku\":\"http://127.0.0.1/keys\"}");
    buf_append_char(&head, '\0');
    pairs[EC_256] = foreign;
    EXPECT_INT(verify_head(EC_256, "ES256", head.ptr), JWT_SIGNATURE);
    pairs[EC_256] = own;
    EXPECT_INT(verify_head(EC_256, "ES256", head.ptr), JWT_OK);
    EVP_PKEY_free(foreign);
    buf_release(&head);
}

static const struct claim_case {
    const char *claims;
    enum jwt_fault fault;
} claim_cases[] = {
    {CLAIMS, JWT_OK},
    {"{\"iss\":\"https://"
     "id.example\",\"aud\":[\"x\",\"other\"],\"sub\":\"a\",\"iat\":1,\"exp\":2e9}",
     JWT_TOO_OLD},
    {"{\"iss\":\"https://id.example\",\"aud\":[\"x\",\"other\"],\"sub\":\"a\",\"iat\":1790000000.5,"
     "\"exp\":99999999999}",
     JWT_OK},
    {"{\"iss\":\"https://id.example/\",\"aud\":\"sluice\",\"sub\":\"a\",\"iat\":1,\"exp\":2e9}",
     JWT_ISSUER},
    {"{\"iss\":[\"https://id.example\"],\"aud\":\"sluice\",\"sub\":\"a\"}", JWT_ISSUER},
    {"{\"aud\":\"sluice\",\"sub\":\"a\"}", JWT_ISSUER},
    {"{\"iss\":\"https://id.example\",\"aud\":\"Sluice\",\"sub\":\"a\"}", JWT_AUDIENCE},
    {"{\"iss\":\"https://id.example\",\"aud\":[],\"sub\":\"a\"}", JWT_AUDIENCE},
    {"{\"iss\":\"https://id.example\",\"aud\":{\"sluice\":1},\"sub\":\"a\"}", JWT_AUDIENCE},
    {"{\"iss\":\"https://id.example\",\"aud\":[[\"sluice\"]],\"sub\":\"a\"}", JWT_AUDIENCE},
    {"{\"iss\":\"https://id.example\",\"sub\":\"a\"}", JWT_AUDIENCE},
    {"{\"iss\":\"https://id.example\",\"aud\":\"sluice\",\"iat\":1,\"exp\":2e9}", JWT_CLAIMS},
    {"{\"iss\":\"https://id.example\",\"aud\":\"sluice\",\"sub\":\"\",\"iat\":1,\"exp\":2e9}",
     JWT_CLAIMS},
    {"{\"iss\":\"https://id.example\",\"aud\":\"sluice\",\"sub\":7,\"iat\":1,\"exp\":2e9}",
     JWT_CLAIMS},
    {"{\"iss\":\"https://id.example\",\"aud\":\"sluice\",\"sub\":\"a\",\"iat\":1}", JWT_CLAIMS},
    {"{\"iss\":\"https://id.example\",\"aud\":\"sluice\",\"sub\":\"a\",\"exp\":2e9}", JWT_CLAIMS},
    {"{\"iss\":\"https://id.example\",\"aud\":\"sluice\",\"sub\":\"a\",\"iat\":1,"
     "\"exp\":\"1790003600\"}",
     JWT_CLAIMS},
    {"{\"iss\":\"https://id.example\",\"aud\":\"sluice\",\"sub\":\"a\",\"iat\":1,\"exp\":-1}",
     JWT_CLAIMS},
    {"{\"iss\":\"https://id.example\",\"aud\":\"sluice\",\"sub\":\"a\",\"iat\":1,\"exp\":1e400}",
     JWT_CLAIMS},
    {"{\"iss\":\"https://id.example\",\"aud\":\"sluice\",\"sub\":\"a\",\"iat\":1789999000,"
     "\"exp\":1790003600,\"nbf\":\"x\"}",
     JWT_CLAIMS},
    {"{\"iss\":\"https://id.example\",\"aud\":\"sluice\",\"sub\":\"a\",\"iat\":1789999000,"
     "\"exp\":1790003600,\"nbf\":1790000031}",
     JWT_EARLY},
    {"{\"iss\":\"https://id.example\",\"aud\":\"sluice\",\"sub\":\"a\",\"iat\":1789999000,"
     "\"exp\":1790003600,\"nbf\":1790000030}",
     JWT_OK},
    {"{\"iss\":\"https://id.example\",\"aud\":\"sluice\",\"sub\":\"a\",\"iat\":1790000031,"
     "\"exp\":1790003600}",
     JWT_EARLY},
    {"{\"iss\":\"https://id.example\",\"aud\":\"sluice\",\"sub\":\"a\",\"iat\":1789999000,"
     "\"exp\":1789999970}",
     JWT_EXPIRED},
    {"{\"iss\":\"https://id.example\",\"aud\":\"sluice\",\"sub\":\"a\",\"iat\":1789999000,"
     "\"exp\":1789999970.001}",
     JWT_OK},
    {"{\"iss\":\"https://id.example\",\"aud\":\"sluice\",\"sub\":\"a\",\"iat\":1789999000,"
     "\"exp\":1790003600,\"exp\":1790003600}",
     JWT_MALFORMED},
    {"{\"iss\":\"https://id.example\",\"aud\":\"sluice\",\"sub\":\"a\",\"iat\":1789999000,"
     "\"exp\":1790003600,\"x\":{\"team\":1,\"te\\u0061m\":2}}",
     JWT_MALFORMED},
    {"{\"iss\":\"https://id.example\",\"aud\":\"sluice\",\"sub\":\"a\"} x", JWT_MALFORMED},
    {"\"eyJ\"", JWT_MALFORMED},
    {"{\"sub\":\"\xff\"}", JWT_MALFORMED},
};

static void test_claims(void)
{
    for (size_t i = 0; i < ARRAY_LEN(claim_cases); i++) {
        enum jwt_fault fault = verify_claims(claim_cases[i].claims);
        if (fault != claim_cases[i].fault) {
            printf("# %s\n", claim_cases[i].claims);
        }
        EXPECT_INT(fault, claim_cases[i].fault);
    }
}

/* What comes back as the end is the first second at which the same token is refused. */
static void test_end(void)
{
    EXPECT_INT(verify_claims(CLAIMS), JWT_OK);
    int64_t end = last.expires_s;
    EXPECT_INT(verify_at(buf_slice(&token), end - 1), JWT_OK);
    EXPECT_INT(verify_at(buf_slice(&token), end), JWT_EXPIRED);
    rules.max_age_s = 2000;
    EXPECT_INT(verify_claims(CLAIMS), JWT_OK);
    end = last.expires_s;
    EXPECT_INT(verify_at(buf_slice(&token), end - 1), JWT_OK);
    EXPECT_INT(verify_at(buf_slice(&token), end), JWT_TOO_OLD);
    rules.max_age_s = 86400;
}

static void test_sizes(void)
{
    char claims[8192];
    char long_name[512] = "";
    memset(long_name, 'a', 256);
    snprintf(claims, sizeof(claims),
             "{\"iss\":\"https://id.example\",\"aud\":\"sluice\",\"sub\":\"%s\",\"iat\":1789999000,"
             "\"exp\":1790003600}",
             long_name);
    EXPECT_INT(verify_claims(claims), JWT_CLAIMS);
    snprintf(claims, sizeof(claims),
             "{\"iss\":\"https://id.example\",\"aud\":\"sluice\",\"sub\":\"%s\",\"iat\":1789999000,"
             "\"exp\":1790003600}",
             long_name + 1);
    EXPECT_INT(verify_claims(claims), JWT_OK);
    struct buf big = BUF_INIT(JWT_TEXT_MAX);
    buf_append_cstr(&big, "{\"x\":\"");
    for (int i = 0; i < 7000; i++) {
        buf_append_char(&big, 'x');
    }
    buf_append_cstr(&big, "\"}");
    buf_append_char(&big, '\0');
    EXPECT_INT(verify_claims(big.ptr), JWT_MALFORMED);
    buf_release(&big);
    EXPECT(!jwt_resembles(SLICE("eyJhbGciOiJ.e30")));
    EXPECT(!jwt_resembles(SLICE("eyJhbGciOiJ.e30.x.y")));
    EXPECT(!jwt_resembles(SLICE("sk-sl-a.b.c")));
    EXPECT(jwt_resembles(SLICE("eyJhbGciOiJ.e30.x")));
}

static const char *refusal_of(const char *text)
{
    struct error error;
    error_clear(&error);
    struct jwks *keys = jwks_read(slice_from_cstr(text), &error);
    jwks_unref(keys);
    return keys == NULL ? error.code : "";
}

static void test_bad_sets(void)
{
    static const struct {
        const char *text;
        const char *code;
    } cases[] = {
        {"", "bad_jwks"},
        {"[]", "bad_jwks"},
        {"{\"keys\":{}}", "bad_jwks"},
        {"{\"keys\":[]}", "jwks_empty"},
        {"{\"keys\":[7]}", "jwks_empty"},
        {"{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", "jwks_empty"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}", "jwks_empty"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\",\"d\":\"AQ\"}]}", "jwks_empty"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQAB\",\"y\":\"AQAB\"}]}",
         "jwks_empty"},
        /* of the right length, but on no curve */
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
         "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\","
         "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\"}]}",
         "jwks_empty"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"AQAB\",\"y\":\"AQAB\"}]}",
         "jwks_empty"},
        {"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQAB\"}]}", "jwks_empty"},
        {"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AQAB\"}]}", "jwks_empty"},
        {"{\"keys\":[{\"kty\":\"OKP\",\"kty\":\"OKP\"}]}", "jwks_empty"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (strcmp(refusal_of(cases[i].text), cases[i].code) != 0) {
            printf("# %s\n", cases[i].text);
        }
        EXPECT(strcmp(refusal_of(cases[i].text), cases[i].code) == 0);
    }
    EVP_PKEY *weak = EVP_RSA_gen(1024);
    struct buf text = BUF_INIT(JWT_TEXT_MAX);
    buf_append_cstr(&text, "{\"keys\":[");
    append_jwk(&text, weak, "");
    buf_append_cstr(&text, "]}");
    buf_append_char(&text, '\0');
    EXPECT(strcmp(refusal_of(text.ptr), "jwks_empty") == 0);
    EVP_PKEY_free(weak);
    buf_release(&text);
}

/* RFC 7517, 5: one key that is no good does not take the others with it. */
static void test_skipped_keys(void)
{
    static const struct {
        const char *text;
        const char *id; /* NULL: nothing to look at */
    } cases[] = {
        {"7", ""},
        {"{\"kid\":\"lost\"}", "lost"},
        {"{\"kty\":\"AKP\",\"alg\":\"ML-DSA-44\",\"kid\":\"new\",\"pub\":\"AQAB\"}", "new"},
        {"{\"kty\":7,\"kid\":[]}", ""},
        {"{\"kty\":\"oct\",\"kid\":\"s\",\"k\":\"AAAA\"}", "s"},
        {"{\"kty\":\"RSA\",\"kid\":\"w\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", "w"},
        {"{\"kty\":\"RSA\",\"kid\":\"n\",\"e\":\"AQAB\"}", "n"},
        {"{\"kty\":\"RSA\",\"kid\":\"p\",\"n\":\"AQAB\",\"e\":\"AQAB\",\"d\":\"AQ\"}", "p"},
        {"{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"kid\":\"k1\"}", "k1"},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"c\",\"x\":\"AQAB\",\"y\":\"AQAB\"}", "c"},
        {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"a b\\u0000\\n\\\"\",\"x\":\"AQAB\"}",
         "a?b??\""},
        {"{\"kty\":\"EC\",\"kty\":\"EC\",\"kid\":\"twice\"}", "twice"},
        {"{\"kty\":\"RSA\",\"use\":\"enc\",\"kid\":\"e\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf text = BUF_INIT(JWT_TEXT_MAX);
        buf_append_cstr(&text, "{\"keys\":[");
        buf_append_cstr(&text, cases[i].text);
        buf_append_char(&text, ',');
        append_jwk(&text, pairs[EC_256], "\"kid\":\"good\",");
        buf_append_cstr(&text, "]}");
        buf_append_char(&text, '\0');
        struct jwks *keys = set_of(text.ptr);
        EXPECT(keys != NULL);
        if (keys != NULL) {
            size_t count = 0;
            const struct jwks_skip *skips = jwks_skips(keys, &count);
            EXPECT_INT(jwks_count(keys), 1);
            EXPECT_INT(count, cases[i].id == NULL ? 0 : 1);
            EXPECT_SLICE(slice_from_cstr(count == 0 ? "" : skips[0].id),
                         cases[i].id == NULL ? "" : cases[i].id);
            EXPECT(count == 0 || strlen(skips[0].why) > 0);
        }
        jwks_unref(keys);
        buf_release(&text);
    }
}

static void test_many_skipped_keys(void)
{
    struct buf text = BUF_INIT(JWKS_BYTES_MAX);
    size_t count = 0;
    buf_append_cstr(&text, "{\"keys\":[");
    for (int i = 0; i < 500; i++) {
        buf_printf(&text, "{\"kty\":\"?\",\"kid\":\"%0300d\"},", i);
    }
    append_jwk(&text, pairs[EC_256], "");
    buf_append_cstr(&text, "]}");
    buf_append_char(&text, '\0');
    struct jwks *keys = set_of(text.ptr);
    CHECK(keys != NULL);
    EXPECT_INT(jwks_count(keys), 1);
    const struct jwks_skip *skips = jwks_skips(keys, &count);
    EXPECT_INT(count, JWKS_SKIPS_MAX);
    EXPECT_INT(strlen(skips[0].id), JWKS_SKIP_ID_SIZE - 1);
    jwks_unref(keys);
    buf_release(&text);
}

/* What a key says of its use is heeded. */
static void test_uses(void)
{
    static const struct {
        const char *more;
        size_t count;
    } cases[] = {
        {"", 1},
        {"\"use\":\"sig\",\"alg\":\"ES256\",", 1},
        {"\"use\":\"enc\",", 0},
        {"\"alg\":\"ES384\",", 0},
        {"\"alg\":\"ECDH-ES\",", 0},
        {"\"key_ops\":[\"verify\"],", 1},
        {"\"key_ops\":[\"deriveBits\"],", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf text = BUF_INIT(JWT_TEXT_MAX);
        buf_append_cstr(&text, "{\"keys\":[");
        append_jwk(&text, pairs[EC_256], cases[i].more);
        buf_append_cstr(&text, "]}");
        buf_append_char(&text, '\0');
        struct jwks *keys = set_of(text.ptr);
        EXPECT_INT(keys == NULL ? 0 : jwks_count(keys), cases[i].count);
        jwks_unref(keys);
        buf_release(&text);
    }
}

static void test_base64url(void)
{
    static const struct {
        const char *text;
        const char *bytes; /* NULL: refused */
    } cases[] = {
        {"", ""},
        {"Zg", "f"},
        {"Zm8", "fo"},
        {"Zm9v", "foo"},
        {"Zm9vYg", "foob"},
        {"Zg==", NULL},
        {"Zh", NULL},
        {"Z", NULL},
        {"Zm9", NULL},
        {"Zm9vY", NULL},
        {"Zm 9v", NULL},
        {"Zm9v\n", NULL},
        {"__--", "\xff\xff\xbe"},
        {"//++", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[16];
        size_t length = 0;
        bool read = base64url_decode(slice_from_cstr(cases[i].text), out, sizeof(out), &length);
        EXPECT_INT(read, cases[i].bytes != NULL);
        EXPECT(!read || slice_eq(slice_of(out, length), slice_from_cstr(cases[i].bytes)));
    }
    char small[2];
    size_t length = 0;
    EXPECT(!base64url_decode(SLICE("Zm9v"), small, sizeof(small), &length));
    EXPECT(base64url_decode(SLICE("Zm8"), small, sizeof(small), &length));
}

static void test_codes(void)
{
    for (int fault = JWT_MALFORMED; fault < JWT_FAULTS; fault++) {
        EXPECT(strncmp(jwt_fault_code((enum jwt_fault)fault), "token_", 6) == 0);
    }
}

int main(void)
{
    make_keys();
    TEST(test_algorithms, "tokens of all algorithms pass");
    TEST(test_each_bit, "a token that was changed or cut anywhere is refused");
    TEST(test_no_algorithm, "none, shared secrets and unknown algorithms are refused");
    TEST(test_confusion, "a key is used for the algorithms of its kind only");
    TEST(test_heads, "heads are read strictly, and their key ids are heeded");
    TEST(test_foreign_key, "a key in the head is not looked at");
    TEST(test_claims, "claims are checked one by one");
    TEST(test_end, "the end of a token is the second from which it is refused");
    TEST(test_sizes, "tokens and subjects have ceilings");
    TEST(test_bad_sets, "key sets that are no such thing are refused");
    TEST(test_skipped_keys, "a key that is no good is left out, by its name, and the others serve");
    TEST(test_many_skipped_keys, "however many there are");
    TEST(test_uses, "a key is used for what it says only");
    TEST(test_base64url, "base64url has one spelling");
    TEST(test_codes, "each fault has a code");
    jwks_unref(set);
    for (int i = 0; i < KEYS; i++) {
        EVP_PKEY_free(pairs[i]);
    }
    buf_release(&set_text);
    buf_release(&token);
    return tap_done();
}
