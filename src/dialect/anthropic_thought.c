/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `thinking` and `output_config`, both ways. Models up to the 4.5 family and other vendors' models
 * behind this API know a budget of tokens; later ones choose for themselves ("adaptive") and are
 * told an effort.
 */
#include "dialect/anthropic.h"
#include "dialect/inner.h"
#include "dialect/thinking.h"
#include "dialect/translate.h"

#define BUDGET_LEAST 1024

/* --- reading --- */

static bool read_display(struct reader *r, uint32_t value)
{
    struct slice display = SLICE_EMPTY;
    if (!read_inner(r, value, "thinking/display", &display)) {
        return false;
    }
    r->chat->show_thinking = !json_inner_is(display, SLICE("omitted"));
    return true;
}

static bool read_budget(struct reader *r, uint32_t value)
{
    if (!member_given(r->doc, value)) {
        return reader_refuse_missing(r, "thinking/budget_tokens");
    }
    int64_t tokens = 0;
    if (!json_int64(r->doc, value, &tokens) || tokens < BUDGET_LEAST || tokens > INT32_MAX) {
        return reader_refuse(r, "invalid_value", "thinking/budget_tokens",
                             "The value must be a whole number from %d.", BUDGET_LEAST);
    }
    r->chat->thinking_budget = tokens;
    return true;
}

bool anthropic_read_thinking(struct reader *r, uint32_t value, bool *ret_kept)
{
    enum { TYPE, BUDGET, DISPLAY, COUNT };
    static const struct member_name names[COUNT] = {[TYPE] = MEMBER_NAME("type"),
                                                    [BUDGET] = MEMBER_NAME("budget_tokens"),
                                                    [DISPLAY] = MEMBER_NAME("display")};
    static const struct member_table table = MEMBER_TABLE(names);
    uint32_t object;
    uint32_t values[COUNT];
    size_t unknown;
    struct slice type = SLICE_EMPTY;
    if (!read_kind(r, value, "thinking", JSON_OBJECT, &object)) {
        return false;
    }
    if (object == JSON_ABSENT) {
        return true;
    }
    if (!members_read(r, object, "thinking", &table, values, &unknown) ||
        !read_required(r, values[TYPE], "thinking/type", &type)) {
        return false;
    }
    if (json_inner_is(type, SLICE("disabled"))) {
        r->chat->thinking = THINKING_OFF;
        return true;
    }
    if (json_inner_is(type, SLICE("enabled"))) {
        r->chat->thinking = THINKING_ON;
        return read_budget(r, values[BUDGET]) && read_display(r, values[DISPLAY]);
    }
    bool adaptive = json_inner_is(type, SLICE("adaptive"));
    *ret_kept = !adaptive; /* "between_tools" and what is to come */
    r->chat->thinking = adaptive ? THINKING_ADAPTIVE : THINKING_UNSET;
    return read_display(r, values[DISPLAY]);
}

static bool read_format(struct reader *r, uint32_t value, bool *ret_kept)
{
    enum { TYPE, SCHEMA, COUNT };
    static const struct member_name names[COUNT] = {
        [TYPE] = MEMBER_NAME("type"), [SCHEMA] = MEMBER_NAME("schema")};
    static const struct member_table table = MEMBER_TABLE(names);
    uint32_t format;
    uint32_t values[COUNT];
    size_t unknown;
    struct slice type = SLICE_EMPTY;
    if (!read_kind(r, value, "output_config/format", JSON_OBJECT, &format)) {
        return false;
    }
    if (format == JSON_ABSENT) {
        return true;
    }
    if (!members_read(r, format, "output_config/format", &table, values, &unknown) ||
        !read_required(r, values[TYPE], "output_config/format/type", &type)) {
        return false;
    }
    if (!json_inner_is(type, SLICE("json_schema"))) {
        *ret_kept = true;
        return true;
    }
    if (!read_schema(r, values[SCHEMA], "output_config/format/schema", &r->chat->schema)) {
        return false;
    }
    if (r->chat->schema.ptr == NULL) {
        return reader_refuse_missing(r, "output_config/format/schema");
    }
    r->chat->format = FORMAT_JSON_SCHEMA;
    return true;
}

/* An effort without thinking says how much to write, not how much to think; it is kept for
   Anthropic. An effort that is not given follows from the budget. */
static void settle_effort(struct chat *chat, bool *ret_kept)
{
    if (chat->thinking == THINKING_OFF && chat->reasoning_effort.ptr != NULL) {
        chat->reasoning_effort = SLICE_EMPTY;
        *ret_kept = true;
    } else if (chat->thinking == THINKING_ON && chat->reasoning_effort.ptr == NULL) {
        chat->reasoning_effort = thinking_effort(chat);
    }
}

bool anthropic_read_output(struct reader *r, uint32_t value, bool *ret_kept)
{
    enum { EFFORT, FORMAT, COUNT };
    static const struct member_name names[COUNT] = {
        [EFFORT] = MEMBER_NAME("effort"), [FORMAT] = MEMBER_NAME("format")};
    static const struct member_table table = MEMBER_TABLE(names);
    uint32_t object;
    uint32_t values[COUNT];
    size_t unknown = 0;
    if (!read_kind(r, value, "output_config", JSON_OBJECT, &object)) {
        return false;
    }
    if (object != JSON_ABSENT &&
        (!members_read(r, object, "output_config", &table, values, &unknown) ||
         !read_inner(r, values[EFFORT], "output_config/effort", &r->chat->reasoning_effort) ||
         !read_format(r, values[FORMAT], ret_kept))) {
        return false;
    }
    *ret_kept = *ret_kept || unknown > 0;
    settle_effort(r->chat, ret_kept);
    return true;
}

/* --- writing --- */

/* The client's own member, when it was read in this dialect. */
static struct slice own_member(const struct anthropic_writer *w, struct slice name)
{
    uint32_t value = w->same ? json_member(w->chat->doc, JSON_ROOT, name) : JSON_ABSENT;
    return value == JSON_ABSENT || json_is(w->chat->doc, value, JSON_NULL)
               ? SLICE_EMPTY
               : json_raw(w->chat->doc, value);
}

static bool wants_thinking(const struct chat *chat)
{
    return chat->thinking == THINKING_UNSET ? chat->reasoning_effort.len > 0
                                            : chat->thinking != THINKING_OFF;
}

static bool has_thought(const void *writer, const struct chat_message *message)
{
    return anthropic_has_thought(writer, message);
}

static bool is_forced(const struct chat *chat)
{
    return chat->tool_count > 0 &&
           (chat->tool_choice == TOOL_CHOICE_REQUIRED || chat->tool_choice == TOOL_CHOICE_NAMED);
}

static void write_disabled(struct anthropic_writer *w)
{
    json_member_raw(&w->json, SLICE("thinking"), SLICE("{\"type\":\"disabled\"}"));
}

/* Some room is left for the answer where the wish would take all of it. */
static int64_t fitting_budget(int64_t budget, int64_t max_tokens)
{
    budget = budget < BUDGET_LEAST ? BUDGET_LEAST : budget;
    if (budget < max_tokens) {
        return budget;
    }
    return max_tokens / 2 < BUDGET_LEAST ? BUDGET_LEAST : max_tokens / 2;
}

int64_t anthropic_budget_below(const struct chat *chat, int64_t max_tokens)
{
    int64_t budget = chat->thinking_budget;
    bool fitted = chat->max_tokens == 0 || budget < chat->max_tokens;
    if (chat->thinking != THINKING_ON || budget < max_tokens || !fitted) {
        return budget;
    }
    return max_tokens <= BUDGET_LEAST ? 0 : fitting_budget(budget, max_tokens);
}

int64_t anthropic_tokens_for_thinking(const struct chat *chat, const struct request_change *change)
{
    bool budget = chat->dialect != DIALECT_ANTHROPIC && chat->thinking != THINKING_ADAPTIVE &&
                  wants_thinking(chat) && !anthropic_is_adaptive(change->model);
    int64_t tokens = budget ? thinking_budget(chat) : 0;
    return tokens > 0 ? tokens : 0;
}

static void write_budget(struct anthropic_writer *w, int64_t budget)
{
    json_key(&w->json, SLICE("thinking"));
    json_begin_object(&w->json);
    json_member_string(&w->json, SLICE("type"), SLICE("enabled"));
    json_member_int(&w->json, SLICE("budget_tokens"), budget);
    json_end_object(&w->json);
    w->thinks = true;
}

/* Newer models show their thoughts only when asked. */
static void write_adaptive(struct anthropic_writer *w)
{
    json_member_raw(&w->json, SLICE("thinking"),
                    w->chat->show_thinking
                        ? SLICE("{\"type\":\"adaptive\",\"display\":\"summarized\"}")
                        : SLICE("{\"type\":\"adaptive\"}"));
    w->thinks = true;
}

/* A limit of ours may be too low for the client's budget. (A client's own limit may be: a model
   that thinks between calls spends one budget on several answers.) */
static void write_own_thinking(struct anthropic_writer *w, struct slice own, int64_t max_tokens)
{
    const struct chat *chat = w->chat;
    int64_t budget = anthropic_budget_below(chat, max_tokens);
    if (budget == chat->thinking_budget) {
        json_member_raw(&w->json, SLICE("thinking"), own);
        w->thinks = chat->thinking != THINKING_OFF;
    } else if (budget == 0) {
        write_disabled(w);
        loss_add(w->loss, SLICE("thinking"));
    } else {
        write_budget(w, budget);
        loss_add(w->loss, SLICE("thinking.budget_tokens"));
    }
}

void anthropic_write_thinking(struct anthropic_writer *w, int64_t max_tokens)
{
    const struct chat *chat = w->chat;
    struct slice own = own_member(w, SLICE("thinking"));
    bool counting = chat->operation == OPERATION_TOKEN_COUNT;
    if (own.ptr != NULL) {
        write_own_thinking(w, own, counting ? INT64_MAX : max_tokens);
        return;
    }
    if (w->same || (chat->thinking != THINKING_OFF && !wants_thinking(chat))) {
        return;
    }
    if (chat->thinking == THINKING_OFF || json_inner_is(chat->reasoning_effort, SLICE("none"))) {
        write_disabled(w);
        return;
    }
    bool adaptive = chat->thinking == THINKING_ADAPTIVE || anthropic_is_adaptive(w->change->model);
    bool unfit = thinking_lacks(chat, has_thought, w) || max_tokens <= BUDGET_LEAST ||
                 thinking_budget(chat) <= 0;
    if (is_forced(chat) || (!adaptive && unfit)) {
        loss_add(w->loss, SLICE("reasoning_effort"));
    } else if (adaptive) {
        write_adaptive(w);
    } else {
        write_budget(w, fitting_budget(thinking_budget(chat), max_tokens));
    }
}

/* Anthropic's words for an effort; another one is left to the model. */
static struct slice effort_word(const struct chat *chat)
{
    static const struct {
        struct slice effort;
        struct slice word;
    } words[] = {
        {SLICE_INIT("minimal"), SLICE_INIT("low")},   {SLICE_INIT("low"), SLICE_INIT("low")},
        {SLICE_INIT("medium"), SLICE_INIT("medium")}, {SLICE_INIT("high"), SLICE_INIT("high")},
        {SLICE_INIT("xhigh"), SLICE_INIT("xhigh")},   {SLICE_INIT("max"), SLICE_INIT("max")},
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (json_inner_is(chat->reasoning_effort, words[i].effort)) {
            return words[i].word;
        }
    }
    return SLICE_EMPTY;
}

/* Where there is a budget it says the same as an effort. */
static struct slice effort_to_write(const struct anthropic_writer *w)
{
    bool adaptive =
        w->chat->thinking == THINKING_ADAPTIVE || anthropic_is_adaptive(w->change->model);
    return w->thinks && adaptive ? effort_word(w->chat) : SLICE_EMPTY;
}

void anthropic_write_output(struct anthropic_writer *w)
{
    const struct chat *chat = w->chat;
    struct slice own = own_member(w, SLICE("output_config"));
    if (own.ptr != NULL) {
        json_member_raw(&w->json, SLICE("output_config"), own);
        return;
    }
    struct slice effort = w->same ? SLICE_EMPTY : effort_to_write(w);
    bool schema = chat->format == FORMAT_JSON_SCHEMA && chat->schema.ptr != NULL;
    if (effort.len == 0 && !schema) {
        return;
    }
    json_key(&w->json, SLICE("output_config"));
    json_begin_object(&w->json);
    if (effort.len > 0) {
        json_member_string(&w->json, SLICE("effort"), effort);
    }
    if (schema) {
        json_key(&w->json, SLICE("format"));
        json_begin_object(&w->json);
        json_member_string(&w->json, SLICE("type"), SLICE("json_schema"));
        json_member_raw(&w->json, SLICE("schema"), chat->schema);
        json_end_object(&w->json);
    }
    json_end_object(&w->json);
}
