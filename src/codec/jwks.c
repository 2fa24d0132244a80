/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/jwks.h"

#include "base/memory.h"
#include "codec/base64url.h"
#include "codec/json.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <stdatomic.h>

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192
#define POINT_BYTES_MAX 133 /* of P-521, uncompressed */
#define SIGNATURE_BYTES_MAX (RSA_BITS_MAX / 8)

enum key_kind { KIND_RSA, KIND_P256, KIND_P384, KIND_P521, KIND_EDWARDS };

static const struct algorithm {
    struct slice name;
    enum key_kind kind;
    const char *digest; /* NULL: the algorithm's own */
    bool pss;
} algorithms[JWT_ALGORITHMS] = {
    [JWT_RS256] = {SLICE_INIT("RS256"), KIND_RSA, "SHA256", false},
    [JWT_RS384] = {SLICE_INIT("RS384"), KIND_RSA, "SHA384", false},
    [JWT_RS512] = {SLICE_INIT("RS512"), KIND_RSA, "SHA512", false},
    [JWT_PS256] = {SLICE_INIT("PS256"), KIND_RSA, "SHA256", true},
    [JWT_PS384] = {SLICE_INIT("PS384"), KIND_RSA, "SHA384", true},
    [JWT_PS512] = {SLICE_INIT("PS512"), KIND_RSA, "SHA512", true},
    [JWT_ES256] = {SLICE_INIT("ES256"), KIND_P256, "SHA256", false},
    [JWT_ES384] = {SLICE_INIT("ES384"), KIND_P384, "SHA384", false},
    [JWT_ES512] = {SLICE_INIT("ES512"), KIND_P521, "SHA512", false},
    [JWT_EDDSA] = {SLICE_INIT("EdDSA"), KIND_EDWARDS, NULL, false},
};

static const struct curve {
    struct slice name;
    enum key_kind kind;
    const char *group; /* of OpenSSL; NULL: the key's type says it all */
    int type;
    size_t field; /* bytes of a coordinate, or of the whole key */
} curves[] = {
    {SLICE_INIT("P-256"), KIND_P256, "P-256", EVP_PKEY_EC, 32},
    {SLICE_INIT("P-384"), KIND_P384, "P-384", EVP_PKEY_EC, 48},
    {SLICE_INIT("P-521"), KIND_P521, "P-521", EVP_PKEY_EC, 66},
    {SLICE_INIT("Ed25519"), KIND_EDWARDS, NULL, EVP_PKEY_ED25519, 32},
    {SLICE_INIT("Ed448"), KIND_EDWARDS, NULL, EVP_PKEY_ED448, 57},
};

struct jwk {
    char id[JWK_ID_MAX];
    size_t id_length;
    bool has_id;
    enum key_kind kind;
    unsigned algorithms; /* those it may be used with */
    size_t field;        /* of a curve */
    EVP_PKEY *key;
};

struct jwks {
    atomic_size_t references;
    size_t count;
    struct jwk keys[JWKS_KEYS_MAX];
    size_t skip_count;
    struct jwks_skip skips[JWKS_SKIPS_MAX];
};

bool jwt_algorithm_named(struct slice name, enum jwt_algorithm *ret_algorithm)
{
    for (unsigned i = 0; i < JWT_ALGORITHMS; i++) {
        if (slice_eq(name, algorithms[i].name)) {
            *ret_algorithm = (enum jwt_algorithm)i;
            return true;
        }
    }
    return false;
}

/* --- reading one key ---------------------------------------------------------------------------
 */

struct key_reader {
    struct json_doc doc;
    struct arena arena;
    struct error *error;
    const char *why; /* the key is not used; NULL: nobody has to know */
};

static bool bad(struct key_reader *reader, const char *text)
{
    return error_set(reader->error, ERROR_INVALID, "bad_jwks", "%s", text);
}

/* The key is left out. */
static bool skip(struct key_reader *reader, const char *why)
{
    reader->why = why;
    return false;
}

/* A string member; without a pointer when there is none. */
static struct slice text_of(struct key_reader *reader, uint32_t key, const char *name)
{
    uint32_t value = json_member(&reader->doc, key, slice_from_cstr(name));
    return json_is(&reader->doc, value, JSON_STRING)
               ? json_string(&reader->doc, value, &reader->arena)
               : SLICE_EMPTY;
}

static bool bytes_of(struct key_reader *reader, uint32_t key, const char *name, void *out,
                     size_t size, size_t *ret_length)
{
    struct slice text = text_of(reader, key, name);
    return text.len > 0 && base64url_decode(text, out, size, ret_length);
}

static EVP_PKEY *key_from_params(const char *type, OSSL_PARAM *params)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (context != NULL && params != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        key = NULL;
    }
    EVP_PKEY_CTX_free(context);
    return key;
}

static EVP_PKEY *rsa_key(const BIGNUM *n, const BIGNUM *e)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (build != NULL && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1) {
        OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
        key = key_from_params("RSA", params);
        OSSL_PARAM_free(params);
    }
    OSSL_PARAM_BLD_free(build);
    return key;
}

static bool read_rsa(struct key_reader *reader, uint32_t member, struct jwk *key)
{
    unsigned char n_bytes[SIGNATURE_BYTES_MAX];
    unsigned char e_bytes[8];
    size_t n_length = 0;
    size_t e_length = 0;
    if (!bytes_of(reader, member, "n", n_bytes, sizeof(n_bytes), &n_length) ||
        !bytes_of(reader, member, "e", e_bytes, sizeof(e_bytes), &e_length)) {
        return skip(reader, "an RSA key needs n and e in base64url, and has 8192 bits at most");
    }
    BIGNUM *n = BN_bin2bn(n_bytes, (int)n_length, NULL);
    BIGNUM *e = BN_bin2bn(e_bytes, (int)e_length, NULL);
    bool sound = n != NULL && e != NULL && BN_num_bits(n) >= RSA_BITS_MIN && BN_is_odd(n) &&
                 BN_is_odd(e) && !BN_is_one(e);
    key->kind = KIND_RSA;
    key->key = sound ? rsa_key(n, e) : NULL;
    BN_free(n);
    BN_free(e);
    return key->key != NULL ||
           skip(reader, "an RSA key has 2048 bits or more and an odd exponent above 1");
}

static EVP_PKEY *point_key(const struct curve *curve, const unsigned char *point, size_t length)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (build != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, length) == 1) {
        OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
        key = key_from_params("EC", params);
        OSSL_PARAM_free(params);
    }
    OSSL_PARAM_BLD_free(build);
    return key;
}

/* Off the curve, or its point at infinity: no key. */
static EVP_PKEY *checked(EVP_PKEY *key)
{
    EVP_PKEY_CTX *context = key == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool sound = context != NULL && EVP_PKEY_public_check(context) == 1;
    EVP_PKEY_CTX_free(context);
    if (!sound) {
        EVP_PKEY_free(key);
        return NULL;
    }
    return key;
}

static EVP_PKEY *curve_key(struct key_reader *reader, uint32_t member, const struct curve *curve)
{
    unsigned char point[POINT_BYTES_MAX];
    size_t x = 0;
    size_t y = 0;
    if (curve->group == NULL) {
        return bytes_of(reader, member, "x", point, sizeof(point), &x) && x == curve->field
                   ? EVP_PKEY_new_raw_public_key(curve->type, NULL, point, x)
                   : NULL;
    }
    point[0] = 4; /* uncompressed */
    if (!bytes_of(reader, member, "x", point + 1, curve->field, &x) || x != curve->field ||
        !bytes_of(reader, member, "y", point + 1 + x, curve->field, &y) || y != curve->field) {
        return NULL;
    }
    return checked(point_key(curve, point, 1 + x + y));
}

static bool read_curve(struct key_reader *reader, uint32_t member, const struct curve *curve,
                       struct jwk *key)
{
    key->kind = curve->kind;
    key->field = curve->field;
    key->key = curve_key(reader, member, curve);
    return key->key != NULL || skip(reader, "its point is not on its curve");
}

static const struct curve *curve_named(struct slice name, bool edwards)
{
    for (size_t i = 0; i < ARRAY_LEN(curves); i++) {
        if (slice_eq(name, curves[i].name) && (curves[i].group == NULL) == edwards) {
            return &curves[i];
        }
    }
    return NULL;
}

/* RFC 7517, 4.2 to 4.4: what the key is for. */
static bool is_for_verifying(struct key_reader *reader, uint32_t member)
{
    struct slice use = text_of(reader, member, "use");
    uint32_t operations = json_member(&reader->doc, member, SLICE("key_ops"));
    if (use.ptr != NULL && !slice_eq(use, SLICE("sig"))) {
        return false;
    }
    if (operations == JSON_ABSENT) {
        return true;
    }
    bool found = false;
    for (uint32_t i = json_first(&reader->doc, operations); i != JSON_ABSENT;
         i = json_next(&reader->doc, operations, i)) {
        found = found || (json_is(&reader->doc, i, JSON_STRING) &&
                          json_string_is(&reader->doc, i, SLICE("verify")));
    }
    return found;
}

/* The algorithms that the key's kind can serve, narrowed to the one that it names. */
static bool read_algorithms(struct key_reader *reader, uint32_t member, struct jwk *key)
{
    struct slice name = text_of(reader, member, "alg");
    enum jwt_algorithm named = JWT_ALGORITHMS;
    for (unsigned i = 0; i < JWT_ALGORITHMS; i++) {
        key->algorithms |= algorithms[i].kind == key->kind ? 1u << i : 0;
    }
    if (name.ptr != NULL) {
        key->algorithms &= jwt_algorithm_named(name, &named) ? 1u << named : 0;
    }
    return key->algorithms != 0;
}

static bool read_id(struct key_reader *reader, uint32_t member, struct jwk *key)
{
    struct slice id = text_of(reader, member, "kid");
    if (id.len > sizeof(key->id)) {
        return skip(reader, "a kid has 255 bytes at most");
    }
    key->has_id = id.ptr != NULL;
    key->id_length = id.len;
    if (id.len > 0) {
        memcpy(key->id, id.ptr, id.len);
    }
    return true;
}

static bool has_duplicates(const struct json_doc *doc, uint32_t object, struct arena *arena)
{
    for (uint32_t i = json_first(doc, object); i != JSON_ABSENT; i = json_next(doc, object, i)) {
        struct slice name = json_string(doc, i, arena);
        for (uint32_t k = json_first(doc, object); k != i; k = json_next(doc, object, k)) {
            if (json_string_is(doc, k, name)) {
                return true;
            }
        }
    }
    return false;
}

/* What must be so before anything of the key is looked at. */
static bool check_entry(struct key_reader *reader, uint32_t member)
{
    if (!json_is(&reader->doc, member, JSON_OBJECT) ||
        has_duplicates(&reader->doc, member, &reader->arena)) {
        return skip(reader, "a key is an object, and no member stands twice in it");
    }
    return json_member(&reader->doc, member, SLICE("d")) == JSON_ABSENT ||
           skip(reader, "there is a private key in it: only public keys belong here");
}

/* False: it is left out, and reader->why says why if somebody has to know. */
static bool read_key(struct key_reader *reader, uint32_t member, struct jwk *key)
{
    *key = (struct jwk){.key = NULL};
    reader->why = NULL;
    if (!check_entry(reader, member)) {
        return false;
    }
    struct slice type = text_of(reader, member, "kty");
    bool rsa = slice_eq(type, SLICE("RSA"));
    bool edwards = slice_eq(type, SLICE("OKP"));
    const struct curve *curve = curve_named(text_of(reader, member, "crv"), edwards);
    if (!is_for_verifying(reader, member)) {
        return false;
    }
    if (!rsa && ((!edwards && !slice_eq(type, SLICE("EC"))) || curve == NULL)) {
        return skip(reader, "keys of this kty or crv are not used here");
    }
    if (!read_id(reader, member, key) ||
        !(rsa ? read_rsa(reader, member, key) : read_curve(reader, member, curve, key))) {
        return false;
    }
    if (!read_algorithms(reader, member, key)) {
        EVP_PKEY_free(key->key);
        return false;
    }
    return true;
}

/* --- the set -----------------------------------------------------------------------------------
 */

static void note_skip(struct key_reader *reader, uint32_t member, struct jwks *keys)
{
    ERR_clear_error();
    if (reader->why == NULL || keys->skip_count == JWKS_SKIPS_MAX) {
        return;
    }
    struct jwks_skip *skipped = &keys->skips[keys->skip_count++];
    struct slice id =
        json_is(&reader->doc, member, JSON_OBJECT) ? text_of(reader, member, "kid") : SLICE_EMPTY;
    size_t length = id.len < sizeof(skipped->id) - 1 ? id.len : sizeof(skipped->id) - 1;
    for (size_t i = 0; i < length; i++) {
        skipped->id[i] = id.ptr[i] > ' ' && id.ptr[i] < 0x7F ? id.ptr[i] : '?';
    }
    skipped->why = reader->why;
}

static bool read_keys(struct key_reader *reader, struct jwks *keys)
{
    uint32_t list = json_member(&reader->doc, JSON_ROOT, SLICE("keys"));
    if (!json_is(&reader->doc, JSON_ROOT, JSON_OBJECT) ||
        !json_is(&reader->doc, list, JSON_ARRAY)) {
        return bad(reader, "a key set is an object with the array \"keys\"");
    }
    for (uint32_t i = json_first(&reader->doc, list); i != JSON_ABSENT;
         i = json_next(&reader->doc, list, i)) {
        if (keys->count == JWKS_KEYS_MAX) {
            return bad(reader, "a key set has 64 keys at most");
        }
        if (read_key(reader, i, &keys->keys[keys->count])) {
            keys->count++;
        } else {
            note_skip(reader, i, keys);
        }
    }
    const char *why = keys->skip_count > 0 ? keys->skips[0].why : "";
    return keys->count > 0 || error_set(reader->error, ERROR_INVALID, "jwks_empty",
                                        "the key set holds no key that can verify a token%s%s",
                                        why[0] == '\0' ? "" : ": ", why);
}

struct jwks *jwks_read(struct slice text, struct error *error)
{
    const struct json_limits limits = {.depth = 8, .nodes = 8192};
    struct key_reader reader = {.error = error};
    struct jwks *keys = memory_array(1, sizeof(*keys));
    if (keys == NULL) {
        error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
        return NULL;
    }
    atomic_init(&keys->references, 1);
    json_doc_init(&reader.doc);
    arena_init(&reader.arena, 4 * JWKS_BYTES_MAX);
    bool done = text.len <= JWKS_BYTES_MAX && json_parse(&reader.doc, text, &limits, NULL);
    done = done ? read_keys(&reader, keys)
                : bad(&reader, "it is no JSON, or more than a megabyte of it");
    if (done && reader.arena.exhausted) {
        done = error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
    }
    json_doc_release(&reader.doc);
    arena_release(&reader.arena);
    if (!done) {
        jwks_unref(keys);
        return NULL;
    }
    return keys;
}

struct jwks *jwks_ref(struct jwks *keys)
{
    atomic_fetch_add_explicit(&keys->references, 1, memory_order_relaxed);
    return keys;
}

void jwks_unref(struct jwks *keys)
{
    if (keys == NULL || atomic_fetch_sub_explicit(&keys->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    for (size_t i = 0; i < keys->count; i++) {
        EVP_PKEY_free(keys->keys[i].key);
    }
    memory_free(keys);
}

size_t jwks_count(const struct jwks *keys)
{
    return keys->count;
}

const struct jwks_skip *jwks_skips(const struct jwks *keys, size_t *ret_count)
{
    *ret_count = keys->skip_count;
    return keys->skips;
}

/* --- verifying ---------------------------------------------------------------------------------
 */

static const struct jwk *choose_key(const struct jwks *keys, enum jwt_algorithm algorithm,
                                    bool has_id, struct slice id)
{
    const struct jwk *found = NULL;
    for (size_t i = 0; i < keys->count; i++) {
        const struct jwk *key = &keys->keys[i];
        bool named = has_id ? key->has_id && slice_eq(slice_of(key->id, key->id_length), id) : true;
        if (named && (key->algorithms & 1u << algorithm) != 0) {
            if (found != NULL) {
                return NULL; /* which of them is meant cannot be told */
            }
            found = key;
        }
    }
    return found;
}

/* RFC 7518, 3.4: both numbers in their full length; OpenSSL takes them as ASN.1. */
static unsigned char *signature_to_der(const struct jwk *key, struct slice raw, size_t *ret_length)
{
    unsigned char *der = NULL;
    ECDSA_SIG *signature = raw.len == 2 * key->field ? ECDSA_SIG_new() : NULL;
    const unsigned char *bytes = (const unsigned char *)raw.ptr;
    if (signature == NULL) {
        return NULL;
    }
    BIGNUM *r = BN_bin2bn(bytes, (int)key->field, NULL);
    BIGNUM *s = BN_bin2bn(bytes + key->field, (int)key->field, NULL);
    int length = -1;
    if (r != NULL && s != NULL && ECDSA_SIG_set0(signature, r, s) == 1) {
        length = i2d_ECDSA_SIG(signature, &der);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(signature);
    *ret_length = length > 0 ? (size_t)length : 0;
    return length > 0 ? der : NULL;
}

static bool begin(EVP_MD_CTX *context, const struct algorithm *algorithm, EVP_PKEY *key)
{
    EVP_PKEY_CTX *of_key = NULL; /* the context's */
    if (EVP_DigestVerifyInit_ex(context, &of_key, algorithm->digest, NULL, NULL, key, NULL) != 1) {
        return false;
    }
    return !algorithm->pss ||
           (EVP_PKEY_CTX_set_rsa_padding(of_key, RSA_PKCS1_PSS_PADDING) == 1 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(of_key, RSA_PSS_SALTLEN_DIGEST) == 1);
}

static bool verify_with(const struct jwk *key, const struct algorithm *algorithm, struct slice text,
                        struct slice signature)
{
    unsigned char *der = NULL;
    const unsigned char *bytes = (const unsigned char *)signature.ptr;
    size_t length = signature.len;
    EVP_MD_CTX *context = NULL;
    bool valid = false;
    if (key->kind == KIND_P256 || key->kind == KIND_P384 || key->kind == KIND_P521) {
        der = signature_to_der(key, signature, &length);
        bytes = der;
    }
    if (bytes != NULL) {
        context = EVP_MD_CTX_new();
        valid = context != NULL && begin(context, algorithm, key->key) &&
                EVP_DigestVerify(context, bytes, length, (const unsigned char *)text.ptr,
                                 text.len) == 1;
    }
    EVP_MD_CTX_free(context);
    OPENSSL_free(der);
    ERR_clear_error();
    return valid;
}

enum jwks_outcome jwks_verify(const struct jwks *keys, enum jwt_algorithm algorithm, bool has_id,
                              struct slice id, struct slice text, struct slice signature)
{
    const struct jwk *key = choose_key(keys, algorithm, has_id, id);
    if (key == NULL) {
        return JWKS_NO_KEY;
    }
    return signature.len > 0 && verify_with(key, &algorithms[algorithm], text, signature)
               ? JWKS_VALID
               : JWKS_INVALID;
}
