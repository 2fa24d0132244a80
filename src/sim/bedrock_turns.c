/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Converse refuses of a conversation: roles that do not take turns, blocks that are none,
 * blank texts, calls without results and results without calls, bytes that are no base64, altered
 * signatures, thoughts that are missing before calls.
 */
#include "sim/bedrock.h"

#include "sim/seal.h"

#include <stdio.h>

#define DOCUMENTS_MAX 5
#define IMAGES_MAX 20
#define DOCUMENT_NAME_MAX 200

struct turns {
    const struct sim_reading *r;
    unsigned message; /* index of the one that is looked at */
    unsigned block;
    struct slice calls[SIM_BEDROCK_CALLS_MAX]; /* of the assistant's message before */
    size_t call_count;
    unsigned documents;
    unsigned images; /* in this message, as the next */
    bool has_text;
    bool has_document;
    bool has_tools; /* a call or a result, anywhere */
    char where[64]; /* of the block */
};

static bool fail(const struct turns *t, const char *text)
{
    return error_set(t->r->error, ERROR_INVALID, "ValidationException", "%s", text);
}

static bool fail_at(const struct turns *t, const char *what, const char *text)
{
    return error_set(t->r->error, ERROR_INVALID, "ValidationException", "%s at %s %s", what,
                     t->where, text);
}

static uint32_t of(const struct turns *t, uint32_t object, struct slice name)
{
    return json_member(t->r->doc, object, name);
}

static struct slice text_of(const struct turns *t, uint32_t object, struct slice name)
{
    return sim_read_string(t->r, of(t, object, name));
}

static bool only(const struct turns *t, uint32_t object, const char *names)
{
    return sim_bedrock_only(t->r, object, names, t->where);
}

/* --- texts, images, documents --- */

static bool check_text(struct turns *t, uint32_t text)
{
    if (!json_is(t->r->doc, text, JSON_STRING) ||
        slice_trim(sim_read_string(t->r, text)).len == 0) {
        return fail_at(t, "The text field in the ContentBlock object",
                       "is blank. Add text to the text field, and try again.");
    }
    t->has_text = true;
    return true;
}

static bool is_one_of(struct slice word, const char *words)
{
    struct slice rest = slice_from_cstr(words);

    while (rest.len > 0) {
        if (slice_eq(slice_cut(&rest, ' '), word)) {
            return true;
        }
    }
    return false;
}

static bool check_bytes(const struct turns *t, uint32_t object)
{
    uint32_t source = of(t, object, SLICE("source"));

    if (!only(t, source, "bytes s3Location")) {
        return false;
    }
    if (!json_is(t->r->doc, source, JSON_OBJECT) || json_count(t->r->doc, source) != 1) {
        return fail_at(t, "The source", "must set one of the following keys: bytes, s3Location.");
    }
    return of(t, source, SLICE("s3Location")) != JSON_ABSENT ||
           sim_is_base64(text_of(t, source, SLICE("bytes"))) ||
           fail_at(t, "The bytes of the source", "could not be decoded as base64.");
}

static bool check_image(struct turns *t, uint32_t image)
{
    if (!only(t, image, "format source error")) {
        return false;
    }
    if (!is_one_of(text_of(t, image, SLICE("format")), "png jpeg gif webp")) {
        return fail_at(t, "The format of the image",
                       "failed to satisfy enum value set: [png, jpeg, gif, webp]");
    }
    if (++t->images > IMAGES_MAX) {
        return fail(t, "too many images and documents: a message takes 20 images.");
    }
    return check_bytes(t, image);
}

/* Letters, digits, single blanks, hyphens, parentheses, square brackets. */
static bool is_document_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        bool twice = c == ' ' && i > 0 && name.ptr[i - 1] == ' ';
        if (twice ||
            (!letter && c != ' ' && c != '-' && c != '(' && c != ')' && c != '[' && c != ']')) {
            return false;
        }
    }
    return name.len > 0 && name.len <= DOCUMENT_NAME_MAX;
}

static bool check_document(struct turns *t, uint32_t document)
{
    if (!only(t, document, "format name source context citations")) {
        return false;
    }
    if (!is_one_of(text_of(t, document, SLICE("format")),
                   "pdf csv doc docx xls xlsx html txt md")) {
        return fail_at(t, "The format of the document", "is not supported.");
    }
    if (!is_document_name(text_of(t, document, SLICE("name")))) {
        return fail(t, "The document file name can only contain alphanumeric characters, "
                       "whitespace characters, hyphens, parentheses, and square brackets. The name "
                       "can't contain more than one consecutive whitespace character.");
    }
    if (++t->documents > DOCUMENTS_MAX) {
        return fail(t, "too many documents: a request takes 5 of them.");
    }
    t->has_document = true;
    return check_bytes(t, document);
}

/* --- calls and results --- */

static bool check_id(const struct turns *t, struct slice id)
{
    return sim_bedrock_is_name(id) ||
           fail_at(t, "Value of toolUseId",
                   "failed to satisfy constraint: Member must satisfy regular expression pattern: "
                   "[a-zA-Z0-9_-]+");
}

static bool check_call(struct turns *t, uint32_t call)
{
    struct slice id = text_of(t, call, SLICE("toolUseId"));

    t->has_tools = true;
    if (!only(t, call, "toolUseId name input type") || !check_id(t, id)) {
        return false;
    }
    if (!sim_bedrock_is_name(text_of(t, call, SLICE("name")))) {
        return fail_at(t, "Value of name",
                       "failed to satisfy constraint: Member must satisfy regular expression "
                       "pattern: [a-zA-Z0-9_-]+");
    }
    if (!json_is(t->r->doc, of(t, call, SLICE("input")), JSON_OBJECT)) {
        return fail_at(t, "The format of the value",
                       "is invalid. Provide a json object for the field and try again.");
    }
    for (size_t i = 0; i < t->call_count; i++) {
        if (slice_eq(t->calls[i], id)) {
            return fail(t, "The model returned the following errors: messages: `tool_use` ids "
                           "must be unique");
        }
    }
    if (t->call_count < SIM_BEDROCK_CALLS_MAX) {
        t->calls[t->call_count++] = id;
    }
    return true;
}

static bool check_result_content(struct turns *t, uint32_t content)
{
    bool text = t->has_text;

    for (uint32_t i = json_first(t->r->doc, content); i != JSON_ABSENT;
         i = json_next(t->r->doc, content, i)) {
        uint32_t image = of(t, i, SLICE("image"));
        uint32_t document = of(t, i, SLICE("document"));
        uint32_t words = of(t, i, SLICE("text"));
        if (!json_is(t->r->doc, i, JSON_OBJECT) || json_count(t->r->doc, i) != 1 ||
            !only(t, i, "json text image document video searchResult")) {
            return fail_at(t, "ToolResultContentBlock object",
                           "must set one of the following keys: json, text, image, document, "
                           "video, searchResult.");
        }
        if ((image != JSON_ABSENT && !check_image(t, image)) ||
            (document != JSON_ABSENT && !check_document(t, document)) ||
            (words != JSON_ABSENT && !check_text(t, words))) {
            return false;
        }
    }
    t->has_text = text;
    return true;
}

static bool check_result(struct turns *t, uint32_t result, bool leading)
{
    struct slice id = text_of(t, result, SLICE("toolUseId"));
    uint32_t status = of(t, result, SLICE("status"));
    uint32_t content = of(t, result, SLICE("content"));
    size_t call = 0;

    t->has_tools = true;
    if (!only(t, result, "toolUseId content status type") || !check_id(t, id)) {
        return false;
    }
    while (call < t->call_count && !slice_eq(t->calls[call], id)) {
        call++;
    }
    if (call == t->call_count || !leading) {
        return error_set(t->r->error, ERROR_INVALID, "ValidationException",
                         "The number of toolResult blocks at messages.%u.content exceeds the "
                         "number of toolUse blocks of previous turn.",
                         t->message);
    }
    t->calls[call] = t->calls[--t->call_count];
    if (status != JSON_ABSENT && !sim_read_is(t->r, status, "success") &&
        !sim_read_is(t->r, status, "error")) {
        return fail_at(t, "Value of status", "failed to satisfy enum value set: [success, error]");
    }
    if (!json_is(t->r->doc, content, JSON_ARRAY)) {
        return fail_at(t, "The content of the toolResult", "is no list.");
    }
    return check_result_content(t, content);
}

/* --- thoughts --- */

static bool check_thought(const struct turns *t, uint32_t thought)
{
    uint32_t text = of(t, thought, SLICE("reasoningText"));
    struct slice words = text_of(t, text, SLICE("text"));
    struct slice seal = text_of(t, text, SLICE("signature"));

    if (!only(t, thought, "reasoningText redactedContent") || !only(t, text, "text signature")) {
        return false;
    }
    if (text == JSON_ABSENT) {
        return slice_eq(text_of(t, thought, SLICE("redactedContent")), SIM_BEDROCK_REDACTED) ||
               fail_at(t, "The redactedContent", "is not what the model made.");
    }
    return (words.len == 0 ? sim_seal_sound(seal) : sim_seal_fits(seal, words)) ||
           error_set(t->r->error, ERROR_INVALID, "ValidationException",
                     "The model returned the following errors: %s: Invalid `signature` in "
                     "`thinking` block",
                     t->where);
}

/* --- blocks --- */

struct block {
    const char *name;
    bool user;
    bool assistant;
};

static const struct block blocks[] = {
    {"text", true, true},
    {"image", true, false},
    {"document", true, false},
    {"video", true, false},
    {"audio", true, false},
    {"toolUse", false, true},
    {"toolResult", true, false},
    {"guardContent", true, true},
    {"cachePoint", true, true},
    {"reasoningContent", false, true},
    {"citationsContent", false, true},
    {"searchResult", true, false},
};

/* The one member of a block; NULL: it has none that may stand there, or more than one. */
static const struct block *block_of(const struct turns *t, uint32_t block, bool user)
{
    if (!json_is(t->r->doc, block, JSON_OBJECT) || json_count(t->r->doc, block) != 1) {
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
        if (json_string_is(t->r->doc, json_first(t->r->doc, block),
                           slice_from_cstr(blocks[i].name))) {
            return (user ? blocks[i].user : blocks[i].assistant) ? &blocks[i] : NULL;
        }
    }
    return NULL;
}

/* `leading`: only results, and marks behind them, came before it. */
static bool check_block(struct turns *t, uint32_t block, bool user, bool *leading)
{
    const struct block *kind = block_of(t, block, user);

    (void)snprintf(t->where, sizeof(t->where), "messages.%u.content.%u", t->message, t->block);
    if (kind == NULL) {
        return fail_at(t, "ContentBlock object",
                       "must set one of the following keys: text, image, toolUse, toolResult, "
                       "document, video, cachePoint, reasoningContent, citationsContent, "
                       "searchResult.");
    }
    uint32_t value = of(t, block, slice_from_cstr(kind->name));
    bool result = strcmp(kind->name, "toolResult") == 0;
    bool mark = strcmp(kind->name, "cachePoint") == 0;
    bool first = *leading;
    *leading = first && (result || mark);
    if (result) {
        return check_result(t, value, first);
    }
    if (mark) {
        return t->block > 0 ? sim_bedrock_check_cache(t->r, value, t->where)
                            : fail_at(t, "A cache point", "has nothing before it.");
    }
    switch (kind->name[0]) {
    case 't':
        return strcmp(kind->name, "text") == 0 ? check_text(t, value) : check_call(t, value);
    case 'i':
        return check_image(t, value);
    case 'd':
        return check_document(t, value);
    case 'r':
        return check_thought(t, value);
    default:
        return true;
    }
}

/* --- messages --- */

static bool check_waiting(const struct turns *t)
{
    return t->call_count == 0 ||
           error_set(t->r->error, ERROR_INVALID, "ValidationException",
                     "Expected toolResult blocks at messages.%u.content for the following Ids: "
                     "%.*s",
                     t->message, SLICE_ARG(t->calls[0]));
}

static bool check_message(struct turns *t, uint32_t message, bool user)
{
    uint32_t content = of(t, message, SLICE("content"));
    bool leading = true;

    t->block = 0;
    t->images = 0;
    t->has_text = false;
    t->has_document = false;
    if (!json_is(t->r->doc, content, JSON_ARRAY) || json_count(t->r->doc, content) == 0) {
        return error_set(t->r->error, ERROR_INVALID, "ValidationException",
                         "The content field in the Message object at messages.%u is empty. Add a "
                         "ContentBlock object to the content field and try again.",
                         t->message);
    }
    for (uint32_t i = json_first(t->r->doc, content); i != JSON_ABSENT;
         i = json_next(t->r->doc, content, i)) {
        if (!check_block(t, i, user, &leading)) {
            return false;
        }
        t->block++;
    }
    if (t->has_document && !t->has_text) {
        return fail_at(t, "A message with a document",
                       "must hold a text too. Add a text block and try again.");
    }
    return !user || check_waiting(t);
}

static bool check_system(const struct turns *t)
{
    const struct json_doc *doc = t->r->doc;
    uint32_t system = json_member(doc, JSON_ROOT, SLICE("system"));
    bool first = true;

    if (system != JSON_ABSENT && !json_is(doc, system, JSON_ARRAY)) {
        return fail(t, "The value at system is no list.");
    }
    for (uint32_t i = system == JSON_ABSENT ? JSON_ABSENT : json_first(doc, system);
         i != JSON_ABSENT; i = json_next(doc, system, i)) {
        uint32_t point = json_member(doc, i, SLICE("cachePoint"));
        uint32_t text = json_member(doc, i, SLICE("text"));
        if (!json_is(doc, i, JSON_OBJECT) || json_count(doc, i) != 1 ||
            !sim_bedrock_only(t->r, i, "text guardContent cachePoint", "system")) {
            return fail(t, "SystemContentBlock object at system must set one of the following "
                           "keys: text, guardContent, cachePoint.");
        }
        if (text != JSON_ABSENT && slice_trim(sim_read_string(t->r, text)).len == 0) {
            return fail(t, "The text field in the SystemContentBlock object at system is blank.");
        }
        if (point != JSON_ABSENT && first) {
            return fail(t, "A cache point at system has nothing before it.");
        }
        if (point != JSON_ABSENT && !sim_bedrock_check_cache(t->r, point, "system.cachePoint")) {
            return false;
        }
        first = false;
    }
    return true;
}

/* Claude with a budget for thoughts: the assistant's turn that is still open begins with one. */
static bool check_open_turn(const struct turns *t, uint32_t messages)
{
    const struct json_doc *doc = t->r->doc;
    uint32_t thinking = json_path(doc, JSON_ROOT, "additionalModelRequestFields.thinking.type");
    uint32_t open = JSON_ABSENT;

    for (uint32_t i = json_first(doc, messages); i != JSON_ABSENT;
         i = json_next(doc, messages, i)) {
        uint32_t first = json_first(doc, of(t, i, SLICE("content")));
        if (sim_read_is(t->r, of(t, i, SLICE("role")), "user")) {
            open = of(t, first, SLICE("toolResult")) != JSON_ABSENT ? open : JSON_ABSENT;
        } else if (open == JSON_ABSENT) {
            open = first;
        }
    }
    return !sim_read_is(t->r, thinking, "enabled") || open == JSON_ABSENT ||
           of(t, open, SLICE("reasoningContent")) != JSON_ABSENT ||
           fail(t, "The model returned the following errors: Expected `thinking` or "
                   "`redacted_thinking`, but found something else. When `thinking` is enabled, a "
                   "final `assistant` message must start with a thinking block.");
}

static bool check_roles(struct turns *t, uint32_t messages)
{
    bool before = false;

    for (uint32_t i = json_first(t->r->doc, messages); i != JSON_ABSENT;
         i = json_next(t->r->doc, messages, i)) {
        uint32_t role = of(t, i, SLICE("role"));
        bool user = sim_read_is(t->r, role, "user");
        (void)snprintf(t->where, sizeof(t->where), "messages.%u", t->message);
        if (!only(t, i, "role content")) {
            return false;
        }
        if (!user && !sim_read_is(t->r, role, "assistant")) {
            return fail_at(t, "Value of role",
                           "failed to satisfy enum value set: [user, assistant]");
        }
        if (t->message == 0 && !user) {
            return fail(t, "A conversation must start with a user message. Try again with a "
                           "conversation that starts with a user message.");
        }
        if (t->message > 0 && user == before) {
            return fail(t, "A conversation must alternate between user and assistant roles. Make "
                           "sure the conversation alternates between user and assistant roles and "
                           "try again.");
        }
        if (!check_message(t, i, user)) {
            return false;
        }
        before = user;
        t->message++;
    }
    return check_waiting(t);
}

bool sim_bedrock_check_turns(const struct sim_reading *r)
{
    struct turns t = {.r = r};
    uint32_t messages = json_member(r->doc, JSON_ROOT, SLICE("messages"));

    if (!json_is(r->doc, messages, JSON_ARRAY) || json_count(r->doc, messages) == 0) {
        return fail(&t, "A conversation must start with a user message. Try again with a "
                        "conversation that starts with a user message.");
    }
    if (!check_roles(&t, messages)) {
        return false;
    }
    if (t.has_tools && json_member(r->doc, JSON_ROOT, SLICE("toolConfig")) == JSON_ABSENT) {
        return fail(&t, "The toolConfig field must be defined when using toolUse and toolResult "
                        "content blocks.");
    }
    return check_system(&t) && check_open_turn(&t, messages);
}
