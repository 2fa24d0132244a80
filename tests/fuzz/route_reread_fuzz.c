/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a turn quotes, repeats or disguises: the second reading ends, is of no longer text, and
 * is never cheaper. */
#include "base/buf.h"
#include "base/check.h"
#include "codec/json_write.h"
#include "route/reread.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void set_aside(const uint8_t *bytes, size_t len)
{
    static char text[FEATURES_TEXT_MAX];
    unsigned kinds;
    len = len < sizeof(text) ? len : sizeof(text);
    memcpy(text, bytes, len);
    CHECK(text_set_aside(text, len, &kinds) <= len);
    CHECK(kinds < ASIDE_KINDS);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct features features;
    struct buf inner = BUF_INIT(len * 6 + 64);
    set_aside(bytes, len);
    CHECK(json_escape(slice_of((const char *)bytes, len), &inner));
    struct chat_part part = {.kind = PART_TEXT, .text = buf_slice(&inner)};
    struct chat_message message = {.role = ROLE_USER, .parts = &part, .part_count = 1};
    const struct chat chat = {.messages = &message, .message_count = 1, .choices = 1};
    struct classification found;
    features_extract(&chat, &features);
    classify_text(text_model_default(), &features, &found);
    enum tier once = required_tier(NULL, &found);
    reread(text_model_default(), NULL, &chat, &features, &found);
    CHECK(required_tier(NULL, &found) >= once);
    CHECK(found.complexity >= 0 && found.complexity <= 1);
    buf_release(&inner);
    return 0;
}
