/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens and key sets. The first byte chooses: a token as it stands; a head and claims (a line
 * each) that are signed with a key of the set, so that the claims are read; or a key set. What is
 * accepted makes sense, and nothing but a signed text is.
 */
#include "codec/jwt.h"
#include "tests/unit/codec/jwt_testing.h"

#define NOW INT64_C(1790000000)

static EVP_PKEY *pair;
static struct jwks *set;

static void begin(void)
{
    static const unsigned char seed[32] = "a key for tests, of 32 bytes ...";
    struct buf text = BUF_INIT(JWT_TEXT_MAX);
    pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
    buf_append_cstr(&text, "{\"keys\":[");
    append_jwk(&text, pair, "\"kid\":\"k\",");
    buf_append_cstr(&text, "]}");
    set = jwks_read(buf_slice(&text), NULL);
    CHECK(set != NULL);
    buf_release(&text);
}

static void verify(struct slice token, bool is_signed)
{
    const struct jwt_rules rules = {.issuer = SLICE("i"),
                                    .audiences = {SLICE("a")},
                                    .audience_count = 1,
                                    .algorithms = JWT_ALGORITHMS_ALL,
                                    .leeway_s = 30,
                                    .max_age_s = 86400};
    struct arena arena;
    struct json_doc claims;
    struct jwt jwt;
    arena_init(&arena, 1u << 20);
    json_doc_init(&claims);
    enum jwt_fault fault = jwt_verify(set, &rules, token, NOW, &arena, &claims, &jwt);
    CHECK(fault < JWT_FAULTS && (fault == JWT_OK || jwt_fault_code(fault)[0] != '\0'));
    if (fault == JWT_OK) {
        CHECK(is_signed && jwt.subject.len > 0 && jwt.subject.len <= JWT_SUBJECT_MAX);
        CHECK(jwt.expires_s > NOW && json_is(&claims, JSON_ROOT, JSON_OBJECT));
    }
    json_doc_release(&claims);
    arena_release(&arena);
}

static void verify_signed(struct slice input)
{
    struct buf token = BUF_INIT(JWT_TEXT_MAX);
    struct buf signature = BUF_INIT(1024);
    struct slice head = slice_cut(&input, '\n');
    base64url_append(&token, head.ptr, head.len);
    buf_append_char(&token, '.');
    base64url_append(&token, input.ptr, input.len);
    append_signature(&signature, pair, "EdDSA", buf_slice(&token));
    buf_append_char(&token, '.');
    buf_append(&token, buf_slice(&signature));
    verify(buf_slice(&token), true);
    buf_release(&token);
    buf_release(&signature);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of((const char *)data, size);
    if (set == NULL) {
        begin();
    }
    switch (size == 0 ? '\0' : input.ptr[0]) {
    case 't':
        verify(slice_from(input, 1), false);
        break;
    case 's':
        if (size < 16384) {
            verify_signed(slice_from(input, 1));
        }
        break;
    default: {
        struct jwks *read = jwks_read(slice_from(input, 1), NULL);
        CHECK(read == NULL || (jwks_count(read) > 0 && jwks_count(read) <= JWKS_KEYS_MAX));
        jwks_unref(read);
    }
    }
    return 0;
}
