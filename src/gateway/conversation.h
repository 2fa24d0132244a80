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
 *
 * A call of a tool is named, too: by its id and the first turn of the user (or by the tool's name,
 * where the client gives no id back). Who answers with its result goes where it came from, whatever
 * the conversation is called, or if it is called anything at all.
 */
#ifndef SLUICE_GATEWAY_CONVERSATION_H
#define SLUICE_GATEWAY_CONVERSATION_H

#include "gateway/decide.h"
#include "store/sessions.h"

struct conversation {
    uint64_t key;   /* 0: the request belongs to none */
    bool begins;    /* nothing can be known of it */
    uint64_t calls; /* names its calls of tools; 0: it has none, or they are free to move */
    bool in_tool_loop;
};

/* Calls that are looked at: those of the last answer, then of the ones before; of an answer the
 * first ones, for the very first is the one that is remembered. */
#define CONVERSATION_CALLS_MAX 16
#define CONVERSATION_CALLS_OF_ONE 4
#define CONVERSATION_TTL_MS (30 * 60 * 1000) /* where there is no route */

/* Of a call with this id (or name), as hash_stable() of its inner text. */
uint64_t conversation_call_key(const struct sessions *sessions, uint64_t calls, uint64_t hash);
/* Do clients of this dialect (enum dialect_id) leave out ids? */
bool conversation_nameless(unsigned dialect);
/* The key under which other nodes have the call whose results end the request: of the answer's
 * first call, by its id, or by the tool's name where clients leave ids out. 0: none is there. */
uint64_t conversation_asked_call(const struct sessions *sessions,
                                 const struct conversation *conversation, const struct chat *chat);
/* Who made the calls whose results end the request. */
MUST_USE bool conversation_find_call(struct sessions *sessions,
                                     const struct conversation *conversation,
                                     const struct chat *chat, uint64_t owner, int64_t wall_ns,
                                     struct session *ret_session);

/* After decide_begin(). `request` may be NULL. */
void conversation_name(const struct sessions *sessions, const struct decision *decision,
                       const struct chat *chat, const struct http_request *request, uint64_t owner,
                       struct conversation *ret_conversation);
/* What planning sees of it; decision->session is `session` from then on. */
void conversation_view(const struct session *session, const struct snapshot *snapshot,
                       const struct chat *chat, int64_t wall_ns, struct decision *decision);
/* The same of the call whose result the request brings: after conversation_view(), if there is a
 * session, too. */
void conversation_view_loop(const struct tool_loop *loop, int64_t wall_ns,
                            struct decision *decision);
/* Of what was kept of a call. */
void conversation_loop(const struct session *session, const struct snapshot *snapshot,
                       struct tool_loop *ret_loop);
/* Both, from the table alone: for explanations. `sessions` NULL: there are none. */
void conversation_recall(struct sessions *sessions, const struct snapshot *snapshot,
                         const struct chat *chat, const struct http_request *request,
                         uint64_t owner, int64_t wall_ns, struct decision *decision);

#endif
