/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages towards OpenAI. Two shapes of other dialects do not fit: what a tool returned besides
 * text goes into a user's turn right after all results (between them no other turn is allowed), and
 * several thoughts of one turn become one text.
 */
#include "base/hash.h"
#include "dialect/openai.h"
#include "dialect/tool_name.h"
#include "dialect/translate.h"

static bool is_call(const struct chat_part *part)
{
    return part->kind == PART_TOOL_CALL || (part->kind == PART_UNKNOWN && part->id.ptr != NULL);
}

static bool is_content(const struct chat_part *part)
{
    return part->kind != PART_REASONING && part->kind != PART_TOOL_RESULT && !is_call(part);
}

/* Written as it stood in the request? */
static bool goes_raw(const struct openai_writer *w, const struct chat_part *part)
{
    return w->same && part->raw.ptr != NULL;
}

/* A part of a tool's result that has to move to a user's turn. */
static bool must_move(const struct openai_writer *w, const struct chat_message *message,
                      const struct chat_part *part)
{
    return !w->same && message->role == ROLE_TOOL && is_content(part) && part->kind != PART_TEXT;
}

static void write_text_part(struct json_writer *json, const struct chat_part *part)
{
    bool refusal = part->kind == PART_REFUSAL;
    json_member_string(json, SLICE("type"), refusal ? SLICE("refusal") : SLICE("text"));
    json_member_inner(json, refusal ? SLICE("refusal") : SLICE("text"), part->text);
}

/* A data URL from its two halves, or the reference. */
static void write_url(struct json_writer *json, struct slice key, const struct chat_part *part)
{
    if (part->data.ptr == NULL) {
        json_member_inner(json, key, part->url);
        return;
    }
    json_key(json, key);
    json_write_raw(json, SLICE("\"data:"));
    buf_append(json->out, part->media_type);
    buf_append(json->out, SLICE(";base64,"));
    buf_append(json->out, part->data);
    buf_append_char(json->out, '"');
}

static void write_image(struct json_writer *json, const struct chat_part *part)
{
    json_member_string(json, SLICE("type"), SLICE("image_url"));
    json_key(json, SLICE("image_url"));
    json_begin_object(json);
    write_url(json, SLICE("url"), part);
    if (part->detail.ptr != NULL) {
        json_member_inner(json, SLICE("detail"), part->detail);
    }
    json_end_object(json);
}

struct slice openai_audio_format(const struct chat_part *part)
{
    static const struct {
        struct slice media_type;
        struct slice word;
    } formats[] = {
        {SLICE_INIT("audio/wav"), SLICE_INIT("wav")},
        {SLICE_INIT("audio/x-wav"), SLICE_INIT("wav")},
        {SLICE_INIT("audio/mpeg"), SLICE_INIT("mp3")},
        {SLICE_INIT("audio/mp3"), SLICE_INIT("mp3")},
        {SLICE_INIT("audio/flac"), SLICE_INIT("flac")},
        {SLICE_INIT("audio/ogg"), SLICE_INIT("ogg")},
        {SLICE_INIT("audio/aac"), SLICE_INIT("aac")},
        {SLICE_INIT("audio/aiff"), SLICE_INIT("aiff")},
    };
    if (part->detail.len > 0) {
        return part->detail;
    }
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (json_inner_is(part->media_type, formats[i].media_type)) {
            return formats[i].word;
        }
    }
    return SLICE_EMPTY;
}

void openai_write_audio(struct json_writer *json, const struct chat_part *part)
{
    json_member_string(json, SLICE("type"), SLICE("input_audio"));
    json_key(json, SLICE("input_audio"));
    json_begin_object(json);
    json_member_inner(json, SLICE("data"), part->data);
    struct slice format = openai_audio_format(part);
    if (format.ptr != NULL) {
        json_member_inner(json, SLICE("format"), format);
    }
    json_end_object(json);
}

static void write_file(struct json_writer *json, const struct chat_part *part)
{
    json_member_string(json, SLICE("type"), SLICE("file"));
    json_key(json, SLICE("file"));
    json_begin_object(json);
    if (part->data.ptr != NULL || part->url.ptr != NULL) {
        write_url(json, SLICE("file_data"), part);
    }
    if (part->detail.ptr != NULL) {
        json_member_inner(json, SLICE("filename"), part->detail);
    } else if (part->data.ptr != NULL) {
        json_member_string(json, SLICE("filename"), SLICE("document")); /* it must have one */
    }
    if (part->file_id.ptr != NULL) {
        json_member_inner(json, SLICE("file_id"), part->file_id);
    }
    json_end_object(json);
}

void openai_write_cache(struct openai_writer *w, enum cache_mark mark)
{
    if (mark != CACHE_MARK_NONE && w->change->cache_marks) {
        json_member_raw(&w->json, SLICE("cache_control"), cache_mark_json(mark));
    }
}

static void write_part(struct openai_writer *w, const struct chat_part *part, enum cache_mark mark)
{
    struct json_writer *json = &w->json;
    if (goes_raw(w, part)) {
        json_write_raw(json, part->raw);
        return;
    }
    json_begin_object(json);
    switch (part->kind) {
    case PART_IMAGE:
        write_image(json, part);
        break;
    case PART_AUDIO:
        openai_write_audio(json, part);
        break;
    case PART_FILE:
        write_file(json, part);
        break;
    default:
        write_text_part(json, part);
    }
    openai_write_cache(w, mark);
    json_end_object(json);
}

static size_t count_content(const struct openai_writer *w, const struct chat_message *message,
                            const struct chat_part **ret_last)
{
    size_t count = 0;
    for (size_t i = 0; i < message->part_count; i++) {
        const struct chat_part *part = &message->parts[i];
        if (is_content(part) && !must_move(w, message, part)) {
            *ret_last = part;
            count++;
        }
    }
    return count;
}

/* The mark of the last part of content: its own, or that of a whole result or of a call, which
 * have no place of their own. */
static enum cache_mark last_mark(struct openai_writer *w, const struct chat_message *message,
                                 const struct chat_part *last)
{
    enum cache_mark mark = last == NULL ? CACHE_MARK_NONE : last->cache;
    for (size_t i = 0; i < message->part_count && w->change->cache_marks && !w->same; i++) {
        const struct chat_part *part = &message->parts[i];
        if (is_content(part) || part->cache == CACHE_MARK_NONE) {
            continue;
        }
        if (last == NULL) {
            loss_add(w->loss, SLICE("cache_control"));
        } else if (mark == CACHE_MARK_NONE) {
            mark = part->cache;
        }
    }
    return w->change->cache_marks ? mark : CACHE_MARK_NONE;
}

static void write_content(struct openai_writer *w, const struct chat_message *message)
{
    const struct chat_part *last = NULL;
    size_t count = count_content(w, message, &last);
    enum cache_mark mark = last_mark(w, message, last);
    json_key(&w->json, SLICE("content"));
    if (count == 0 && message->role == ROLE_ASSISTANT) {
        json_write_null(&w->json);
    } else if (count == 0) {
        json_write_string(&w->json, SLICE(""));
    } else if (count == 1 && last->kind == PART_TEXT && !goes_raw(w, last) &&
               mark == CACHE_MARK_NONE) {
        json_write_inner(&w->json, last->text);
    } else {
        json_begin_array(&w->json);
        for (size_t i = 0; i < message->part_count; i++) {
            const struct chat_part *part = &message->parts[i];
            if (is_content(part) && !must_move(w, message, part)) {
                write_part(w, part, part == last ? mark : part->cache);
            }
        }
        json_end_array(&w->json);
    }
}

#define CALL_ID_MAX 40u

/* OpenAI takes no longer ids: one becomes its hash, the same in the call and in its result. */
static void write_id(struct openai_writer *w, struct slice key, struct slice id)
{
    if (w->same || id.len <= CALL_ID_MAX) {
        json_member_inner(&w->json, key, id);
        return;
    }
    json_key(&w->json, key);
    json_write_raw(&w->json, SLICE("\"call_"));
    buf_printf(w->json.out, "%016llx\"", (unsigned long long)hash_stable(id));
}

static void write_arguments(struct json_writer *json, const struct chat_part *part)
{
    json_key(json, SLICE("arguments"));
    if (part->custom) {
        struct buf object = BUF_INIT(part->arguments.len + 64);
        custom_write_arguments(&object, part->arguments);
        json_write_string(json, buf_slice(&object));
        json->out->failed = json->out->failed || object.failed;
        buf_release(&object);
    } else if (part->arguments_text) {
        json_write_inner(json, part->arguments);
    } else {
        json_write_string(json, part->arguments.len == 0 ? SLICE("{}") : part->arguments);
    }
}

static void write_call(struct openai_writer *w, const struct chat_part *part)
{
    struct json_writer *json = &w->json;
    if (goes_raw(w, part)) {
        json_write_raw(json, part->raw);
        return;
    }
    json_begin_object(json);
    write_id(w, SLICE("id"), part->id);
    json_member_string(json, SLICE("type"), SLICE("function"));
    json_key(json, SLICE("function"));
    json_begin_object(json);
    json_member_inner(json, SLICE("name"), part->name);
    write_arguments(json, part);
    json_end_object(json);
    json_end_object(json);
}

static void write_calls(struct openai_writer *w, const struct chat_message *message)
{
    bool begun = false;
    for (size_t i = 0; i < message->part_count; i++) {
        if (!is_call(&message->parts[i])) {
            continue;
        }
        if (!begun) {
            begun = true;
            json_key(&w->json, SLICE("tool_calls"));
            json_begin_array(&w->json);
        }
        write_call(w, &message->parts[i]);
    }
    if (begun) {
        json_end_array(&w->json);
    }
}

/* Does this thought go into `member`? Without a name of its own it goes into the commonest. */
static bool thought_for(const struct chat_part *part, struct slice member)
{
    struct slice name = part->name.ptr == NULL ? SLICE("reasoning_content") : part->name;
    return part->kind == PART_REASONING && part->text.ptr != NULL && slice_eq(name, member);
}

static void write_thoughts(struct openai_writer *w, const struct chat_message *message,
                           struct slice member)
{
    bool begun = false;
    for (size_t i = 0; i < message->part_count; i++) {
        if (!thought_for(&message->parts[i], member)) {
            continue;
        }
        if (!begun) {
            begun = true;
            json_key(&w->json, member);
            json_write_raw(&w->json, SLICE("\""));
        }
        buf_append(w->json.out, message->parts[i].text);
    }
    if (begun) {
        buf_append_char(w->json.out, '"');
    }
}

static bool has_thought(const struct chat_message *message)
{
    for (size_t i = 0; i < message->part_count; i++) {
        if (message->parts[i].kind == PART_REASONING && message->parts[i].text.len > 0) {
            return true;
        }
    }
    return false;
}

/* What was thought before the calls of this turn, where the provider wants it and the client did
   not bring it. */
static bool write_recalled(struct openai_writer *w, const struct chat_message *message)
{
    const struct request_change *change = w->change;
    if (!change->replay_reasoning || change->recall == NULL || has_thought(message)) {
        return false;
    }
    for (size_t i = 0; i < message->part_count; i++) {
        struct opaque_state state = {.dialect = DIALECT_COUNT};
        if (message->parts[i].kind == PART_TOOL_CALL &&
            change->recall(change->recall_user, message->parts[i].id, &state) &&
            state.reasoning.len > 0) {
            json_member_inner(&w->json, SLICE("reasoning_content"), state.reasoning);
            return true;
        }
    }
    return false;
}

/* Only vendors that want their open thoughts back get those of another dialect's client. */
static void write_reasoning(struct openai_writer *w, const struct chat_message *message,
                            size_t index)
{
    bool texts = w->same || w->change->replay_reasoning;
    bool detailed = openai_write_details(w, message);
    if (texts) {
        write_thoughts(w, message, SLICE("reasoning_content"));
        write_thoughts(w, message, SLICE("reasoning"));
    }
    bool recalled = write_recalled(w, message) || detailed;
    for (size_t i = 0; i < message->part_count; i++) {
        const struct chat_part *part = &message->parts[i];
        if (part->kind != PART_REASONING || (texts && part->text.ptr != NULL)) {
            continue;
        }
        if (!recalled && !openai_is_detail(w, part)) {
            loss_add_message(w->loss, index, SLICE("reasoning"));
        }
    }
}

static void write_message_extras(struct openai_writer *w, const struct chat_message *message)
{
    for (size_t i = 0; w->same && i < message->extra_count; i++) {
        json_key(&w->json, message->extras[i].key);
        json_write_raw(&w->json, message->extras[i].value);
    }
}

static void write_result_id(struct openai_writer *w, const struct chat_message *message,
                            size_t index)
{
    for (size_t i = 0; i < message->part_count; i++) {
        const struct chat_part *part = &message->parts[i];
        if (part->kind != PART_TOOL_RESULT) {
            continue;
        }
        write_id(w, SLICE("tool_call_id"), part->id);
        if (part->is_error) {
            loss_add_message(w->loss, index, SLICE("is_error"));
        }
        return;
    }
}

/* A turn of which only thoughts would be left, that nobody wants: OpenAI refuses it. */
static bool is_empty(const struct openai_writer *w, const struct chat_message *message)
{
    bool empty = !w->same && message->role == ROLE_ASSISTANT;
    for (size_t i = 0; empty && i < message->part_count; i++) {
        empty = message->parts[i].kind == PART_REASONING && !w->change->replay_reasoning &&
                !openai_is_detail(w, &message->parts[i]);
    }
    return empty;
}

/* One that nobody understood. */
static bool is_whole(const struct chat_message *message)
{
    return message->part_count == 1 && message->parts[0].kind == PART_UNKNOWN &&
           message->raw.ptr != NULL && message->parts[0].raw.ptr == message->raw.ptr;
}

static void write_message(struct openai_writer *w, size_t index)
{
    static const struct slice roles[] = {
        [ROLE_SYSTEM] = SLICE_INIT("system"), [ROLE_DEVELOPER] = SLICE_INIT("developer"),
        [ROLE_USER] = SLICE_INIT("user"),     [ROLE_ASSISTANT] = SLICE_INIT("assistant"),
        [ROLE_TOOL] = SLICE_INIT("tool"),
    };
    const struct chat_message *message = &w->chat->messages[index];
    if (is_empty(w, message)) {
        if (message->part_count > 0) {
            loss_add_message(w->loss, index, SLICE("reasoning"));
        }
        return;
    }
    if (w->same && is_whole(message)) {
        json_write_raw(&w->json, message->raw);
        return;
    }
    bool instructs = !w->same && message->role == ROLE_DEVELOPER; /* few servers know the word */
    json_begin_object(&w->json);
    json_member_string(&w->json, SLICE("role"), roles[instructs ? ROLE_SYSTEM : message->role]);
    if (message->name.ptr != NULL) {
        json_member_inner(&w->json, SLICE("name"), message->name);
    }
    write_result_id(w, message, index);
    write_reasoning(w, message, index);
    write_content(w, message);
    write_calls(w, message);
    write_message_extras(w, message);
    json_end_object(&w->json);
}

/* After the last result in a row: a user's turn with all that could not stand in them. */
static void write_moved(struct openai_writer *w, size_t first, size_t last)
{
    bool begun = false;
    for (size_t i = first; i <= last; i++) {
        const struct chat_message *message = &w->chat->messages[i];
        for (size_t j = 0; j < message->part_count; j++) {
            if (!must_move(w, message, &message->parts[j])) {
                continue;
            }
            if (!begun) {
                begun = true;
                json_begin_object(&w->json);
                json_member_string(&w->json, SLICE("role"), SLICE("user"));
                json_key(&w->json, SLICE("content"));
                json_begin_array(&w->json);
            }
            write_part(w, &message->parts[j], message->parts[j].cache);
        }
    }
    if (begun) {
        json_end_array(&w->json);
        json_end_object(&w->json);
    }
}

bool openai_is_dialect(unsigned dialect)
{
    return dialect == DIALECT_OPENAI_CHAT || dialect == DIALECT_OPENAI_COMPLETIONS ||
           dialect == DIALECT_OPENAI_RESPONSES;
}

const char *openai_cannot_say(const struct chat *chat, const struct chat_part *part)
{
    bool here = part->data.ptr != NULL || part->url.ptr != NULL;
    bool kept = openai_is_dialect(chat->dialect) && part->file_id.ptr != NULL;
    switch (part->kind) {
    case PART_UNKNOWN:
        return "A part of this turn has no form in OpenAI's dialect.";
    case PART_IMAGE:
    case PART_FILE:
        return here || kept ? NULL
                            : "A file that another vendor keeps cannot be shown to this one.";
    case PART_AUDIO:
        return part->data.ptr != NULL ? NULL : "OpenAI takes sound as data only.";
    default:
        return NULL;
    }
}

/* Why this cannot be said in Chat. */
static const char *cannot_say(const struct openai_writer *w, const struct chat_part *part)
{
    bool image = part->kind == PART_IMAGE && part->data.ptr == NULL && part->url.ptr == NULL;
    return image ? "Chat takes images as data or by URL." : openai_cannot_say(w->chat, part);
}

static bool check_known(struct openai_writer *w, size_t index)
{
    const struct chat_message *message = &w->chat->messages[index];
    for (size_t i = 0; i < message->part_count && !w->same; i++) {
        const char *reason = cannot_say(w, &message->parts[i]);
        if (reason != NULL) {
            return untranslatable_part(w->chat, &message->parts[i], w->error, reason);
        }
    }
    return true;
}

bool openai_write_messages(struct openai_writer *w)
{
    const struct chat *chat = w->chat;
    size_t first_result = 0;
    json_key(&w->json, SLICE("messages"));
    json_begin_array(&w->json);
    for (size_t i = 0; i < chat->message_count; i++) {
        bool result = chat->messages[i].role == ROLE_TOOL;
        first_result = result ? first_result : i + 1;
        if (!check_known(w, i)) {
            return false;
        }
        write_message(w, i);
        if (result && (i + 1 == chat->message_count || chat->messages[i + 1].role != ROLE_TOOL)) {
            write_moved(w, first_result, i);
        }
    }
    json_end_array(&w->json);
    return true;
}
