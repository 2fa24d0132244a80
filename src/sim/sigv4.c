/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sigv4.h"

#include "base/buf.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define DIGEST 32
#define CANONICAL_MAX ((size_t)1 << 20)
#define NAMES_MAX 32
#define PARAMETERS_MAX 32
#define SKEW_S (5 * 60)
#define STAMP_LEN 16 /* 20150830T123600Z */
#define DATE_LEN 8

struct claim {
    struct slice key;
    struct slice date;
    struct slice region;
    struct slice service;
    struct slice terminator;
    struct slice scope; /* without the key */
    struct slice names; /* of the signed headers */
    struct slice signature;
    struct slice stamp; /* the header x-amz-date */
};

static bool deny(struct error *error, const char *exception, const char *text)
{
    return error_set(error, ERROR_DENIED, exception, "%s", text);
}

/* --- the claim --- */

/* "Credential=..., SignedHeaders=..., Signature=...": in any order. */
static bool read_claim(const struct sim_request *request, struct claim *claim, struct error *error)
{
    struct slice rest = sim_request_header(request, SLICE("authorization"));
    struct slice credential = SLICE_EMPTY;

    (void)slice_cut(&rest, ' ');
    while (rest.len > 0) {
        struct slice value = slice_trim(slice_cut(&rest, ','));
        struct slice name = slice_cut(&value, '=');
        if (slice_eq(name, SLICE("Credential"))) {
            credential = value;
        } else if (slice_eq(name, SLICE("SignedHeaders"))) {
            claim->names = value;
        } else if (slice_eq(name, SLICE("Signature"))) {
            claim->signature = value;
        }
    }
    claim->stamp = sim_request_header(request, SLICE("x-amz-date"));
    claim->key = slice_cut(&credential, '/');
    claim->scope = credential;
    claim->date = slice_cut(&credential, '/');
    claim->region = slice_cut(&credential, '/');
    claim->service = slice_cut(&credential, '/');
    claim->terminator = credential;
    if (claim->terminator.len == 0 || claim->names.len == 0 || claim->signature.len == 0 ||
        claim->stamp.len == 0) {
        return deny(error, "IncompleteSignatureException",
                    "Authorization header requires 'Credential', 'Signature' and 'SignedHeaders' "
                    "parameters, and existence of an 'X-Amz-Date' header.");
    }
    return true;
}

static bool check_key(const struct sim_request *request, const struct claim *claim,
                      struct error *error)
{
    struct slice token = sim_request_header(request, SLICE("x-amz-security-token"));
    bool lasting = slice_eq(claim->key, SLICE(SIM_AWS_ACCESS_KEY_ID)) && token.ptr == NULL;
    bool temporary = slice_eq(claim->key, SLICE(SIM_AWS_TEMPORARY_KEY_ID)) &&
                     slice_eq(token, SLICE(SIM_AWS_SESSION_TOKEN));

    return lasting || temporary ||
           deny(error, "UnrecognizedClientException",
                "The security token included in the request is invalid.");
}

static bool check_scope(const struct claim *claim, struct slice service, struct error *error)
{
    if (!slice_eq(claim->service, service)) {
        return error_set(error, ERROR_DENIED, "InvalidSignatureException",
                         "Credential should be scoped to correct service: '%.*s'.",
                         SLICE_ARG(service));
    }
    if (!slice_eq(claim->terminator, SLICE("aws4_request")) || claim->region.len == 0) {
        return deny(error, "InvalidSignatureException",
                    "Credential should be scoped with a valid terminator: 'aws4_request'.");
    }
    if (claim->stamp.len < DATE_LEN ||
        !slice_eq(claim->date, slice_of(claim->stamp.ptr, DATE_LEN))) {
        return deny(error, "InvalidSignatureException",
                    "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of "
                    "date from HTTP.");
    }
    return true;
}

/* --- the time --- */

static int64_t days_since_1970(int64_t year, int64_t month, int64_t day)
{
    static const int64_t before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int64_t past = year - 1;
    int64_t leaps = past / 4 - past / 100 + past / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return (year - 1970) * 365 + leaps + before[month - 1] + (leap && month > 2) + day - 1;
}

/* "20150830T123600Z" */
static bool read_stamp(struct slice stamp, int64_t *ret_s)
{
    static const struct {
        size_t at;
        size_t len;
        uint64_t least;
        uint64_t most;
    } fields[] = {{0, 4, 1970, 9999}, {4, 2, 1, 12},  {6, 2, 1, 31},
                  {9, 2, 0, 23},      {11, 2, 0, 59}, {13, 2, 0, 60}};
    int64_t values[ARRAY_LEN(fields)];

    if (stamp.len != STAMP_LEN || stamp.ptr[8] != 'T' || stamp.ptr[15] != 'Z') {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        uint64_t value;
        if (!slice_to_u64(slice_of(stamp.ptr + fields[i].at, fields[i].len), &value) ||
            value < fields[i].least || value > fields[i].most) {
            return false;
        }
        values[i] = (int64_t)value;
    }
    *ret_s =
        ((days_since_1970(values[0], values[1], values[2]) * 24 + values[3]) * 60 + values[4]) *
            60 +
        values[5];
    return true;
}

static bool check_time(const struct claim *claim, int64_t now_s, struct error *error)
{
    int64_t signed_s;

    if (!read_stamp(claim->stamp, &signed_s)) {
        return deny(error, "IncompleteSignatureException",
                    "Date must be in ISO-8601 'basic format', as in '20150830T123600Z'.");
    }
    if (signed_s < now_s - SKEW_S || signed_s > now_s + SKEW_S) {
        return error_set(error, ERROR_DENIED, "InvalidSignatureException",
                         "Signature %s: %.*s is more than five minutes from now.",
                         signed_s < now_s ? "expired" : "not yet current", SLICE_ARG(claim->stamp));
    }
    return true;
}

/* --- what is signed --- */

static void append_hex(struct buf *out, const unsigned char *bytes)
{
    for (size_t i = 0; i < DIGEST; i++) {
        buf_printf(out, "%02x", bytes[i]);
    }
}

static bool append_digest(struct buf *out, struct slice text)
{
    unsigned char digest[DIGEST];

    if (EVP_Digest(text.len == 0 ? "" : text.ptr, text.len, digest, NULL, EVP_sha256(), NULL) !=
        1) {
        return false;
    }
    append_hex(out, digest);
    return true;
}

/* The path as it arrived, encoded once more. */
static void append_path(struct buf *out, struct slice path)
{
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.ptr[i];
        bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                     strchr("-._~/", c) != NULL;
        buf_printf(out, plain && c != '\0' ? "%c" : "%%%02X", c);
    }
}

static bool append_query(struct buf *out, struct slice query)
{
    struct slice list[PARAMETERS_MAX];
    size_t count = 0;

    while (query.len > 0) {
        struct slice next = slice_cut(&query, '&');
        size_t at = count;
        if (count == PARAMETERS_MAX) {
            return false;
        }
        for (; at > 0 && slice_compare(list[at - 1], next) > 0; at--) {
            list[at] = list[at - 1];
        }
        list[at] = next;
        count++;
    }
    for (size_t i = 0; i < count; i++) {
        bool bare = slice_find(list[i], '=') == SIZE_MAX;
        buf_printf(out, "%s%.*s%s", i == 0 ? "" : "&", SLICE_ARG(list[i]), bare ? "=" : "");
    }
    return true;
}

/* All values of a header, blanks collapsed; false: the request has none. */
static bool append_header(struct buf *out, const struct sim_request *request, struct slice wanted)
{
    struct slice fields = request->fields;
    struct slice name;
    struct slice value;
    bool found = false;

    buf_printf(out, "%.*s:", SLICE_ARG(wanted));
    while (sim_request_field(&fields, &name, &value)) {
        if (!slice_eq_nocase(name, wanted)) {
            continue;
        }
        value = slice_trim(value);
        buf_append(out, found ? SLICE(",") : SLICE_EMPTY);
        for (size_t i = 0; i < value.len; i++) {
            if (i == 0 || value.ptr[i] != ' ' || value.ptr[i - 1] != ' ') {
                buf_append_char(out, value.ptr[i]);
            }
        }
        found = true;
    }
    buf_append_char(out, '\n');
    return found;
}

static bool is_signed(struct slice names, struct slice wanted)
{
    while (names.len > 0) {
        if (slice_eq_nocase(slice_cut(&names, ';'), wanted)) {
            return true;
        }
    }
    return false;
}

/* The host and everything of Amazon's must be signed; the names are small and in order. */
static bool check_names(const struct sim_request *request, const struct claim *claim,
                        struct error *error)
{
    struct slice fields = request->fields;
    struct slice rest = claim->names;
    struct slice before = SLICE_EMPTY;
    struct slice name;
    struct slice value;

    if (!is_signed(claim->names, SLICE("host"))) {
        return deny(error, "InvalidSignatureException",
                    "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
    }
    while (sim_request_field(&fields, &name, &value)) {
        bool amazons = name.len > 6 && slice_eq_nocase(slice_of(name.ptr, 6), SLICE("x-amz-"));
        if (amazons && !is_signed(claim->names, name)) {
            return error_set(error, ERROR_DENIED, "InvalidSignatureException",
                             "'%.*s' must be a 'SignedHeader' in the AWS Authorization.",
                             SLICE_ARG(name));
        }
    }
    while (rest.len > 0) {
        name = slice_cut(&rest, ';');
        if (slice_compare(before, name) >= 0) {
            return deny(error, "InvalidSignatureException", "SignedHeaders are not in order.");
        }
        before = name;
    }
    return true;
}

static bool append_canonical(struct buf *out, const struct sim_request *request,
                             const struct claim *claim, struct slice body)
{
    struct slice names = claim->names;
    bool ok = true;

    buf_printf(out, "%.*s\n", SLICE_ARG(request->method));
    append_path(out, request->path);
    buf_append_char(out, '\n');
    ok &= append_query(out, request->query);
    buf_append_char(out, '\n');
    while (names.len > 0) {
        ok &= append_header(out, request, slice_cut(&names, ';'));
    }
    buf_printf(out, "\n%.*s\n", SLICE_ARG(claim->names));
    return append_digest(out, body) && ok && !out->failed;
}

/* --- the signature --- */

static bool mac(unsigned char *digest, const void *key, size_t key_len, struct slice text)
{
    unsigned len = DIGEST;
    unsigned char made[DIGEST];

    if (HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text.ptr, text.len, made,
             &len) == NULL) {
        return false;
    }
    memcpy(digest, made, DIGEST);
    return true;
}

static bool append_signature(struct buf *out, const struct claim *claim, struct slice canonical)
{
    static const char secret[] = "AWS4" SIM_AWS_SECRET_ACCESS_KEY;
    unsigned char digest[DIGEST];
    struct buf text = BUF_INIT(CANONICAL_MAX);

    buf_printf(&text, "AWS4-HMAC-SHA256\n%.*s\n%.*s\n", SLICE_ARG(claim->stamp),
               SLICE_ARG(claim->scope));
    bool ok = append_digest(&text, canonical) && !text.failed &&
              mac(digest, secret, sizeof(secret) - 1, claim->date) &&
              mac(digest, digest, DIGEST, claim->region) &&
              mac(digest, digest, DIGEST, claim->service) &&
              mac(digest, digest, DIGEST, claim->terminator) &&
              mac(digest, digest, DIGEST, buf_slice(&text));
    if (ok) {
        append_hex(out, digest);
    }
    buf_release(&text);
    return ok;
}

bool sim_sigv4_check(const struct sim_request *request, struct slice body, struct slice service,
                     int64_t now_s, struct error *error)
{
    struct claim claim = {0};
    struct buf canonical = BUF_INIT(CANONICAL_MAX);
    struct buf signature = BUF_INIT(CANONICAL_MAX);

    if (!read_claim(request, &claim, error) || !check_key(request, &claim, error) ||
        !check_scope(&claim, service, error) || !check_names(request, &claim, error) ||
        !check_time(&claim, now_s, error)) {
        return false;
    }
    bool good = append_canonical(&canonical, request, &claim, body) &&
                append_signature(&signature, &claim, buf_slice(&canonical)) &&
                slice_eq(buf_slice(&signature), claim.signature);
    buf_release(&canonical);
    buf_release(&signature);
    return good || deny(error, "InvalidSignatureException",
                        "The request signature we calculated does not match the signature you "
                        "provided. Check your AWS Secret Access Key and signing method. Consult "
                        "the service documentation for details.");
}
