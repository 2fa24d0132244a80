/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A conversation stays with the target that has answered it: its prompt cache is there, and it goes
 * on in one voice. What is known of it comes in as a view; whether it stays is decided here, after
 * the targets were ordered as if there were none. Pure; no allocation.
 *
 * It leaves its target
 * - when that may not answer the turn at all (its window, its health, any limit: no stickiness
 *   relaxes a constraint),
 * and, but for the middle of a tool loop, where it is with whoever made the call,
 * - when the caller says itself who comes first (an order of providers, a sort), and that is
 *   another one,
 * - when the turn wants a higher tier than the target has and another one reaches it,
 * - when spending comes near a cap and another one is cheaper,
 * - when the move pays: what it saves over the turns that are still to be expected is more than
 *   what the prompt cache that is left behind is worth. Not in its first turns there, and not to a
 *   tier below what its last turns wanted or an escalation has found to be needed.
 */
#ifndef SLUICE_ROUTE_SESSION_H
#define SLUICE_ROUTE_SESSION_H

#include "model/task.h"

struct chat;
struct plan;
struct plan_entry;
struct plan_facts;
struct target;

#define SESSION_ELSEWHERE 3

/* What a target that the conversation was at before still has of it. */
struct session_warmth {
    uint16_t target;
    int64_t tokens;
};

/* The target of a view may be NO_TARGET: it is not in the policy any more. */
struct session_view {
    uint16_t target;
    bool in_tool_loop;
    int64_t warm_tokens; /* of its prompt that the target's prompt cache is likely to have */
    struct session_warmth elsewhere[SESSION_ELSEWHERE]; /* no two of one target, nor the held one */
    size_t elsewhere_count;
    uint32_t turns;        /* answered so far */
    uint32_t stay;         /* the last ones of them, at this target */
    enum tier recent_tier; /* the highest that its last turns wanted */
    enum tier floor_tier;  /* that an escalation moved it to */
};

/* What became of a session in one turn. Names are stable, the numbers are not. */
enum session_state {
    SESSION_NONE, /* the request belongs to none, or is refused */
    SESSION_NEW,
    SESSION_KEPT,
    /* moved, because */
    SESSION_OUTGROWN,  /* the window of its target is too small by now */
    SESSION_DEAD,      /* its target rests after failures */
    SESSION_LIMITS,    /* another constraint refuses its target */
    SESSION_GONE,      /* its target is not among the candidates */
    SESSION_TIER,      /* the turn wants a higher tier */
    SESSION_SAVES,     /* the move pays for the prompt cache that it leaves */
    SESSION_PACE,      /* spending is near a cap */
    SESSION_FAILED,    /* its target was asked and failed */
    SESSION_ESCALATED, /* its target's answer was not good enough */
    SESSION_CALLER,    /* the caller says who comes first */
    SESSION_STATES
};
/* "none", "new", "kept"; of a move its reason: "outgrown" ... */
const char *session_state_name(enum session_state state);
static inline bool session_moved(enum session_state state)
{
    return state > SESSION_KEPT;
}

/* Turns at a target before a move may be made for money alone. */
#define SESSION_STAY_LEAST 6

/* Is the last answer's tool call without its result, or is its result what the request ends with?
 */
bool session_in_tool_loop(const struct chat *chat);

/* Of the prompt, what this target's cache is likely to have. */
int64_t session_warm_tokens(const struct session_view *session, uint16_t target);
/* Inside planning, for each target: what the warm part of the prompt takes off the price of its
   input, in nano-dollars. */
int64_t session_discount_nd(const struct plan_facts *facts, const struct target *target);
/* The targets are ordered, the refused ones last. Which entry comes first: index of the session's
 * own, if it stays, else 0. */
size_t session_choose(const struct plan_facts *facts, const struct plan *plan,
                      enum session_state *ret_state);

/* The tiers that the last SESSION_TIERS turns wanted, two bits each, newest lowest. */
#define SESSION_TIERS 4
uint8_t session_tiers_add(uint8_t tiers, enum tier wanted);
enum tier session_tiers_highest(uint8_t tiers);

#endif
