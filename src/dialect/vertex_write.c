/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inputs of embeddings towards Vertex AI. What Gemini's clients say beside an input has a name of
 * its own in each of the two methods.
 */
#include "dialect/vertex.h"

#include "codec/json_write.h"
#include "dialect/gemini.h"
#include "dialect/translate.h"

struct writer {
    struct json_writer json;
    const struct chat *chat;
    struct loss *loss;
    struct error *error;
};

/* What can be said of an input, or of all: in snake case too. */
struct option {
    struct slice name;
    struct slice snake;
    struct slice predicted; /* as :predict calls it */
    bool of_input;          /* else of the request */
};

static const struct option options[] = {
    {SLICE_INIT("taskType"), SLICE_INIT("task_type"), SLICE_INIT("task_type"), true},
    {SLICE_INIT("title"), SLICE_INIT("title"), SLICE_INIT("title"), true},
    {SLICE_INIT("autoTruncate"), SLICE_INIT("auto_truncate"), SLICE_INIT("autoTruncate"), false},
};

static bool is_option(const struct option *option, struct slice key)
{
    return json_inner_is(key, option->name) || json_inner_is(key, option->snake);
}

static struct slice find(const struct chat_extra *extras, size_t count, const struct option *option)
{
    for (size_t i = 0; i < count; i++) {
        if (is_option(option, extras[i].key)) {
            return extras[i].value;
        }
    }
    return SLICE_EMPTY;
}

/* Of the input itself, else of the request; NULL ptr: not said, or not by a client of Gemini's. */
static struct slice option_of(const struct writer *w, size_t index, const struct option *option)
{
    const struct chat *chat = w->chat;
    const struct chat_message *message = &chat->messages[index];
    if (chat->dialect != DIALECT_GEMINI) {
        return SLICE_EMPTY;
    }
    struct slice value = find(message->extras, message->extra_count, option);
    return value.ptr != NULL ? value : find(chat->extras, chat->extra_count, option);
}

static void write_options(struct writer *w, size_t index, bool of_input, bool predicted)
{
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        struct slice value = option_of(w, index, &options[i]);
        if (options[i].of_input == of_input && value.ptr != NULL) {
            json_key(&w->json, predicted ? options[i].predicted : options[i].name);
            json_write_raw(&w->json, value);
        }
    }
}

/* --- what is lost --- */

static void lose_unknown(struct writer *w, const struct chat_extra *extras, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool known = false;
        for (size_t j = 0; j < ARRAY_LEN(options) && !known; j++) {
            known = is_option(&options[j], extras[i].key);
        }
        if (!known) {
            loss_add(w->loss, extras[i].key);
        }
    }
}

static void add_losses(struct writer *w)
{
    const struct chat *chat = w->chat;
    if (chat->user.ptr != NULL) {
        loss_add(w->loss, SLICE("user"));
    }
    if (chat->dialect != DIALECT_GEMINI) {
        loss_add_extras(w->loss, chat);
        return;
    }
    lose_unknown(w, chat->extras, chat->extra_count);
    for (size_t i = 0; i < chat->message_count; i++) {
        lose_unknown(w, chat->messages[i].extras, chat->messages[i].extra_count);
    }
}

/* --- inputs --- */

static bool write_text(struct writer *w, size_t index)
{
    const struct chat_message *message = &w->chat->messages[index];
    buf_append_char(w->json.out, '"');
    for (size_t i = 0; i < message->part_count; i++) {
        if (message->parts[i].kind != PART_TEXT) {
            return untranslatable_part(w->chat, &message->parts[i], w->error,
                                       "An input of embeddings must be text.");
        }
        buf_append(w->json.out, message->parts[i].text);
    }
    return buf_append_char(w->json.out, '"');
}

static bool write_instances(struct writer *w)
{
    json_key(&w->json, SLICE("instances"));
    json_begin_array(&w->json);
    for (size_t i = 0; i < w->chat->message_count; i++) {
        json_begin_object(&w->json);
        json_key(&w->json, SLICE("content"));
        json_write_raw(&w->json, SLICE(""));
        if (!write_text(w, i)) {
            return false;
        }
        write_options(w, i, true, true);
        json_end_object(&w->json);
    }
    json_end_array(&w->json);
    return true;
}

static bool write_prediction(struct writer *w)
{
    struct slice truncates = option_of(w, 0, &options[ARRAY_LEN(options) - 1]);
    if (!write_instances(w)) {
        return false;
    }
    if (w->chat->dimensions.ptr != NULL || truncates.ptr != NULL) {
        json_key(&w->json, SLICE("parameters"));
        json_begin_object(&w->json);
        if (w->chat->dimensions.ptr != NULL) {
            json_member_raw(&w->json, SLICE("outputDimensionality"), w->chat->dimensions);
        }
        write_options(w, 0, false, true);
        json_end_object(&w->json);
    }
    return true;
}

static bool write_content(struct writer *w, size_t index)
{
    json_key(&w->json, SLICE("content"));
    json_begin_object(&w->json);
    json_key(&w->json, SLICE("parts"));
    json_begin_array(&w->json);
    json_begin_object(&w->json);
    json_key(&w->json, SLICE("text"));
    json_write_raw(&w->json, SLICE(""));
    if (!write_text(w, index)) {
        return false;
    }
    json_end_object(&w->json);
    json_end_array(&w->json);
    json_end_object(&w->json);
    json_key(&w->json, SLICE("embedContentConfig"));
    json_begin_object(&w->json);
    write_options(w, index, true, false);
    write_options(w, index, false, false);
    if (w->chat->dimensions.ptr != NULL) {
        json_member_raw(&w->json, SLICE("outputDimensionality"), w->chat->dimensions);
    }
    json_end_object(&w->json);
    return true;
}

static bool write_contents(struct writer *w)
{
    json_key(&w->json, SLICE("requests"));
    json_begin_array(&w->json);
    for (size_t i = 0; i < w->chat->message_count; i++) {
        json_begin_object(&w->json);
        if (!write_content(w, i)) {
            return false;
        }
        json_end_object(&w->json);
    }
    json_end_array(&w->json);
    return true;
}

static bool write_inputs(struct writer *w, struct slice model)
{
    switch (vertex_method_of(model, w->chat->message_count)) {
    case VERTEX_PREDICT:
        return write_prediction(w);
    case VERTEX_EMBED:
        return write_content(w, 0);
    case VERTEX_BATCH:
        return write_contents(w);
    case VERTEX_NONE:
        break;
    }
    return untranslatable_message(w->chat, 1, w->error,
                                  "This model takes one input in a request at Vertex AI.");
}

bool vertex_write_request(const struct chat *chat, const struct request_change *change,
                          struct buf *out, struct loss *loss, struct error *error)
{
    struct writer w = {.chat = chat, .loss = loss, .error = error};
    if (chat->operation == OPERATION_TOKEN_COUNT) {
        return gemini_write_bare_count(chat, change, out, loss, error);
    }
    json_writer_init(&w.json, out);
    json_begin_object(&w.json);
    if (!write_inputs(&w, change->model)) {
        return false;
    }
    add_losses(&w);
    json_end_object(&w.json);
    return !out->failed;
}
