/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which conversation a request belongs to, and what is known of it. It is named, in this order, by
 * x-sluice-session or `sluice.session`; `session_id`, or the header x-session-id (OpenRouter's);
 * `prompt_cache_key`; what Claude Code says of its session, together with the opening; the opening
 * alone: system prompt and first turn of the user, where the route allows that. The client key and
 * the route are always part of the name.
 *
 * A request that only its opening names and that has no answer in it yet begins a conversation: the
 * same opening asked twice is not one. `sluice explain` and the real path use the same functions.
 */
#ifndef SLUICE_GATEWAY_CONVERSATION_H
#define SLUICE_GATEWAY_CONVERSATION_H

#include "gateway/decide.h"
#include "store/sessions.h"

struct conversation {
    uint64_t key; /* 0: the request belongs to none */
    bool begins;  /* nothing can be known of it */
};

/* After decide_begin(). `request` may be NULL. */
void conversation_name(const struct sessions *sessions, const struct decision *decision,
                       const struct chat *chat, const struct http_request *request, uint64_t owner,
                       struct conversation *ret_conversation);
/* What planning sees of it; decision->session is `session` from then on. */
void conversation_view(const struct session *session, const struct snapshot *snapshot,
                       const struct chat *chat, int64_t wall_ns, struct decision *decision);
/* Both, from the table alone: for explanations. `sessions` NULL: there are none. */
void conversation_recall(struct sessions *sessions, const struct snapshot *snapshot,
                         const struct chat *chat, const struct http_request *request,
                         uint64_t owner, int64_t wall_ns, struct decision *decision);

#endif
