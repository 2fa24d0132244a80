/* SPDX-License-Identifier: Apache-2.0 */
/* An identity provider for tests: keys that OpenSSL makes, their public halves as JSON, and tokens
 * that they sign. */
#ifndef TESTS_UNIT_CODEC_JWT_TESTING_H
#define TESTS_UNIT_CODEC_JWT_TESTING_H

#include "base/buf.h"
#include "base/check.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>

#define JWT_TEXT_MAX ((size_t)1 << 20)

static inline void base64url_append(struct buf *out, const void *bytes, size_t length)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *from = bytes;
    for (size_t i = 0; i < length; i += 3) {
        uint32_t bits = 0;
        size_t count = length - i < 3 ? length - i : 3;
        for (size_t j = 0; j < 3; j++) {
            bits = bits << 8 | (j < count ? from[i + j] : 0);
        }
        for (size_t j = 0; j <= count; j++) {
            buf_append_char(out, digits[bits >> (18 - 6 * j) & 63]);
        }
    }
}

static inline void append_number(struct buf *out, EVP_PKEY *key, const char *parameter, int width)
{
    BIGNUM *number = NULL;
    unsigned char bytes[1024];
    CHECK(EVP_PKEY_get_bn_param(key, parameter, &number) == 1);
    int length = width > 0 ? width : BN_num_bytes(number);
    CHECK(BN_bn2binpad(number, bytes, length) == length);
    base64url_append(out, bytes, (size_t)length);
    BN_free(number);
}

/* {"kty": ...}: `more` are members with a comma behind each. */
static inline void append_jwk(struct buf *out, EVP_PKEY *key, const char *more)
{
    char group[32];
    unsigned char raw[64];
    size_t length = sizeof(raw);
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
        buf_printf(out, "{%s\"kty\":\"RSA\",\"n\":\"", more);
        append_number(out, key, OSSL_PKEY_PARAM_RSA_N, 0);
        buf_append_cstr(out, "\",\"e\":\"");
        append_number(out, key, OSSL_PKEY_PARAM_RSA_E, 0);
    } else if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC) {
        CHECK(EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1);
        int bits = EVP_PKEY_get_bits(key);
        buf_printf(out, "{%s\"kty\":\"EC\",\"crv\":\"P-%d\",\"x\":\"", more, bits);
        append_number(out, key, OSSL_PKEY_PARAM_EC_PUB_X, (bits + 7) / 8);
        buf_append_cstr(out, "\",\"y\":\"");
        append_number(out, key, OSSL_PKEY_PARAM_EC_PUB_Y, (bits + 7) / 8);
    } else {
        CHECK(EVP_PKEY_get_raw_public_key(key, raw, &length) == 1);
        buf_printf(out, "{%s\"kty\":\"OKP\",\"crv\":\"Ed%s\",\"x\":\"", more,
                   length == 32 ? "25519" : "448");
        base64url_append(out, raw, length);
    }
    buf_append_cstr(out, "\"}");
}

/* Signs as `algorithm` ("ES256") says; a key of the wrong kind is the caller's mistake. */
static inline void append_signature(struct buf *out, EVP_PKEY *key, const char *algorithm,
                                    struct slice text)
{
    unsigned char bytes[1024];
    size_t length = sizeof(bytes);
    char digest[8] = "SHA";
    EVP_PKEY_CTX *of_key = NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool edwards = strcmp(algorithm, "EdDSA") == 0;
    memcpy(digest + 3, algorithm + 2, 3);
    CHECK(EVP_DigestSignInit_ex(context, &of_key, edwards ? NULL : digest, NULL, NULL, key, NULL) ==
          1);
    if (algorithm[0] == 'P') {
        CHECK(EVP_PKEY_CTX_set_rsa_padding(of_key, RSA_PKCS1_PSS_PADDING) == 1);
        CHECK(EVP_PKEY_CTX_set_rsa_pss_saltlen(of_key, RSA_PSS_SALTLEN_DIGEST) == 1);
    }
    CHECK(EVP_DigestSign(context, bytes, &length, (const unsigned char *)text.ptr, text.len) == 1);
    EVP_MD_CTX_free(context);
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC) {
        int width = (EVP_PKEY_get_bits(key) + 7) / 8;
        const unsigned char *from = bytes;
        ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &from, (long)length);
        unsigned char raw[132];
        BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, width);
        BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + width, width);
        ECDSA_SIG_free(pair);
        base64url_append(out, raw, 2 * (size_t)width);
        return;
    }
    base64url_append(out, bytes, length);
}

/* A token with this head and these claims, both JSON, signed as `algorithm`. */
static inline void make_token(struct buf *out, EVP_PKEY *key, const char *algorithm,
                              const char *head, const char *claims)
{
    buf_clear(out);
    base64url_append(out, head, strlen(head));
    buf_append_char(out, '.');
    base64url_append(out, claims, strlen(claims));
    struct slice text = buf_slice(out);
    struct buf signature = BUF_INIT(4096);
    append_signature(&signature, key, algorithm, text);
    buf_append_char(out, '.');
    buf_append(out, buf_slice(&signature));
    buf_release(&signature);
}

#endif
