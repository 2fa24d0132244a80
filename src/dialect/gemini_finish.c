/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/gemini.h"

static const struct {
    struct slice word;
    enum finish_reason reason;
} reasons[] = {
    {SLICE_INIT("STOP"), FINISH_STOP},
    {SLICE_INIT("MAX_TOKENS"), FINISH_LENGTH},
    {SLICE_INIT("CONTINUATION"), FINISH_LENGTH}, /* more could be had with a token */
    {SLICE_INIT("SAFETY"), FINISH_CONTENT_FILTER},
    {SLICE_INIT("RECITATION"), FINISH_CONTENT_FILTER},
    {SLICE_INIT("BLOCKLIST"), FINISH_CONTENT_FILTER},
    {SLICE_INIT("PROHIBITED_CONTENT"), FINISH_CONTENT_FILTER},
    {SLICE_INIT("SPII"), FINISH_CONTENT_FILTER},
    {SLICE_INIT("MODEL_ARMOR"), FINISH_CONTENT_FILTER},
    {SLICE_INIT("IMAGE_SAFETY"), FINISH_CONTENT_FILTER},
    {SLICE_INIT("IMAGE_PROHIBITED_CONTENT"), FINISH_CONTENT_FILTER},
    {SLICE_INIT("IMAGE_RECITATION"), FINISH_CONTENT_FILTER},
};

/* All that is no stop, no limit and no filter is a failure of the model: MALFORMED_FUNCTION_CALL,
 * UNEXPECTED_TOOL_CALL, LANGUAGE, OTHER, and what Google will add. */
enum finish_reason gemini_finish_reason(struct slice word)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (slice_eq(word, reasons[i].word)) {
            return reasons[i].reason;
        }
    }
    return FINISH_ERROR;
}

struct slice gemini_finish_word(enum finish_reason reason)
{
    switch (reason) {
    case FINISH_LENGTH:
        return SLICE("MAX_TOKENS");
    case FINISH_CONTENT_FILTER:
    case FINISH_REFUSAL:
        return SLICE("SAFETY");
    case FINISH_ERROR:
        return SLICE("OTHER");
    default:
        return SLICE("STOP"); /* with calls too */
    }
}
