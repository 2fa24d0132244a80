/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/sigv4.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <time.h>

#define DIGEST_BYTES 32
#define TEXT_BYTES_MAX ((size_t)256 << 10)
#define PARAMETERS_MAX 64u
#define SECRET_BYTES_MAX 512u

struct stamp {
    char time[20]; /* 20150830T123600Z */
    char date[12]; /* 20150830 */
};

static bool make_stamp(int64_t time_s, struct stamp *stamp)
{
    struct tm parts;
    time_t seconds = (time_t)time_s;
    return gmtime_r(&seconds, &parts) != NULL &&
           strftime(stamp->time, sizeof stamp->time, "%Y%m%dT%H%M%SZ", &parts) == 16 &&
           strftime(stamp->date, sizeof stamp->date, "%Y%m%d", &parts) == 8;
}

static void append_hex(struct buf *out, const unsigned char *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        buf_append_char(out, digits[bytes[i] >> 4]);
        buf_append_char(out, digits[bytes[i] & 15]);
    }
}

static bool append_digest(struct buf *out, struct slice text)
{
    unsigned char digest[DIGEST_BYTES];
    bool ok =
        EVP_Digest(text.len > 0 ? text.ptr : "", text.len, digest, NULL, EVP_sha256(), NULL) == 1;
    append_hex(out, digest, sizeof digest);
    return ok;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static void append_encoded(struct buf *out, struct slice text, bool keep_slash)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (is_unreserved(text.ptr[i]) || (keep_slash && c == '/')) {
            buf_append_char(out, text.ptr[i]);
        } else {
            const char escape[3] = {'%', digits[c >> 4], digits[c & 15]};
            buf_append(out, slice_of(escape, sizeof escape));
        }
    }
}

/* --- the canonical request --- */

static void append_path(struct buf *out, struct slice path)
{
    if (path.len == 0) {
        buf_append_char(out, '/');
    } else {
        append_encoded(out, path, true);
    }
}

static int compare_slices(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

/* Parameters in the order of their bytes, one without a value with an empty one. They are sent
   encoded already. */
static bool append_query(struct buf *out, struct slice query)
{
    struct slice parameters[PARAMETERS_MAX];
    size_t count = 0;
    while (query.len > 0) {
        struct slice parameter = slice_cut(&query, '&');
        if (count == PARAMETERS_MAX) {
            return false;
        }
        if (parameter.len > 0) {
            parameters[count++] = parameter;
        }
    }
    qsort(parameters, count, sizeof parameters[0], compare_slices);
    for (size_t i = 0; i < count; i++) {
        bool has_value = slice_find(parameters[i], '=') != SIZE_MAX;
        buf_append(out, i > 0 ? SLICE("&") : SLICE_EMPTY);
        buf_append(out, parameters[i]);
        buf_append(out, has_value ? SLICE_EMPTY : SLICE("="));
    }
    return true;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static int compare_headers(const void *a, const void *b)
{
    struct slice x = ((const struct sigv4_header *)a)->name;
    struct slice y = ((const struct sigv4_header *)b)->name;
    for (size_t i = 0; i < x.len && i < y.len; i++) {
        if (lower(x.ptr[i]) != lower(y.ptr[i])) {
            return lower(x.ptr[i]) - lower(y.ptr[i]);
        }
    }
    return x.len < y.len ? -1 : x.len > y.len;
}

static void append_lower(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        buf_append_char(out, lower(text.ptr[i]));
    }
}

/* Without blanks around it, and runs of blanks as one. */
static void append_value(struct buf *out, struct slice value)
{
    value = slice_trim(value);
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] != ' ' || value.ptr[i - 1] != ' ') {
            buf_append_char(out, value.ptr[i]);
        }
    }
}

struct signed_headers {
    struct sigv4_header list[SIGV4_HEADERS_MAX + 2];
    size_t count;
};

static void collect_headers(const struct sigv4_credentials *credentials,
                            const struct sigv4_request *request, const struct stamp *stamp,
                            struct signed_headers *headers)
{
    CHECK(request->header_count <= SIGV4_HEADERS_MAX);
    headers->count = 0;
    for (size_t i = 0; i < request->header_count; i++) {
        headers->list[headers->count++] = request->headers[i];
    }
    headers->list[headers->count++] =
        (struct sigv4_header){SLICE("x-amz-date"), slice_from_cstr(stamp->time)};
    if (credentials->session_token.len > 0) {
        headers->list[headers->count++] =
            (struct sigv4_header){SLICE("x-amz-security-token"), credentials->session_token};
    }
    qsort(headers->list, headers->count, sizeof headers->list[0], compare_headers);
}

static void append_names(struct buf *out, const struct signed_headers *headers)
{
    for (size_t i = 0; i < headers->count; i++) {
        buf_append(out, i > 0 ? SLICE(";") : SLICE_EMPTY);
        append_lower(out, headers->list[i].name);
    }
}

static bool append_request(struct buf *out, const struct sigv4_request *request,
                           const struct signed_headers *headers)
{
    buf_append(out, request->method);
    buf_append_char(out, '\n');
    append_path(out, request->path);
    buf_append_char(out, '\n');
    bool ok = append_query(out, request->query);
    buf_append_char(out, '\n');
    for (size_t i = 0; i < headers->count; i++) {
        append_lower(out, headers->list[i].name);
        buf_append_char(out, ':');
        append_value(out, headers->list[i].value);
        buf_append_char(out, '\n');
    }
    buf_append_char(out, '\n');
    append_names(out, headers);
    buf_append_char(out, '\n');
    return append_digest(out, request->body) && ok;
}

/* --- the signature --- */

static void append_scope(struct buf *out, const struct sigv4_request *request,
                         const struct stamp *stamp)
{
    buf_append_cstr(out, stamp->date);
    buf_append_char(out, '/');
    buf_append(out, request->region);
    buf_append_char(out, '/');
    buf_append(out, request->service);
    buf_append(out, SLICE("/aws4_request"));
}

static bool mac(const unsigned char *key, size_t key_len, struct slice text,
                unsigned char *ret_digest)
{
    unsigned length = DIGEST_BYTES;
    return HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text.ptr, text.len,
                ret_digest, &length) != NULL;
}

/* HMAC(HMAC(HMAC(HMAC("AWS4" secret, date), region), service), "aws4_request") */
static bool derive_key(const struct sigv4_credentials *credentials,
                       const struct sigv4_request *request, const struct stamp *stamp,
                       unsigned char *ret_key)
{
    unsigned char secret[SECRET_BYTES_MAX] = "AWS4";
    unsigned char next[DIGEST_BYTES];
    size_t length = credentials->secret_access_key.len;
    if (length == 0 || length > sizeof secret - 4) {
        return false;
    }
    memcpy(secret + 4, credentials->secret_access_key.ptr, length);
    bool ok = mac(secret, length + 4, slice_from_cstr(stamp->date), ret_key) &&
              mac(ret_key, DIGEST_BYTES, request->region, next) &&
              mac(next, DIGEST_BYTES, request->service, ret_key) &&
              mac(ret_key, DIGEST_BYTES, SLICE("aws4_request"), next);
    memcpy(ret_key, next, DIGEST_BYTES);
    OPENSSL_cleanse(secret, sizeof secret);
    OPENSSL_cleanse(next, sizeof next);
    return ok;
}

/* Appends the signature of the canonical request. */
static bool append_signature(struct buf *out, const struct sigv4_credentials *credentials,
                             const struct sigv4_request *request, const struct stamp *stamp,
                             struct slice canonical)
{
    unsigned char key[DIGEST_BYTES];
    unsigned char signature[DIGEST_BYTES];
    struct buf text = BUF_INIT(TEXT_BYTES_MAX);
    buf_append(&text, SLICE("AWS4-HMAC-SHA256\n"));
    buf_append_cstr(&text, stamp->time);
    buf_append_char(&text, '\n');
    append_scope(&text, request, stamp);
    buf_append_char(&text, '\n');
    bool ok = append_digest(&text, canonical) && !text.failed &&
              derive_key(credentials, request, stamp, key) &&
              mac(key, sizeof key, buf_slice(&text), signature);
    if (ok) {
        append_hex(out, signature, sizeof signature);
    }
    OPENSSL_cleanse(key, sizeof key);
    buf_release(&text);
    return ok;
}

static void append_line(struct buf *out, struct slice name, struct slice value)
{
    buf_append(out, name);
    buf_append(out, SLICE(": "));
    buf_append(out, value);
    buf_append(out, SLICE("\r\n"));
}

bool sigv4_sign(const struct sigv4_credentials *credentials, const struct sigv4_request *request,
                struct buf *out)
{
    struct stamp stamp;
    struct signed_headers headers;
    struct buf canonical = BUF_INIT(TEXT_BYTES_MAX);
    if (!make_stamp(request->time_s, &stamp)) {
        return false;
    }
    collect_headers(credentials, request, &stamp, &headers);
    bool ok = append_request(&canonical, request, &headers) && !canonical.failed;
    append_line(out, SLICE("X-Amz-Date"), slice_from_cstr(stamp.time));
    if (credentials->session_token.len > 0) {
        append_line(out, SLICE("X-Amz-Security-Token"), credentials->session_token);
    }
    buf_append(out, SLICE("Authorization: AWS4-HMAC-SHA256 Credential="));
    buf_append(out, credentials->access_key_id);
    buf_append_char(out, '/');
    append_scope(out, request, &stamp);
    buf_append(out, SLICE(", SignedHeaders="));
    append_names(out, &headers);
    buf_append(out, SLICE(", Signature="));
    ok = ok && append_signature(out, credentials, request, &stamp, buf_slice(&canonical));
    buf_append(out, SLICE("\r\n"));
    if (canonical.ptr != NULL) { /* it holds the session token */
        OPENSSL_cleanse(canonical.ptr, canonical.cap);
    }
    buf_release(&canonical);
    return ok && !out->failed;
}
