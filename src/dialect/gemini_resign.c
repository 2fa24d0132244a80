/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edit lane's one addition to a conversation: signatures that the client has dropped. Google
 * checks the calls since the user's last words, of each row of the model's contents the first; what
 * lacks a signature there fails for certain, so it gets the one that was kept with the call, or the
 * word that Google documents for calls that no Gemini model made.
 */
#include "dialect/gemini.h"

struct resign {
    const struct chat *chat;
    const struct request_change *change;
    struct json_edit *edits; /* NULL: they are only counted */
    size_t count;
    bool older;
};

static uint32_t member_of(const struct json_doc *doc, uint32_t object, struct slice name,
                          struct slice other)
{
    uint32_t value = json_member(doc, object, name);
    return value != JSON_ABSENT ? value : json_member(doc, object, other);
}

static uint32_t call_of(const struct json_doc *doc, uint32_t part)
{
    uint32_t call = member_of(doc, part, SLICE("functionCall"), SLICE("function_call"));
    return json_is(doc, call, JSON_OBJECT) ? call : JSON_ABSENT;
}

static bool is_from_model(const struct json_doc *doc, uint32_t content)
{
    uint32_t role = json_member(doc, content, SLICE("role"));
    return json_is(doc, role, JSON_STRING) && json_string_is(doc, role, SLICE("model"));
}

/* A user's content with something else than results. */
static bool has_words(const struct json_doc *doc, uint32_t content)
{
    uint32_t parts = json_member(doc, content, SLICE("parts"));
    if (!json_is(doc, parts, JSON_ARRAY)) {
        return true;
    }
    for (uint32_t i = json_first(doc, parts); i != JSON_ABSENT; i = json_next(doc, parts, i)) {
        if (gemini_result_of(doc, i) == JSON_ABSENT) {
            return true;
        }
    }
    return false;
}

/* The first content after the user's last words, or JSON_ABSENT. */
static uint32_t turn_start(const struct json_doc *doc, uint32_t contents)
{
    uint32_t start = json_first(doc, contents);
    for (uint32_t i = start; i != JSON_ABSENT; i = json_next(doc, contents, i)) {
        if (!is_from_model(doc, i) && has_words(doc, i)) {
            start = json_next(doc, contents, i);
        }
    }
    return start;
}

static struct slice signature_for(const struct resign *s, uint32_t call)
{
    const struct json_doc *doc = s->chat->doc;
    uint32_t id = json_member(doc, call, SLICE("id"));
    struct opaque_state state = {0};
    if (json_is(doc, id, JSON_STRING) &&
        s->change->recall(s->change->recall_user, json_inner(doc, id), &state) &&
        state.dialect == DIALECT_GEMINI && state.call_signature.len > 0) {
        return state.call_signature;
    }
    return s->older ? SLICE_EMPTY : SLICE(GEMINI_NO_SIGNATURE);
}

/* Three edits at one place: what is around the signature, and itself. */
static void sign(struct resign *s, uint32_t part, uint32_t call)
{
    const struct json_doc *doc = s->chat->doc;
    struct slice signature = signature_for(s, call);
    if (member_of(doc, part, SLICE("thoughtSignature"), SLICE("thought_signature")) !=
            JSON_ABSENT ||
        signature.len == 0) {
        return;
    }
    if (s->edits != NULL) {
        uint32_t at = doc->nodes[part].end - 1;
        struct json_edit *edits = s->edits + s->count;
        edits[0] = (struct json_edit){at, at, SLICE(",\"thoughtSignature\":\"")};
        edits[1] = (struct json_edit){at, at, signature};
        edits[2] = (struct json_edit){at, at, SLICE("\"")};
    }
    s->count += GEMINI_RESIGN_EDITS;
}

/* True: the content holds a call; the first one is looked at. */
static bool sign_content(struct resign *s, uint32_t content)
{
    const struct json_doc *doc = s->chat->doc;
    uint32_t parts = json_member(doc, content, SLICE("parts"));
    if (json_is(doc, parts, JSON_OBJECT) && call_of(doc, parts) != JSON_ABSENT) {
        sign(s, parts, call_of(doc, parts));
        return true;
    }
    for (uint32_t i = json_is(doc, parts, JSON_ARRAY) ? json_first(doc, parts) : JSON_ABSENT;
         i != JSON_ABSENT; i = json_next(doc, parts, i)) {
        uint32_t call = call_of(doc, i);
        if (call != JSON_ABSENT) {
            sign(s, i, call);
            return true;
        }
    }
    return false;
}

size_t gemini_resign(const struct chat *chat, const struct request_change *change,
                     uint32_t contents, struct json_edit *edits)
{
    const struct json_doc *doc = chat->doc;
    struct resign s = {chat, change, edits, 0, gemini_is_older(change->model)};
    bool called = false; /* in this row of the model's contents */
    if (change->recall == NULL || !json_is(doc, contents, JSON_ARRAY)) {
        return 0;
    }
    for (uint32_t i = turn_start(doc, contents); i != JSON_ABSENT;
         i = json_next(doc, contents, i)) {
        bool model = is_from_model(doc, i);
        called = model && (called || sign_content(&s, i));
    }
    return s.count;
}
