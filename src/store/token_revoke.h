/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single tokens of the identity provider that open nothing any more, by their id (`jti`). They are
 * changes of the keys like all others (key_change.h): in the audit log, in the next set of keys,
 * and in a cluster on every node.
 */
#ifndef SLUICE_STORE_TOKEN_REVOKE_H
#define SLUICE_STORE_TOKEN_REVOKE_H

#include "store/key_change.h"

#define TOKEN_ID_MAX 255 /* bytes of a jti */
#define TOKENS_REVOKED_MAX 100000
#define TOKEN_KEPT_S 86400 /* longer than said: for leeways, and clocks that are not right */

/*
 * expires_s: when the token ends, after which it need not be known any more; 0: nobody knows, it is
 * kept for good. Again: the later end holds. Errors: as key_revoke()'s, "bad_token_id" (1 to 255
 * printable characters), "too_many_tokens", "exceeds_creator" (an administrator of a part does not
 * know whose token it is).
 */
MUST_USE bool token_revoke(const char *path, struct slice id, int64_t expires_s,
                           const struct key_actor *actor, struct error *error);

/* What a set of keys knows tokens by. */
MUST_USE bool token_id_digest(struct slice id, uint8_t ret_digest[32]);
bool key_set_token_revoked(const struct key_set *set, const uint8_t digest[32]);

#endif
