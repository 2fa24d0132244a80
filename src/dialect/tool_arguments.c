/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/tool_arguments.h"

#include "dialect/tool_name.h"
#include "dialect/translate.h"

#define ARGUMENTS_MAX ((size_t)16 << 20)

static bool write_text(struct json_writer *json, struct slice text)
{
    struct slice object = slice_trim(text);
    if (object.len == 0) {
        json_write_raw(json, SLICE("{}"));
        return true;
    }
    if (is_json_object(object)) {
        json_write_raw(json, object);
        return true;
    }
    json_begin_object(json);
    json_member_string(json, SLICE("arguments"), object);
    json_end_object(json);
    return false;
}

bool tool_arguments_write(struct json_writer *json, const struct chat_part *part)
{
    if (part->custom) {
        json_write_raw(json, SLICE(""));
        custom_write_arguments(json->out, part->arguments);
        return true;
    }
    if (!part->arguments_text) {
        return write_text(json, part->arguments);
    }
    struct buf text = BUF_INIT(ARGUMENTS_MAX);
    json_unescape(part->arguments, &text);
    bool faithful = write_text(json, buf_slice(&text));
    json->out->failed = json->out->failed || text.failed;
    buf_release(&text);
    return faithful;
}
