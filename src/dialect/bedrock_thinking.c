/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of the models themselves: how much to think, and top_k. Claude's are those of Anthropic,
 * Nova and gpt-oss have words of effort of their own, of other models nothing is known.
 */
#include "dialect/bedrock.h"

#include "dialect/anthropic.h"
#include "dialect/thinking.h"

#define BUDGET_LEAST 1024
#define TOKENS_UNTOLD INT64_MAX

static bool wants_thinking(const struct chat *chat)
{
    return chat->thinking == THINKING_UNSET
               ? chat->reasoning_effort.len > 0 &&
                     !json_inner_is(chat->reasoning_effort, SLICE("none"))
               : chat->thinking != THINKING_OFF;
}

static bool is_told(const struct chat *chat)
{
    return chat->thinking != THINKING_UNSET || chat->reasoning_effort.len > 0;
}

static bool is_adaptive(const struct bedrock_writer *w)
{
    return w->chat->thinking == THINKING_ADAPTIVE || anthropic_is_adaptive(w->change->model);
}

static bool has_thought(const void *writer, const struct chat_message *message)
{
    const struct bedrock_writer *w = writer;
    struct opaque_state state;
    for (size_t i = 0; i < message->part_count; i++) {
        if (bedrock_is_thought(w, &message->parts[i])) {
            return true;
        }
    }
    return bedrock_recall(w, message, &state);
}

static int64_t room_for(const struct bedrock_writer *w)
{
    int64_t clamp = w->change->clamp_max_tokens;
    int64_t tokens = w->chat->max_tokens > 0 ? w->chat->max_tokens : TOKENS_UNTOLD;
    return clamp > 0 && clamp < tokens ? clamp : tokens;
}

/* What fits below the ceiling of the answer; 0: none. */
static int64_t budget_of(const struct bedrock_writer *w)
{
    int64_t budget = thinking_budget(w->chat);
    int64_t room = room_for(w);
    if (budget <= 0 || room <= BUDGET_LEAST) {
        return 0;
    }
    budget = budget < BUDGET_LEAST ? BUDGET_LEAST : budget;
    if (budget < room) {
        return budget;
    }
    return room / 2 < BUDGET_LEAST ? BUDGET_LEAST : room / 2;
}

static bool is_forced(const struct chat *chat)
{
    return chat->tool_count > 0 &&
           (chat->tool_choice == TOOL_CHOICE_REQUIRED || chat->tool_choice == TOOL_CHOICE_NAMED);
}

void bedrock_plan_thinking(struct bedrock_writer *w)
{
    if (!is_told(w->chat)) {
        return;
    }
    if (w->family == BEDROCK_OTHER) {
        if (wants_thinking(w->chat)) {
            loss_add(w->loss, SLICE("reasoning_effort"));
        }
        return;
    }
    if (w->family != BEDROCK_CLAUDE || !wants_thinking(w->chat)) {
        return;
    }
    bool fits = is_adaptive(w) || (budget_of(w) > 0 && !thinking_lacks(w->chat, has_thought, w));
    w->thinks = fits && !is_forced(w->chat);
    if (!w->thinks) {
        loss_add(w->loss, SLICE("reasoning_effort"));
    }
}

/* --- writing --- */

/* Three words are what the models here know. */
static struct slice effort_of(const struct chat *chat)
{
    struct slice effort = thinking_effort(chat);
    if (json_inner_is(effort, SLICE("minimal")) || json_inner_is(effort, SLICE("low"))) {
        return SLICE("low");
    }
    return json_inner_is(effort, SLICE("medium")) ? SLICE("medium") : SLICE("high");
}

static void write_claude(struct bedrock_writer *w)
{
    if (!wants_thinking(w->chat)) {
        json_member_raw(&w->json, SLICE("thinking"), SLICE("{\"type\":\"disabled\"}"));
        return;
    }
    if (!w->thinks) {
        return;
    }
    json_key(&w->json, SLICE("thinking"));
    json_begin_object(&w->json);
    json_member_string(&w->json, SLICE("type"),
                       is_adaptive(w) ? SLICE("adaptive") : SLICE("enabled"));
    if (!is_adaptive(w)) {
        json_member_int(&w->json, SLICE("budget_tokens"), budget_of(w));
    } else if (w->chat->show_thinking) {
        json_member_string(&w->json, SLICE("display"), SLICE("summarized"));
    }
    json_end_object(&w->json);
    if (is_adaptive(w) && w->chat->reasoning_effort.len > 0) {
        json_key(&w->json, SLICE("output_config"));
        json_begin_object(&w->json);
        json_member_string(&w->json, SLICE("effort"), effort_of(w->chat));
        json_end_object(&w->json);
    }
}

static void write_nova(struct bedrock_writer *w)
{
    json_key(&w->json, SLICE("reasoningConfig"));
    json_begin_object(&w->json);
    json_member_string(&w->json, SLICE("type"),
                       wants_thinking(w->chat) ? SLICE("enabled") : SLICE("disabled"));
    if (wants_thinking(w->chat)) {
        json_member_string(&w->json, SLICE("maxReasoningEffort"), effort_of(w->chat));
    }
    json_end_object(&w->json);
}

static void write_thinking(struct bedrock_writer *w)
{
    switch (w->family) {
    case BEDROCK_CLAUDE:
        write_claude(w);
        break;
    case BEDROCK_NOVA:
        write_nova(w);
        break;
    case BEDROCK_GPT: /* which cannot but think a little */
        json_member_string(&w->json, SLICE("reasoning_effort"),
                           wants_thinking(w->chat) ? effort_of(w->chat) : SLICE("low"));
        break;
    case BEDROCK_OTHER:
        break;
    }
}

static bool takes_top_k(const struct bedrock_writer *w)
{
    return w->family == BEDROCK_NOVA || (w->family == BEDROCK_CLAUDE && !w->thinks &&
                                         anthropic_takes_sampling(w->change->model));
}

static void write_top_k(struct bedrock_writer *w)
{
    struct slice top_k = w->chat->top_k;
    if (top_k.ptr == NULL) {
        return;
    }
    if (!takes_top_k(w)) {
        loss_add(w->loss, SLICE("top_k"));
    } else if (w->family == BEDROCK_CLAUDE) {
        json_member_raw(&w->json, SLICE("top_k"), top_k);
    } else {
        json_key(&w->json, SLICE("inferenceConfig"));
        json_begin_object(&w->json);
        json_member_raw(&w->json, SLICE("topK"), top_k);
        json_end_object(&w->json);
    }
}

void bedrock_write_additional(struct bedrock_writer *w)
{
    bool refused = w->family == BEDROCK_CLAUDE && wants_thinking(w->chat) && !w->thinks;
    bool thinking = is_told(w->chat) && w->family != BEDROCK_OTHER && !refused;
    bool top_k = w->chat->top_k.ptr != NULL && takes_top_k(w);
    if (!thinking && !top_k) {
        write_top_k(w); /* which lists what is lost */
        return;
    }
    json_key(&w->json, SLICE("additionalModelRequestFields"));
    json_begin_object(&w->json);
    if (thinking) {
        write_thinking(w);
    }
    write_top_k(w);
    json_end_object(&w->json);
}
