/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access tokens of Google's service accounts. The main thread fetches them with an upstream client
 * of its own and renews each five minutes before it ends; workers copy what is there, under a short
 * lock, and never wait: without a valid token an attempt fails over. A reload keeps the tokens of
 * accounts that are still there.
 */
#ifndef SLUICE_GATEWAY_GOOGLE_TOKENS_H
#define SLUICE_GATEWAY_GOOGLE_TOKENS_H

#include "config/snapshot.h"
#include "net/loop.h"

struct google_tokens;

/* NULL: *error. */
MUST_USE struct google_tokens *google_tokens_new(struct net_loop *loop, struct error *error);
/* The accounts of this snapshot are those to have tokens for, from now on. Keeps a reference. */
void google_tokens_watch(struct google_tokens *tokens, struct snapshot *snapshot);
/* Appends "Authorization: Bearer ...\r\n"; false: there is no valid token now, or no room. Any
   thread; NULL tokens: none. */
MUST_USE bool google_tokens_append(struct google_tokens *tokens,
                                   const struct service_account *account, int64_t now_ns,
                                   struct buf *out);
/* Ends everything under way; free it when the loop has run out. NULL-safe, both. */
void google_tokens_close(struct google_tokens *tokens);
void google_tokens_free(struct google_tokens *tokens);

#endif
