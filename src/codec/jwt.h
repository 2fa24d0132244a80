/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signed token (JWT in compact form, RFC 7519 and 7515) against a key set and what the operator
 * expects, along RFC 8725: the algorithm must be one that is allowed and one of the key's own kind;
 * what the head says of keys (jwk, jku, x5c, x5u) is not looked at; extensions that must be
 * understood (crit) are not. Pure; any thread.
 */
#ifndef SLUICE_CODEC_JWT_H
#define SLUICE_CODEC_JWT_H

#include "base/arena.h"
#include "codec/json.h"
#include "codec/jwks.h"

#define JWT_BYTES_MAX ((size_t)8 << 10)
#define JWT_AUDIENCES_MAX 16
#define JWT_SUBJECT_MAX 255 /* bytes */

struct jwt_rules {
    struct slice issuer; /* "iss" is exactly this */
    struct slice audiences[JWT_AUDIENCES_MAX];
    size_t audience_count; /* "aud" is, or holds, one of them */
    unsigned algorithms;   /* mask of those that are allowed */
    int64_t leeway_s;      /* of clocks */
    int64_t max_age_s;     /* since "iat"; 0: no ceiling */
};

enum jwt_fault {
    JWT_OK,
    JWT_MALFORMED, /* not three parts of base64url, or no strict JSON, or a member stands twice */
    JWT_ALGORITHM, /* "none", one that is not allowed, an extension, or a token of another kind */
    JWT_NO_KEY,    /* no key of this id and algorithm */
    JWT_SIGNATURE,
    /* of tokens whose signature is right: */
    JWT_ISSUER,
    JWT_AUDIENCE,
    JWT_EXPIRED,
    JWT_EARLY,   /* "nbf" or "iat" is to come */
    JWT_TOO_OLD, /* for max_age_s */
    JWT_CLAIMS,  /* "exp", "iat" or "sub" is missing or no such thing */
    JWT_FAULTS
};
/* "token_malformed" ...: stable. */
const char *jwt_fault_code(enum jwt_fault fault);

struct jwt {
    struct slice subject; /* 1 to 255 bytes, in the arena or the payload */
    int64_t expires_s;    /* from then on it is expired, the leeway counted in */
    struct slice payload; /* in the arena: what *claims was parsed from */
};

/* Could it be one at all? Three parts, of which the first begins as JSON does in base64. */
bool jwt_resembles(struct slice text);
/* What a token says, whoever made it: its signature is not looked at. *claims is parsed from its
 * payload; the arena must outlive it. */
MUST_USE bool jwt_peek(struct slice token, struct arena *arena, struct json_doc *claims);
/* *claims is parsed from the payload when the signature was right; the arena must outlive it. */
MUST_USE enum jwt_fault jwt_verify(const struct jwks *keys, const struct jwt_rules *rules,
                                   struct slice token, int64_t wall_s, struct arena *arena,
                                   struct json_doc *claims, struct jwt *ret_jwt);

#endif
