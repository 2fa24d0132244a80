/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/seal_mark.h"

void seal_mark_write(struct buf *out, const struct event *event)
{
    buf_append(out, event->kind == EVENT_SIGNATURE ? SLICE(SEAL_MARK) : SLICE(SEAL_DATA_MARK));
    if (event->maker > 0 && event->maker < DIALECT_COUNT) {
        buf_append_cstr(out, dialect_of((enum dialect_id)event->maker)->name);
    }
    buf_append_char(out, ':');
}

bool seal_is_marked(struct slice inner)
{
    return slice_starts(inner, SLICE(SEAL_MARK)) || slice_starts(inner, SLICE(SEAL_DATA_MARK));
}

void seal_mark_read(struct slice inner, struct chat_part *part)
{
    _Static_assert(sizeof SEAL_MARK == sizeof SEAL_DATA_MARK, "one length");
    struct slice rest = slice_from(inner, seal_is_marked(inner) ? sizeof SEAL_MARK - 1 : inner.len);
    struct slice name = slice_cut(&rest, ':');
    enum dialect_id maker;
    if (rest.len == 0 || !dialect_from_name(name, &maker)) {
        return;
    }
    part->maker = (unsigned)maker;
    if (slice_starts(inner, SLICE(SEAL_MARK))) {
        part->signature = rest;
    } else {
        part->data = rest;
    }
}
