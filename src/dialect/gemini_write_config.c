/* SPDX-License-Identifier: Apache-2.0 */
/* generationConfig. It is left out when nothing would stand in it. */
#include "dialect/gemini.h"
#include "dialect/thinking.h"
#include "dialect/translate.h"

#define OLDER_BUDGET_MAX 24576 /* what every model of Gemini 2.5 takes */
#define OLDER_PRO_BUDGET_MIN 128

static void member_raw(struct gemini_writer *w, struct slice key, struct slice raw)
{
    if (raw.ptr != NULL) {
        json_member_raw(&w->json, key, raw);
    }
}

static void write_tokens(struct gemini_writer *w)
{
    bool generates = w->chat->operation != OPERATION_TOKEN_COUNT;
    int64_t clamp = generates ? w->change->clamp_max_tokens : 0;
    int64_t tokens = w->chat->max_tokens;
    if (clamp > 0 && (tokens == 0 || tokens > clamp)) {
        tokens = clamp;
    }
    if (tokens > 0) {
        json_member_int(&w->json, SLICE("maxOutputTokens"), tokens);
    }
}

static void write_stop(struct gemini_writer *w)
{
    if (w->chat->stop_count == 0) {
        return;
    }
    json_key(&w->json, SLICE("stopSequences"));
    json_begin_array(&w->json);
    for (size_t i = 0; i < w->chat->stop_count; i++) {
        json_write_inner(&w->json, w->chat->stop[i]);
    }
    json_end_array(&w->json);
}

static void write_sampling(struct gemini_writer *w)
{
    const struct chat *chat = w->chat;
    member_raw(w, SLICE("temperature"), chat->temperature);
    member_raw(w, SLICE("topP"), chat->top_p);
    member_raw(w, SLICE("topK"), chat->top_k);
    member_raw(w, SLICE("seed"), chat->seed);
    member_raw(w, SLICE("presencePenalty"), chat->presence_penalty);
    member_raw(w, SLICE("frequencyPenalty"), chat->frequency_penalty);
    if (chat->choices > 1) {
        json_member_int(&w->json, SLICE("candidateCount"), chat->choices);
    }
    if (chat->logprobs) {
        json_member_bool(&w->json, SLICE("responseLogprobs"), true);
        member_raw(w, SLICE("logprobs"), chat->top_logprobs);
    }
}

static void write_format(struct gemini_writer *w)
{
    if (w->chat->format == FORMAT_TEXT) {
        return;
    }
    json_member_string(&w->json, SLICE("responseMimeType"), SLICE("application/json"));
    if (w->chat->format == FORMAT_JSON_SCHEMA) {
        member_raw(w, SLICE("responseJsonSchema"), w->chat->schema);
    }
}

/* --- thinking --- */

/* Models since Gemini 3 think in levels and cannot be told not to think; of the two sizes only the
 * smaller knows the lowest level. */
static void write_level(struct gemini_writer *w, struct slice effort)
{
    static const struct {
        struct slice effort;
        struct slice level;
        bool exact;
    } levels[] = {
        {SLICE_INIT("none"), SLICE_INIT("MINIMAL"), false},
        {SLICE_INIT("minimal"), SLICE_INIT("MINIMAL"), true},
        {SLICE_INIT("low"), SLICE_INIT("LOW"), true},
        {SLICE_INIT("medium"), SLICE_INIT("MEDIUM"), true},
        {SLICE_INIT("high"), SLICE_INIT("HIGH"), true},
        {SLICE_INIT("xhigh"), SLICE_INIT("HIGH"), false},
        {SLICE_INIT("max"), SLICE_INIT("HIGH"), false},
    };
    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        if (!json_inner_is(effort, levels[i].effort)) {
            continue;
        }
        bool minimal = slice_eq(levels[i].level, SLICE("MINIMAL"));
        bool pro = slice_find_slice(w->change->model, SLICE("-pro")) != SIZE_MAX;
        bool raised = minimal && pro && !w->same;
        json_member_string(&w->json, SLICE("thinkingLevel"),
                           raised ? SLICE("LOW") : levels[i].level);
        if (!levels[i].exact || raised) {
            loss_add(w->loss, SLICE("reasoning_effort"));
        }
        return;
    }
    loss_add(w->loss, SLICE("reasoning_effort"));
}

/* Only the larger model of Gemini 2.5 cannot be told not to think at all. */
static void write_budget(struct gemini_writer *w, int64_t budget)
{
    bool pro = slice_find_slice(w->change->model, SLICE("gemini-2.5-pro")) != SIZE_MAX;
    int64_t least = pro ? OLDER_PRO_BUDGET_MIN : 0;
    int64_t fit = budget > OLDER_BUDGET_MAX ? OLDER_BUDGET_MAX : budget < least ? least : budget;
    if (fit != budget && !w->same) {
        budget = fit;
        loss_add(w->loss, SLICE("thinking_budget"));
    }
    json_member_int(&w->json, SLICE("thinkingBudget"), budget);
}

static bool wants_off(const struct chat *chat)
{
    return chat->thinking == THINKING_OFF || (chat->reasoning_effort.ptr != NULL &&
                                              json_inner_is(chat->reasoning_effort, SLICE("none")));
}

/* The wish of a client of another dialect, to a model that thinks in budgets or not at all. */
static void write_older_wish(struct gemini_writer *w)
{
    const struct chat *chat = w->chat;
    bool thinks = slice_find_slice(w->change->model, SLICE("gemini-2.5")) != SIZE_MAX;
    int64_t budget = thinking_budget(chat);
    if (thinks && chat->thinking == THINKING_ADAPTIVE) {
        json_member_int(&w->json, SLICE("thinkingBudget"), -1); /* as the model thinks fit */
    } else if (thinks && budget >= 0) {
        write_budget(w, budget);
    } else if (!wants_off(chat) && thinking_effort(chat).ptr != NULL) {
        loss_add(w->loss, SLICE("reasoning_effort"));
    }
}

static void write_wish(struct gemini_writer *w)
{
    const struct chat *chat = w->chat;
    if (w->same && chat->thinking != THINKING_UNSET) {
        json_member_int(&w->json, SLICE("thinkingBudget"), chat->thinking_budget);
    } else if (w->older && !w->same) {
        write_older_wish(w);
    } else if (chat->reasoning_effort.ptr != NULL || chat->thinking == THINKING_ON ||
               chat->thinking == THINKING_OFF) {
        write_level(w, thinking_effort(chat));
        if (chat->thinking_budget > 0) {
            loss_add(w->loss, SLICE("thinking_budget"));
        }
    }
}

static void write_thinking(struct gemini_writer *w, uint32_t own)
{
    struct json_writer before = w->json;
    size_t length = w->json.out->len;
    json_key(&w->json, SLICE("thinkingConfig"));
    json_begin_object(&w->json);
    size_t begun = w->json.out->len;
    write_wish(w);
    if (w->chat->show_thinking) {
        json_member_bool(&w->json, SLICE("includeThoughts"), true);
    }
    gemini_write_extras(w, own, NULL, 0);
    if (w->json.out->len == begun) {
        w->json = before;
        w->json.out->len = length;
        return;
    }
    json_end_object(&w->json);
}

/* The client's own object, where it used this dialect. */
static uint32_t config_node(const struct gemini_writer *w)
{
    uint32_t values[GEMINI_NAMES];
    if (!w->same) {
        return JSON_ABSENT;
    }
    gemini_members_scan(w->chat->doc, gemini_request_node(w->chat), &gemini_members, values);
    bool object = json_is(w->chat->doc, values[GEMINI_CONFIG], JSON_OBJECT);
    return object ? values[GEMINI_CONFIG] : JSON_ABSENT;
}

static void write_object(struct gemini_writer *w)
{
    uint32_t own = config_node(w);
    uint32_t values[CONFIG_NAMES];
    uint32_t thinking = JSON_ABSENT;
    if (own != JSON_ABSENT) {
        gemini_members_scan(w->chat->doc, own, &gemini_config_members, values);
        thinking = values[CONFIG_THINKING];
    }
    write_tokens(w);
    write_sampling(w);
    write_stop(w);
    write_format(w);
    write_thinking(w, thinking);
    gemini_write_extras(w, own, &thinking, 1);
}

bool gemini_write_config(struct gemini_writer *w)
{
    struct json_writer before = w->json;
    size_t length = w->json.out->len;
    json_key(&w->json, SLICE("generationConfig"));
    json_begin_object(&w->json);
    size_t begun = w->json.out->len;
    write_object(w);
    if (w->json.out->len == begun) {
        w->json = before;
        w->json.out->len = length;
        return true;
    }
    json_end_object(&w->json);
    return true;
}
