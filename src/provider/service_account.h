/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Google's service accounts: the JSON key file, the signed assertion that is given for an access
 * token (RFC 7523, RS256), and the answer with the token. Pure: no network, no clock.
 */
#ifndef SLUICE_PROVIDER_SERVICE_ACCOUNT_H
#define SLUICE_PROVIDER_SERVICE_ACCOUNT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "codec/url.h"

#define SERVICE_ACCOUNT_FILE_MAX ((size_t)64 << 10)
#define SERVICE_ACCOUNT_TOKEN_MAX 8192u /* bytes of an access token */
#define SERVICE_ACCOUNT_SCOPE "https://www.googleapis.com/auth/cloud-platform"

/* Texts live in the arena that the file was read into. */
struct service_account {
    struct slice email;
    struct slice key_id;  /* or empty */
    struct slice project; /* or empty */
    struct slice token_uri;
    struct url token_url; /* of token_uri: https, or http on loopback */
    struct slice key;     /* PEM; secret, wiped by who owns the arena */
};

/* Codes: "invalid_service_account"; the text never holds anything of the key. */
MUST_USE bool service_account_read(struct slice json, struct arena *arena,
                                   struct service_account *ret_account, struct error *error);
/* Appends the form that is sent to the token URI: a new assertion, good for an hour from `now_s`.
   False: the key cannot sign, or the buffer failed. */
MUST_USE bool service_account_write_request(const struct service_account *account, int64_t now_s,
                                            struct buf *out);

struct service_token {
    struct slice token;   /* plain, of the body; visible ASCII */
    int64_t expires_in_s; /* 1 .. a day */
};
/* The answer of the token URI. False: there is no usable token in it. */
MUST_USE bool service_account_read_token(struct slice body, struct arena *arena,
                                         struct service_token *ret_token);

#endif
