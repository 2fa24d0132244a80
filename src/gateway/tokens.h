/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of the identity provider that were verified, of one worker: remembered by their digest
 * until they end, so that a call costs a hash and not a signature. Bounded: where there is no room
 * a token that was not asked for lately is verified again when it comes. Whoever changes the keys
 * or the rules clears it. No thread but the worker's.
 */
#ifndef SLUICE_GATEWAY_TOKENS_H
#define SLUICE_GATEWAY_TOKENS_H

#include "config/snapshot.h"
#include "store/key_subject.h"

#define TOKENS_KEPT_MAX 4096 /* of one worker */
#define TOKEN_GRANTS_MAX 64

/* What a token says. Everything it points to is its own. */
struct token {
    unsigned references;
    uint8_t digest[32]; /* SHA-256 of the text */
    int64_t expires_s;
    bool has_id;                /* a jti, */
    uint8_t id[32];             /* as token_id_digest() */
    struct subject_order order; /* who it is, in words */
    struct subject subject;     /* and in numbers, when */
    bool known;                 /* a key of the subject and all of the scopes are there */
    const struct grant *grants; /* routes and models that it may ask for, each as in store/keys.h */
    size_t grant_count;
};

struct tokens;

MUST_USE struct tokens *tokens_new(void);
void tokens_free(struct tokens *tokens); /* NULL-safe */
void tokens_clear(struct tokens *tokens);
/* The token of this text; NULL: *ret_fault (JWT_OK: out of memory). Valid until the next call of a
 * function here, or as long as a reference to it. */
MUST_USE struct token *tokens_find(struct tokens *tokens, const struct jwks *keys,
                                   const struct jwt_settings *settings, struct slice text,
                                   int64_t wall_s, enum jwt_fault *ret_fault);
struct token *token_ref(struct token *token);
void token_unref(struct token *token); /* NULL-safe */

#endif
