/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of public keys that sign tokens (JWKS, RFC 7517): RSA of 2048 to 8192 bits, the curves
 * P-256, P-384, P-521, Ed25519 and Ed448. A key serves the algorithms of its own kind only (RFC
 * 8725, 3.1): symmetric keys are left out, so nothing public is ever taken for a shared secret.
 * Immutable and reference-counted; any thread.
 */
#ifndef SLUICE_CODEC_JWKS_H
#define SLUICE_CODEC_JWKS_H

#include "base/error.h"
#include "base/slice.h"

#define JWKS_BYTES_MAX ((size_t)1 << 20)
#define JWKS_KEYS_MAX 64
#define JWK_ID_MAX 255 /* bytes of a kid */
#define JWKS_SKIPS_MAX 8
#define JWKS_SKIP_ID_SIZE 64

/* Numbers are bits of a mask. */
enum jwt_algorithm {
    JWT_RS256,
    JWT_RS384,
    JWT_RS512,
    JWT_PS256,
    JWT_PS384,
    JWT_PS512,
    JWT_ES256,
    JWT_ES384,
    JWT_ES512,
    JWT_EDDSA,
    JWT_ALGORITHMS
};
#define JWT_ALGORITHMS_ALL ((1u << JWT_ALGORITHMS) - 1)
/* "RS256" ... ; case matters. */
MUST_USE bool jwt_algorithm_named(struct slice name, enum jwt_algorithm *ret_algorithm);

struct jwks;

/* Reads a set; "bad_jwks" (no JSON of this form), "jwks_empty" (none of its keys can verify a
 * signature here), "out_of_memory". A key that is broken, private or of a kind that is not known is
 * left out, and the others serve (RFC 7517, 5). */
MUST_USE struct jwks *jwks_read(struct slice text, struct error *error);
struct jwks *jwks_ref(struct jwks *keys);
void jwks_unref(struct jwks *keys); /* NULL-safe */
size_t jwks_count(const struct jwks *keys);

/* A key that was left out and that somebody should look at: not those for encryption. */
struct jwks_skip {
    char id[JWKS_SKIP_ID_SIZE]; /* its kid, or the beginning of it, printable; "": it has none */
    const char *why;            /* a sentence */
};
/* The first of them, JWKS_SKIPS_MAX at most. */
const struct jwks_skip *jwks_skips(const struct jwks *keys, size_t *ret_count);

enum jwks_outcome { JWKS_VALID, JWKS_NO_KEY, JWKS_INVALID };
/* Did a key of the set sign `text`? With an id (has_id) it is the key of that id; without one the
 * only key that the algorithm could use. */
enum jwks_outcome jwks_verify(const struct jwks *keys, enum jwt_algorithm algorithm, bool has_id,
                              struct slice id, struct slice text, struct slice signature);

#endif
