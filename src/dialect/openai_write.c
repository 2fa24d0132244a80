/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The translate lane towards OpenAI: the body from the canonical chat alone. When the request was
 * read in an OpenAI dialect too, what the reader kept aside is written again; from any other
 * dialect it is listed as lost.
 */
#include "dialect/openai.h"
#include "dialect/thinking.h"
#include "dialect/translate.h"
#include "dialect/wish.h"

static bool is_openai(unsigned dialect)
{
    return dialect == DIALECT_OPENAI_CHAT || dialect == DIALECT_OPENAI_COMPLETIONS;
}

static void member_raw(struct openai_writer *w, struct slice key, struct slice raw)
{
    if (raw.ptr != NULL) {
        json_member_raw(&w->json, key, raw);
    }
}

static void member_inner(struct openai_writer *w, struct slice key, struct slice inner)
{
    if (inner.ptr != NULL) {
        json_member_inner(&w->json, key, inner);
    }
}

struct slice openai_effort(const struct chat *chat)
{
    struct slice effort = thinking_effort(chat);
    bool derived = chat->reasoning_effort.ptr == NULL;
    return derived && slice_eq(effort, SLICE("none")) ? SLICE_EMPTY : effort;
}

static void write_model(struct openai_writer *w)
{
    if (w->change->model.ptr != NULL) {
        json_member_string(&w->json, SLICE("model"), w->change->model);
    } else {
        member_inner(w, SLICE("model"), w->chat->model);
    }
}

static void write_stream(struct openai_writer *w)
{
    if (w->chat->stream) {
        json_member_bool(&w->json, SLICE("stream"), true);
    }
    bool asked = w->chat->include_usage && (w->same || w->chat->stream);
    if (asked || (w->chat->stream && w->change->add_usage)) {
        json_member_raw(&w->json, SLICE("stream_options"), SLICE("{\"include_usage\":true}"));
    }
}

static void write_tokens(struct openai_writer *w)
{
    int64_t clamp = w->change->clamp_max_tokens;
    int64_t tokens = w->chat->max_tokens;
    if (clamp > 0 && (tokens == 0 || tokens > clamp)) {
        tokens = clamp;
    }
    if (tokens > 0) {
        bool newer = w->change->max_completion_tokens && w->chat->operation == OPERATION_CHAT;
        json_member_int(&w->json, newer ? SLICE("max_completion_tokens") : SLICE("max_tokens"),
                        tokens);
    }
}

static void write_sampling(struct openai_writer *w)
{
    const struct chat *chat = w->chat;
    member_raw(w, SLICE("temperature"), chat->temperature);
    member_raw(w, SLICE("top_p"), chat->top_p);
    member_raw(w, SLICE("seed"), chat->seed);
    member_raw(w, SLICE("frequency_penalty"), chat->frequency_penalty);
    member_raw(w, SLICE("presence_penalty"), chat->presence_penalty);
    if (w->same) {
        member_raw(w, SLICE("top_k"), chat->top_k);
    } else if (chat->top_k.ptr != NULL) {
        loss_add(w->loss, SLICE("top_k")); /* not OpenAI's */
    }
    if (chat->choices > 1) {
        json_member_int(&w->json, SLICE("n"), chat->choices);
    }
}

static void write_stop(struct openai_writer *w)
{
    if (w->chat->stop == NULL) {
        return;
    }
    json_key(&w->json, SLICE("stop"));
    json_begin_array(&w->json);
    for (size_t i = 0; i < w->chat->stop_count; i++) {
        json_write_inner(&w->json, w->chat->stop[i]);
    }
    json_end_array(&w->json);
}

static void write_logprobs(struct openai_writer *w)
{
    const struct chat *chat = w->chat;
    if (!chat->logprobs) {
        return;
    }
    if (chat->operation == OPERATION_COMPLETION) {
        json_member_raw(&w->json, SLICE("logprobs"),
                        chat->top_logprobs.ptr == NULL ? SLICE("1") : chat->top_logprobs);
        return;
    }
    json_member_bool(&w->json, SLICE("logprobs"), true);
    member_raw(w, SLICE("top_logprobs"), chat->top_logprobs);
}

static bool is_routing(struct slice key)
{
    return slice_eq(key, SLICE("session_id"));
}

/* The same words, but one of Anthropic's. */
static void write_service_tier(struct openai_writer *w)
{
    if (slice_eq(w->chat->service_tier, SLICE("standard_only"))) {
        json_member_string(&w->json, SLICE("service_tier"), SLICE("default"));
    } else {
        member_inner(w, SLICE("service_tier"), w->chat->service_tier);
    }
}

/* What an OpenAI client says in extras. OpenAI takes metadata only of answers that it keeps. */
static void write_wishes(struct openai_writer *w)
{
    static const struct slice carried[] = {SLICE_INIT("service_tier"), SLICE_INIT("verbosity"),
                                           SLICE_INIT("prompt_cache_key"), SLICE_INIT("store"),
                                           SLICE_INIT("metadata")};
    const struct chat *chat = w->chat;
    bool chats = chat->operation == OPERATION_CHAT;
    bool known = openai_is_dialect(chat->dialect); /* others mean something else by the names */
    loss_add_extras_but(w->loss, chat, carried, known ? ARRAY_LEN(carried) : 0);
    if (chats) {
        write_service_tier(w);
        member_inner(w, SLICE("verbosity"), chat->verbosity);
        member_inner(w, SLICE("prompt_cache_key"), chat->cache_key);
    }
    if (chats && chat->store == 1) {
        json_member_bool(&w->json, SLICE("store"), true);
        member_raw(w, SLICE("metadata"), chat->metadata);
    } else if (chat->metadata.ptr != NULL) {
        loss_add(w->loss, SLICE("metadata"));
    }
}

static void write_extras(struct openai_writer *w)
{
    if (!w->same) {
        write_wishes(w);
        return;
    }
    for (size_t i = 0; i < w->chat->extra_count; i++) {
        const struct chat_extra *extra = &w->chat->extras[i];
        if (!w->change->drop_routing || !is_routing(extra->key)) {
            json_key(&w->json, extra->key);
            json_write_raw(&w->json, extra->value);
        }
    }
    if (!w->change->drop_routing && w->chat->preferences != JSON_ABSENT) {
        json_member_raw(&w->json, SLICE("provider"), json_raw(w->chat->doc, w->chat->preferences));
    }
}

static struct openai_writer writer_begin(const struct chat *chat,
                                         const struct request_change *change, struct buf *out,
                                         struct loss *loss, struct error *error)
{
    struct openai_writer w = {.chat = chat,
                              .change = change,
                              .loss = loss,
                              .error = error,
                              .same = is_openai(chat->dialect)};
    json_writer_init(&w.json, out);
    json_begin_object(&w.json);
    write_model(&w);
    return w;
}

static void write_common(struct openai_writer *w)
{
    write_stream(w);
    write_tokens(w);
    write_sampling(w);
    write_stop(w);
    write_logprobs(w);
    member_inner(w, SLICE("user"), w->chat->user);
    write_extras(w);
    json_end_object(&w->json);
}

/* DeepSeek thinks unless it is told not to, and knows no effort for that
 * (api-docs.deepseek.com/guides/thinking_mode). */
static void write_effort(struct openai_writer *w)
{
    bool off = json_inner_is(thinking_effort(w->chat), SLICE("none"));
    if (off && !w->same && w->change->replay_reasoning) {
        json_member_raw(&w->json, SLICE("thinking"), SLICE("{\"type\":\"disabled\"}"));
    } else {
        member_inner(w, SLICE("reasoning_effort"), openai_effort(w->chat));
    }
}

bool openai_write_chat_request(const struct chat *chat, const struct request_change *change,
                               struct buf *out, struct loss *loss, struct error *error)
{
    if (!wishes_check(chat, DIALECT_OPENAI_CHAT, error)) {
        return false;
    }
    struct openai_writer w = writer_begin(chat, change, out, loss, error);
    if (!openai_write_messages(&w)) {
        return false;
    }
    openai_write_tools(&w);
    if (!w.same && !change->cache_marks) {
        loss_add_cache_marks(loss, chat);
    }
    openai_write_format(&w);
    write_effort(&w);
    write_common(&w);
    return !out->failed;
}

bool openai_write_prompt_request(const struct chat *chat, const struct request_change *change,
                                 struct buf *out, struct loss *loss, struct error *error)
{
    if (chat->operation != OPERATION_COMPLETION) {
        return untranslatable_wish(chat, WISH_MESSAGES, error,
                                   "A plain completion cannot carry a conversation.");
    }
    if (chat->message_count != 1 || chat->messages[0].part_count != 1) {
        return untranslatable_message(chat, 0, error,
                                      "A plain completion has one text and nothing beside it.");
    }
    struct openai_writer w = writer_begin(chat, change, out, loss, error);
    if (!wishes_check(chat, DIALECT_OPENAI_COMPLETIONS, error)) {
        return false;
    }
    json_member_inner(&w.json, SLICE("prompt"), chat->messages[0].parts[0].text);
    member_inner(&w, SLICE("suffix"), chat->suffix);
    write_common(&w);
    return !out->failed;
}
