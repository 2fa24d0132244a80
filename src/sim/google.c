/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/google.h"

#include "base/hash.h"
#include "codec/json.h"
#include "codec/json_write.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>

#define KEY_BITS 2048
#define KEY_ID "sim-key-1"
#define EMAIL "sim@sim-project.iam.gserviceaccount.com"
#define SCOPE "https://www.googleapis.com/auth/cloud-platform"
#define AUDIENCE "https://oauth2.googleapis.com/token" /* which Google's own library always says */
#define GRANT "urn:ietf:params:oauth:grant-type:jwt-bearer"
#define TOKEN_PREFIX "ya29.sim-"
#define TEXT_MAX ((size_t)64 << 10)
#define SKEW_S 60

void sim_google_release(struct sim_google *google)
{
    EVP_PKEY_free(google->key);
    google->key = NULL;
}

static bool make_key(struct sim_google *google)
{
    if (google->key == NULL) {
        google->key = EVP_RSA_gen(KEY_BITS);
    }
    return google->key != NULL;
}

bool sim_google_account(struct sim_google *google, struct slice host, struct buf *out)
{
    struct json_writer w;
    char uri[256];
    char *pem = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    bool ok = bio != NULL && make_key(google) &&
              PEM_write_bio_PrivateKey(bio, google->key, NULL, NULL, 0, NULL, NULL) == 1;

    if (ok) {
        long length = BIO_get_mem_data(bio, &pem);
        (void)snprintf(uri, sizeof(uri), "http://%.*s/token", SLICE_ARG(host));
        json_writer_init(&w, out);
        json_begin_object(&w);
        json_member_string(&w, SLICE("type"), SLICE("service_account"));
        json_member_string(&w, SLICE("project_id"), SLICE("sim-project"));
        json_member_string(&w, SLICE("private_key_id"), SLICE(KEY_ID));
        json_member_string(&w, SLICE("private_key"), slice_of(pem, (size_t)length));
        json_member_string(&w, SLICE("client_email"), SLICE(EMAIL));
        json_member_string(&w, SLICE("token_uri"), slice_from_cstr(uri));
        json_end_object(&w);
        ok = !out->failed;
    }
    BIO_free(bio);
    return ok;
}

/* --- tokens --- */

static void append_token(const struct sim_google *google, int64_t expires_s, struct buf *out)
{
    char text[48];

    (void)snprintf(text, sizeof(text), "%llx-%llx", (unsigned long long)google->seed,
                   (unsigned long long)expires_s);
    buf_printf(out, TOKEN_PREFIX "%llx-%016llx", (unsigned long long)expires_s,
               (unsigned long long)hash_stable(slice_from_cstr(text)));
}

bool sim_google_lets_in(const struct sim_google *google, struct slice token, int64_t now_s)
{
    char number[20];
    struct buf made = BUF_INIT(TEXT_MAX);
    struct slice rest = slice_from(token, sizeof(TOKEN_PREFIX) - 1);

    if (!slice_starts(token, SLICE(TOKEN_PREFIX))) {
        return false;
    }
    slice_to_cstr(slice_cut(&rest, '-'), number, sizeof(number));
    int64_t expires_s = (int64_t)strtoull(number, NULL, 16);
    append_token(google, expires_s, &made);
    bool good = slice_eq(buf_slice(&made), token) && expires_s > now_s;
    buf_release(&made);
    return good;
}

/* --- the assertion --- */

static int digit_of(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '-'             ? 62
           : c == '_'             ? 63
                                  : -1;
}

/* RFC 4648, section 5, without padding. */
static bool decode(struct slice text, struct buf *out)
{
    unsigned bits = 0;
    unsigned held = 0;

    for (size_t i = 0; i < text.len; i++) {
        int digit = digit_of(text.ptr[i]);
        if (digit < 0) {
            return false;
        }
        held = (held << 6 | (unsigned)digit) & 0xFFFF;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            buf_append_char(out, (char)(held >> bits & 0xFF));
        }
    }
    return text.len % 4 != 1 && !out->failed;
}

static bool is_signed(const struct sim_google *google, struct slice text, struct slice signature)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context != NULL && google->key != NULL &&
                EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, google->key) == 1 &&
                EVP_DigestVerify(context, (const unsigned char *)signature.ptr, signature.len,
                                 (const unsigned char *)text.ptr, text.len) == 1;

    EVP_MD_CTX_free(context);
    return good;
}

static bool is_text(const struct json_doc *doc, const char *name, const char *wanted)
{
    uint32_t value = json_member(doc, JSON_ROOT, slice_from_cstr(name));

    return json_is(doc, value, JSON_STRING) && json_string_is(doc, value, slice_from_cstr(wanted));
}

static bool parse(struct json_doc *doc, struct slice encoded, struct buf *text)
{
    return decode(encoded, text) && json_parse(doc, buf_slice(text), NULL, NULL) &&
           json_is(doc, JSON_ROOT, JSON_OBJECT);
}

static bool deny(struct error *error, const char *text)
{
    return error_set(error, ERROR_DENIED, "invalid_grant", "%s", text);
}

static bool check_claims(const struct json_doc *doc, struct slice host, int64_t now_s,
                         struct error *error)
{
    char uri[256];
    int64_t iat = 0;
    int64_t exp = 0;

    (void)snprintf(uri, sizeof(uri), "http://%.*s/token", SLICE_ARG(host));
    if (!is_text(doc, "iss", EMAIL)) {
        return deny(error, "Invalid grant: account not found");
    }
    if (!is_text(doc, "aud", uri) && !is_text(doc, "aud", AUDIENCE)) {
        return deny(error, "Invalid JWT: Failed audience check.");
    }
    if (!is_text(doc, "scope", SCOPE)) {
        return error_set(error, ERROR_DENIED, "invalid_scope",
                         "Invalid OAuth scope or ID token audience provided.");
    }
    if (!json_int64(doc, json_member(doc, JSON_ROOT, SLICE("iat")), &iat) ||
        !json_int64(doc, json_member(doc, JSON_ROOT, SLICE("exp")), &exp) || iat > now_s + SKEW_S ||
        exp < now_s || exp > iat + SIM_GOOGLE_TOKEN_S) {
        return deny(error, "Invalid JWT: Token must be a short-lived token (60 minutes) and in a "
                           "reasonable timeframe. Check your iat and exp values in the JWT claim.");
    }
    return true;
}

static bool check_assertion(const struct sim_google *google, struct slice assertion,
                            struct slice host, int64_t now_s, struct error *error)
{
    struct slice rest = assertion;
    struct slice head = slice_cut(&rest, '.');
    struct slice claims = slice_cut(&rest, '.');
    struct slice signed_text = slice_of(assertion.ptr, head.len + 1 + claims.len);
    struct buf text = BUF_INIT(TEXT_MAX);
    struct buf more = BUF_INIT(TEXT_MAX);
    struct buf signature = BUF_INIT(TEXT_MAX);
    struct json_doc doc;

    json_doc_init(&doc);
    bool ok = rest.len > 0 && parse(&doc, head, &text) && is_text(&doc, "alg", "RS256") &&
              is_text(&doc, "kid", KEY_ID) && decode(rest, &signature) &&
              is_signed(google, signed_text, buf_slice(&signature)) && parse(&doc, claims, &more);
    ok = ok ? check_claims(&doc, host, now_s, error) : deny(error, "Invalid JWT Signature.");
    json_doc_release(&doc);
    buf_release(&text);
    buf_release(&more);
    buf_release(&signature);
    return ok;
}

/* --- the form --- */

static void append_decoded(struct slice text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        char digits[3] = "";
        if (text.ptr[i] == '%' && i + 2 < text.len) {
            memcpy(digits, text.ptr + i + 1, 2);
            buf_append_char(out, (char)strtoul(digits, NULL, 16));
            i += 2;
        } else {
            buf_append_char(out, text.ptr[i] == '+' ? ' ' : text.ptr[i]);
        }
    }
}

bool sim_google_token(const struct sim_google *google, struct slice form, struct slice host,
                      int64_t now_s, struct buf *out, struct error *error)
{
    struct buf grant = BUF_INIT(TEXT_MAX);
    struct buf assertion = BUF_INIT(TEXT_MAX);
    bool ok;

    while (form.len > 0) {
        struct slice value = slice_cut(&form, '&');
        struct slice name = slice_cut(&value, '=');
        if (slice_eq(name, SLICE("grant_type"))) {
            append_decoded(value, &grant);
        } else if (slice_eq(name, SLICE("assertion"))) {
            append_decoded(value, &assertion);
        }
    }
    if (!slice_eq(buf_slice(&grant), SLICE(GRANT))) {
        ok = error_set(error, ERROR_DENIED, "unsupported_grant_type", "Invalid grant_type: %.*s",
                       SLICE_ARG(buf_slice(&grant)));
    } else {
        ok = check_assertion(google, buf_slice(&assertion), host, now_s, error);
    }
    if (ok) {
        buf_append(out, SLICE("{\"access_token\":\""));
        append_token(google, now_s + SIM_GOOGLE_TOKEN_S, out);
        buf_printf(out, "\",\"expires_in\":%d,\"token_type\":\"Bearer\"}", SIM_GOOGLE_TOKEN_S - 1);
    }
    buf_release(&grant);
    buf_release(&assertion);
    return ok;
}
