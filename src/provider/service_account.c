/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/service_account.h"

#include "codec/json.h"
#include "codec/json_write.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#define LIFETIME_S 3600
#define LIFETIME_MAX_S 86400
#define TEXT_BYTES_MAX ((size_t)64 << 10)
#define SIGNATURE_BYTES_MAX 2048u /* RSA of 16,384 bits */

/* --- the key file --- */

static bool refuse(struct error *error, const char *text)
{
    return error_set(error, ERROR_INVALID, "invalid_service_account", "%s", text);
}

static struct slice member_of(const struct json_doc *doc, struct slice name, struct arena *arena)
{
    uint32_t value = json_member(doc, JSON_ROOT, name);
    if (!json_is(doc, value, JSON_STRING)) {
        return SLICE_EMPTY;
    }
    /* one copy, not two: who owns the arena wipes the one that is told */
    return doc->nodes[value].escaped != 0 ? json_string(doc, value, arena)
                                          : arena_copy(arena, json_inner(doc, value));
}

static EVP_PKEY *load_key(struct slice pem)
{
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    if (key != NULL && EVP_PKEY_base_id(key) != EVP_PKEY_RSA) {
        EVP_PKEY_free(key);
        return NULL;
    }
    return key;
}

static bool check_account(struct service_account *account, struct error *error)
{
    EVP_PKEY *key = account->key.len > 0 ? load_key(account->key) : NULL;
    bool usable = key != NULL;
    EVP_PKEY_free(key);
    if (!usable) {
        return refuse(error, "The file's private_key is no RSA key in PEM.");
    }
    if (account->email.len == 0) {
        return refuse(error, "The file has no client_email.");
    }
    if (account->token_uri.len == 0 || !url_parse(account->token_uri, &account->token_url, NULL)) {
        return refuse(error, "The file's token_uri is no URL.");
    }
    return account->token_url.https || url_is_loopback(&account->token_url) ||
           refuse(error, "The file's token_uri must be https.");
}

bool service_account_read(struct slice json, struct arena *arena,
                          struct service_account *ret_account, struct error *error)
{
    struct json_doc doc;
    json_doc_init(&doc);
    bool parsed = json.len <= SERVICE_ACCOUNT_FILE_MAX &&
                  json_parse(&doc, json, &json_default_limits, NULL) &&
                  json_kind(&doc, JSON_ROOT) == JSON_OBJECT;
    if (!parsed) {
        json_doc_release(&doc);
        return refuse(error, "The file is not the JSON key of a service account.");
    }
    struct slice type = member_of(&doc, SLICE("type"), arena);
    *ret_account = (struct service_account){
        .email = member_of(&doc, SLICE("client_email"), arena),
        .key_id = member_of(&doc, SLICE("private_key_id"), arena),
        .project = member_of(&doc, SLICE("project_id"), arena),
        .token_uri = member_of(&doc, SLICE("token_uri"), arena),
        .key = member_of(&doc, SLICE("private_key"), arena),
    };
    json_doc_release(&doc);
    if (arena->exhausted) {
        return refuse(error, "The file is too large.");
    }
    if (!slice_eq(type, SLICE("service_account"))) {
        return refuse(error, "The file's type is not service_account.");
    }
    return check_account(ret_account, error);
}

/* --- the assertion --- */

static void append_base64url(struct buf *out, struct slice bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t i = 0; i < bytes.len; i += 3) {
        uint32_t bits = 0;
        size_t length = bytes.len - i < 3 ? bytes.len - i : 3;
        for (size_t j = 0; j < 3; j++) {
            bits = bits << 8 | (j < length ? (unsigned char)bytes.ptr[i + j] : 0);
        }
        for (size_t j = 0; j <= length; j++) {
            buf_append_char(out, digits[bits >> (18 - 6 * j) & 63]);
        }
    }
}

static void append_header(const struct service_account *account, struct buf *out)
{
    struct buf text = BUF_INIT(TEXT_BYTES_MAX);
    struct json_writer json;
    json_writer_init(&json, &text);
    json_begin_object(&json);
    json_member_string(&json, SLICE("alg"), SLICE("RS256"));
    json_member_string(&json, SLICE("typ"), SLICE("JWT"));
    if (account->key_id.len > 0) {
        json_member_string(&json, SLICE("kid"), account->key_id);
    }
    json_end_object(&json);
    append_base64url(out, buf_slice(&text));
    out->failed = out->failed || text.failed;
    buf_release(&text);
}

static void append_claims(const struct service_account *account, int64_t now_s, struct buf *out)
{
    struct buf text = BUF_INIT(TEXT_BYTES_MAX);
    struct json_writer json;
    json_writer_init(&json, &text);
    json_begin_object(&json);
    json_member_string(&json, SLICE("iss"), account->email);
    json_member_string(&json, SLICE("scope"), SLICE(SERVICE_ACCOUNT_SCOPE));
    json_member_string(&json, SLICE("aud"), account->token_uri);
    json_member_int(&json, SLICE("iat"), now_s);
    json_member_int(&json, SLICE("exp"), now_s + LIFETIME_S);
    json_end_object(&json);
    append_base64url(out, buf_slice(&text));
    out->failed = out->failed || text.failed;
    buf_release(&text);
}

/* RSASSA-PKCS1-v1_5 with SHA-256 of the text. */
static bool append_signature(const struct service_account *account, struct slice text,
                             struct buf *out)
{
    unsigned char signature[SIGNATURE_BYTES_MAX];
    size_t length = sizeof signature;
    EVP_PKEY *key = load_key(account->key);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok =
        key != NULL && context != NULL &&
        EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
        EVP_DigestSign(context, signature, &length, (const unsigned char *)text.ptr, text.len) == 1;
    if (ok) {
        append_base64url(out, slice_of((const char *)signature, length));
    }
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return ok;
}

bool service_account_write_request(const struct service_account *account, int64_t now_s,
                                   struct buf *out)
{
    buf_append(out, SLICE("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"
                          "&assertion="));
    struct buf assertion = BUF_INIT(TEXT_BYTES_MAX);
    append_header(account, &assertion);
    buf_append_char(&assertion, '.');
    append_claims(account, now_s, &assertion);
    bool ok = !assertion.failed;
    buf_append(out, buf_slice(&assertion));
    buf_append_char(out, '.');
    ok = ok && append_signature(account, buf_slice(&assertion), out);
    buf_release(&assertion);
    return ok && !out->failed;
}

/* --- the token --- */

static bool is_visible(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~') {
            return false;
        }
    }
    return text.len > 0;
}

bool service_account_read_token(struct slice body, struct arena *arena,
                                struct service_token *ret_token)
{
    struct json_doc doc;
    int64_t seconds = 0;
    json_doc_init(&doc);
    bool ok = json_parse(&doc, body, &json_default_limits, NULL) &&
              json_kind(&doc, JSON_ROOT) == JSON_OBJECT;
    if (ok) {
        uint32_t expires = json_member(&doc, JSON_ROOT, SLICE("expires_in"));
        ok = expires != JSON_ABSENT && json_int64(&doc, expires, &seconds) && seconds > 0;
        ret_token->token =
            json_string(&doc, json_member(&doc, JSON_ROOT, SLICE("access_token")), arena);
        ret_token->expires_in_s = seconds < LIFETIME_MAX_S ? seconds : LIFETIME_MAX_S;
        ok =
            ok && is_visible(ret_token->token) && ret_token->token.len <= SERVICE_ACCOUNT_TOKEN_MAX;
    }
    json_doc_release(&doc);
    return ok;
}
