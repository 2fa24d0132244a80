/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/edit.h"
#include "dialect/embeddings.h"
#include "dialect/translate.h"

static bool write_inputs(struct json_writer *json, const struct chat *chat, struct error *error)
{
    bool same = chat->dialect == DIALECT_OPENAI_EMBEDDINGS;
    json_key(json, SLICE("input"));
    json_begin_array(json);
    for (size_t i = 0; i < chat->message_count; i++) {
        const struct chat_message *message = &chat->messages[i];
        bool single = message->part_count == 1;
        if (single && message->parts[0].kind == PART_TEXT) {
            json_write_inner(json, message->parts[0].text);
        } else if (single && same) {
            json_write_raw(json, message->parts[0].raw);
        } else {
            return untranslatable_message(chat, i, error, "Only texts can be embedded here.");
        }
    }
    json_end_array(json);
    return true;
}

static void write_extras(struct json_writer *json, const struct chat *chat,
                         const struct request_change *change, struct loss *loss)
{
    if (chat->dialect != DIALECT_OPENAI_EMBEDDINGS) {
        loss_add_extras(loss, chat);
        return;
    }
    for (size_t i = 0; i < chat->extra_count; i++) {
        if (!change->drop_routing || !slice_eq(chat->extras[i].key, SLICE("session_id"))) {
            json_key(json, chat->extras[i].key);
            json_write_raw(json, chat->extras[i].value);
        }
    }
}

bool embeddings_write_request(const struct chat *chat, const struct request_change *change,
                              struct buf *out, struct loss *loss, struct error *error)
{
    struct json_writer json;
    json_writer_init(&json, out);
    json_begin_object(&json);
    if (change->model.ptr != NULL) {
        json_member_string(&json, SLICE("model"), change->model);
    } else if (chat->model.ptr != NULL) {
        json_member_inner(&json, SLICE("model"), chat->model);
    }
    if (!write_inputs(&json, chat, error)) {
        return false;
    }
    if (chat->base64) {
        json_member_string(&json, SLICE("encoding_format"), SLICE("base64"));
    }
    if (chat->dimensions.ptr != NULL) {
        json_member_raw(&json, SLICE("dimensions"), chat->dimensions);
    }
    if (chat->user.ptr != NULL) {
        json_member_inner(&json, SLICE("user"), chat->user);
    }
    write_extras(&json, chat, change, loss);
    json_end_object(&json);
    return !out->failed;
}

bool embeddings_edit(const struct chat *chat, const struct request_change *change, struct buf *out,
                     size_t *ret_edits)
{
    struct editor e;
    uint32_t values[EMBEDDINGS_MEMBERS];
    members_scan(chat->doc, JSON_ROOT, &embeddings_members, values);
    editor_init(&e, chat, change);
    editor_model(&e, values[EMBEDDINGS_MODEL]);
    editor_remove(&e, values[EMBEDDINGS_SLUICE]);
    editor_remove(&e, values[EMBEDDINGS_MODELS]);
    if (change->drop_routing) {
        editor_remove(&e, values[EMBEDDINGS_PROVIDER]);
        editor_remove(&e, values[EMBEDDINGS_SESSION_ID]);
    }
    return editor_finish(&e, out, ret_edits);
}
