/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/reader.h"

#include "dialect/inner.h"

bool reader_begin(struct reader *r, unsigned dialect, struct slice body, struct json_doc *doc)
{
    struct chat *chat = r->chat;
    *chat = (struct chat){
        .operation = chat->operation,
        .model = chat->model,
        .stream = chat->stream,
        .dialect = dialect,
        .parallel_tool_calls = -1,
        .schema_strict = -1,
        .thinking_budget = -1,
        .store = -1,
        .choices = 1,
        .sluice = JSON_ABSENT,
        .models = JSON_ABSENT,
        .preferences = JSON_ABSENT,
        .body = body,
        .doc = doc,
    };
    if (!json_parse(doc, body, &json_default_limits, r->error)) {
        return false;
    }
    return json_kind(doc, JSON_ROOT) == JSON_OBJECT || reader_refuse_type(r, NULL, "an object");
}

struct chat_extra reader_extra(const struct json_doc *doc, uint32_t key)
{
    return (struct chat_extra){json_inner(doc, key), json_raw(doc, key + 1)};
}

bool reader_extras(struct reader *r, uint32_t object, const struct member_table *table,
                   uint32_t first_kept, struct chat_extra **ret_extras, size_t *ret_count)
{
    const struct json_doc *doc = r->doc;
    struct chat_extra *extras = arena_array(r->arena, json_count(doc, object), sizeof *extras);
    size_t count = 0;
    if (extras == NULL) {
        return reader_refuse_size(r);
    }
    for (uint32_t key = json_first(doc, object); key != JSON_ABSENT;
         key = json_next(doc, object, key)) {
        uint32_t id = member_id(table, doc, key);
        if (id == MEMBER_UNKNOWN || id >= first_kept) {
            extras[count++] = reader_extra(doc, key);
        }
    }
    *ret_extras = extras;
    *ret_count = count;
    return true;
}

/* --- policy --- */

static bool read_models(struct reader *r, uint32_t value)
{
    struct chat *chat = r->chat;
    if (!read_kind(r, value, "models", JSON_ARRAY, &chat->models)) {
        return false;
    }
    if (chat->models == JSON_ABSENT) {
        return true;
    }
    for (uint32_t i = json_first(r->doc, chat->models); i != JSON_ABSENT;
         i = json_next(r->doc, chat->models, i)) {
        if (json_kind(r->doc, i) != JSON_STRING) {
            return reader_refuse_type(r, "models", "an array of strings");
        }
    }
    return true;
}

bool reader_policy(struct reader *r, const struct policy_members *m)
{
    struct chat *chat = r->chat;
    chat->policy_given = (m->sluice & m->models & m->provider & m->session_id) != JSON_ABSENT;
    if (!read_kind(r, m->sluice, "sluice", JSON_OBJECT, &chat->sluice) ||
        !read_kind(r, m->provider, "provider", JSON_OBJECT, &chat->preferences) ||
        !read_models(r, m->models) ||
        !read_inner(r, m->prompt_cache_key, "prompt_cache_key", &chat->cache_key)) {
        return false;
    }
    chat->session = chat->cache_key;
    return read_inner(r, m->session_id, "session_id", &chat->session);
}

/* --- tools --- */

bool reader_tools(struct reader *r, uint32_t tools,
                  bool (*read_tool)(struct reader *r, uint32_t node, struct chat_tool *tool))
{
    struct chat *chat = r->chat;
    uint32_t list;
    if (!read_kind(r, tools, "tools", JSON_ARRAY, &list)) {
        return false;
    }
    if (list == JSON_ABSENT) {
        return true;
    }
    chat->tools = arena_array(r->arena, json_count(r->doc, list), sizeof *chat->tools);
    if (chat->tools == NULL) {
        return reader_refuse_size(r);
    }
    r->place[0].list = "tools";
    r->place[0].index = 0;
    r->depth = 1;
    for (uint32_t i = json_first(r->doc, list); i != JSON_ABSENT; i = json_next(r->doc, list, i)) {
        if (!read_tool(r, i, &chat->tools[r->place[0].index])) {
            return false;
        }
        r->place[0].index++;
    }
    r->depth = 0;
    chat->tool_count = r->place[0].index;
    return true;
}

/* --- the choice among the tools --- */

static bool is_among_tools(const struct chat *chat, struct slice name)
{
    for (size_t i = 0; i < chat->tool_count; i++) {
        if (chat->tools[i].kind == TOOL_OTHER || inner_equals(chat->tools[i].name, name)) {
            return true;
        }
    }
    return false;
}

bool reader_choice(struct reader *r, const char *member)
{
    const struct chat *chat = r->chat;
    bool named = chat->tool_choice == TOOL_CHOICE_NAMED;
    if (!named && chat->tool_choice != TOOL_CHOICE_REQUIRED) {
        return true;
    }
    if (chat->tool_count == 0) {
        return reader_refuse(r, "invalid_value", member,
                             "A tool must be called, but the request has no tools.");
    }
    return !named || is_among_tools(chat, chat->tool_choice_name) ||
           reader_refuse(r, "invalid_value", member,
                         "A tool must be called that is not among the request's tools.");
}

/* --- what the request needs --- */

static capability_set part_needs(const struct chat_part *part)
{
    switch (part->kind) {
    case PART_IMAGE:
        return CAPABILITY_VISION;
    case PART_AUDIO:
        return CAPABILITY_AUDIO;
    case PART_FILE:
        return CAPABILITY_DOCUMENTS;
    case PART_TOOL_CALL:
    case PART_TOOL_RESULT:
        return CAPABILITY_TOOLS;
    default:
        return 0;
    }
}

static capability_set member_needs(const struct chat *chat)
{
    capability_set needs = 0;
    needs |= chat->tool_count > 0 ? CAPABILITY_TOOLS : 0;
    needs |= chat->format == FORMAT_JSON_OBJECT ? CAPABILITY_JSON_OBJECT : 0;
    needs |= chat->format == FORMAT_JSON_SCHEMA ? CAPABILITY_JSON_SCHEMA : 0;
    needs |= chat->logprobs ? CAPABILITY_LOGPROBS : 0;
    needs |= chat->stream ? CAPABILITY_STREAMING : 0;
    needs |= chat->operation == OPERATION_COMPLETION ? CAPABILITY_COMPLETION : 0;
    needs |= chat->operation == OPERATION_EMBEDDING ? CAPABILITY_EMBEDDINGS : 0;
    needs |= chat->suffix.len > 0 ? CAPABILITY_SUFFIX : 0;
    bool thinks =
        chat->reasoning_effort.len > 0 && !slice_eq(chat->reasoning_effort, SLICE("none"));
    thinks |= chat->thinking == THINKING_ON || chat->thinking == THINKING_ADAPTIVE;
    needs |= thinks ? CAPABILITY_REASONING : 0;
    return needs;
}

/* parallel_tool_calls:true allows several calls at once and does not ask for them, so it is no
 * need. */
void reader_needs(struct chat *chat)
{
    chat->needs |= member_needs(chat);
    for (size_t i = 0; i < chat->message_count; i++) {
        for (size_t j = 0; j < chat->messages[i].part_count; j++) {
            chat->needs |= part_needs(&chat->messages[i].parts[j]);
        }
    }
}
