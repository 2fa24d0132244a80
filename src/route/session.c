/* SPDX-License-Identifier: Apache-2.0 */
#include "route/session.h"

#include "model/chat.h"
#include "route/feasible.h"

#define PD_PER_ND 1000
#define TURNS_AHEAD_LEAST 2
#define TURNS_AHEAD_MOST 8
#define SAVING_LEAST_PERCENT 10 /* of what staying costs: nobody moves for pennies */

__extension__ typedef __int128 wide;

const char *session_state_name(enum session_state state)
{
    static const char *const names[SESSION_STATES] = {
        [SESSION_NONE] = "none",     [SESSION_NEW] = "new",
        [SESSION_KEPT] = "kept",     [SESSION_OUTGROWN] = "outgrown",
        [SESSION_DEAD] = "dead",     [SESSION_LIMITS] = "limits",
        [SESSION_GONE] = "gone",     [SESSION_TIER] = "tier",
        [SESSION_SAVES] = "saves",   [SESSION_PACE] = "pace",
        [SESSION_FAILED] = "failed", [SESSION_ESCALATED] = "escalated",
        [SESSION_CALLER] = "caller",
    };
    return (unsigned)state < SESSION_STATES ? names[state] : "unknown";
}

static bool has_part(const struct chat_message *message, enum part_kind kind)
{
    for (size_t i = 0; i < message->part_count; i++) {
        if (message->parts[i].kind == kind) {
            return true;
        }
    }
    return false;
}

bool session_in_tool_loop(const struct chat *chat)
{
    for (size_t i = chat->message_count; i > 0; i--) {
        const struct chat_message *message = &chat->messages[i - 1];
        if (message->role == ROLE_TOOL || has_part(message, PART_TOOL_RESULT)) {
            return true;
        }
        if (message->role == ROLE_ASSISTANT) {
            return has_part(message, PART_TOOL_CALL);
        }
    }
    return false;
}

_Static_assert(SESSION_TIERS * 2 == 8, "a byte holds them");

uint8_t session_tiers_add(uint8_t tiers, enum tier wanted)
{
    return (uint8_t)((unsigned)tiers << 2 | (unsigned)wanted);
}

enum tier session_tiers_highest(uint8_t tiers)
{
    unsigned highest = 0;
    for (unsigned rest = tiers; rest != 0; rest >>= 2) {
        highest = (rest & 3) > highest ? rest & 3 : highest;
    }
    return highest > TIER_PREMIUM ? TIER_PREMIUM : (enum tier)highest;
}

/* --- money --- */

/* What these tokens cost less where they come from the target's prompt cache. */
static int64_t warmth_nd(const struct plan_facts *facts, const struct target *target,
                         int64_t tokens)
{
    int64_t input = facts->input->features->tokens.expected;
    struct price price = policy_price(facts->input->policy, target);
    const struct price_rates *rates = price_rates_for(&price, input);
    if (!price.known || rates->cache_read < 0 || rates->cache_read >= rates->input) {
        return 0;
    }
    tokens = tokens < input ? tokens : input;
    wide saved = (wide)tokens * (rates->input - rates->cache_read) / PD_PER_ND;
    return saved > INT64_MAX ? INT64_MAX : (int64_t)saved;
}

int64_t session_warm_tokens(const struct session_view *session, uint16_t target)
{
    if (target == session->target) {
        return session->warm_tokens;
    }
    for (size_t i = 0; i < session->elsewhere_count; i++) {
        if (session->elsewhere[i].target == target) {
            return session->elsewhere[i].tokens;
        }
    }
    return 0;
}

static int64_t warm_at(const struct plan_facts *facts, const struct target *target)
{
    uint16_t index = (uint16_t)(target - facts->input->policy->targets);
    return session_warm_tokens(facts->input->session, index);
}

int64_t session_discount_nd(const struct plan_facts *facts, const struct target *target)
{
    int64_t tokens = warm_at(facts, target);
    return tokens > 0 ? warmth_nd(facts, target, tokens) : 0;
}

/* A conversation is expected to go on for as many turns as it has had. */
static int64_t turns_ahead(const struct session_view *session)
{
    if (session->turns > TURNS_AHEAD_MOST) {
        return TURNS_AHEAD_MOST;
    }
    return session->turns < TURNS_AHEAD_LEAST ? TURNS_AHEAD_LEAST : session->turns;
}

/* Both sides over the turns ahead: the held target reads what is warm from its cache in each of
 * them; the other one has as much in all but the first, and in that what it has kept itself. What
 * is left behind is counted once more, as the price of coming back. */
static bool move_pays(const struct plan_facts *facts, const struct plan_entry *held,
                      const struct plan_entry *other)
{
    const struct session_view *session = facts->input->session;
    const struct target *targets = facts->input->policy->targets;
    int64_t ahead = turns_ahead(session);
    wide burnt = warmth_nd(facts, &targets[held->target], session->warm_tokens);
    wide warmth = warmth_nd(facts, &targets[other->target], session->warm_tokens) -
                  session_discount_nd(facts, &targets[other->target]);
    warmth = warmth > 0 ? warmth : 0;
    wide staying = (wide)held->expected_cost_nd * ahead;
    wide moving = (wide)other->expected_cost_nd * ahead - warmth * (ahead - 1);
    wide saved = staying - moving;
    return saved > burnt && saved * 100 > staying * SAVING_LEAST_PERCENT;
}

static bool may_move_for_money(const struct plan_facts *facts, enum tier tier)
{
    const struct session_view *session = facts->input->session;
    return session->stay >= SESSION_STAY_LEAST && tier >= session->recent_tier &&
           tier >= session->floor_tier;
}

/* --- the choice --- */

static size_t find_entry(const struct plan *plan, uint16_t target)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->entries[i].target == target) {
            return i;
        }
    }
    return plan->count;
}

static enum session_state state_of_refusal(enum plan_reason reason)
{
    return reason == REASON_CONTEXT ? SESSION_OUTGROWN
           : reason == REASON_DEAD  ? SESSION_DEAD
                                    : SESSION_LIMITS;
}

/* Is `other` first because the caller said so? */
static bool caller_wants(const struct plan_facts *facts, const struct plan_entry *held,
                         const struct plan_entry *other)
{
    const struct constraints *wants = &facts->input->constraints;
    const struct target *targets = facts->input->policy->targets;
    if (wants->order_count == 0) {
        return wants->sort != SORT_BY_ROUTE;
    }
    size_t its = provider_position(&targets[other->target], wants->order, wants->order_count);
    size_t own = provider_position(&targets[held->target], wants->order, wants->order_count);
    return its < own || (its == own && wants->sort != SORT_BY_ROUTE);
}

/* Both may answer; `other` would, if nobody knew of the session. */
static enum session_state weigh(const struct plan_facts *facts, const struct plan_entry *held,
                                const struct plan_entry *other)
{
    const struct plan_input *input = facts->input;
    enum tier held_tier = input->policy->targets[held->target].tier;
    enum tier other_tier = input->policy->targets[other->target].tier;
    bool by_price = !facts->exclusive && facts->by_price;
    if (input->session->in_tool_loop) {
        return SESSION_KEPT;
    }
    if (caller_wants(facts, held, other)) {
        return SESSION_CALLER;
    }
    if (input->cheaper > 0 && other->expected_cost_nd < held->expected_cost_nd) {
        return SESSION_PACE;
    }
    if (facts->by_tier && held_tier < facts->wanted_tier && other_tier > held_tier) {
        return SESSION_TIER;
    }
    bool pays = by_price && may_move_for_money(facts, other_tier) && move_pays(facts, held, other);
    return pays ? SESSION_SAVES : SESSION_KEPT;
}

size_t session_choose(const struct plan_facts *facts, const struct plan *plan,
                      enum session_state *ret_state)
{
    size_t held = find_entry(plan, facts->input->session->target);
    if (held == plan->count) {
        *ret_state = SESSION_GONE;
        return 0;
    }
    const struct plan_entry *entry = &plan->entries[held];
    if (!entry->taken) {
        *ret_state = state_of_refusal((enum plan_reason)entry->reason);
        return 0;
    }
    *ret_state = held == 0 ? SESSION_KEPT : weigh(facts, entry, &plan->entries[0]);
    return *ret_state == SESSION_KEPT ? held : 0;
}
