/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever is asked, answered and demanded: every check ends, and its sum is a number. The input is
 * prompt, answer and schema with NUL between them. */
#include "base/check.h"
#include "route/check.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct slice rest = slice_of((const char *)bytes, len);
    struct slice prompt = slice_cut(&rest, '\0');
    struct slice text = slice_cut(&rest, '\0');
    static const struct slice choices[] = {SLICE_INIT("yes"), SLICE_INIT("A")};
    struct arena arena;
    char words[128];
    size_t offset;
    struct check_settings settings = {
        .when = ~0u, .threshold = 0.5, .choices = choices, .choice_count = ARRAY_LEN(choices)};
    const struct checked_call call = {.arguments = text, .schema = rest, .known = true};
    arena_init(&arena, 1u << 20);
    if (!check_pattern_compile(prompt, &arena, &settings.pattern, &offset, words, sizeof(words))) {
        settings.pattern = NULL;
    }
    for (unsigned i = 0; i < 4; i++) {
        const struct checked_answer answer = {
            .prompt = prompt,
            .text = text,
            .schema = rest,
            .format = (i & 1) != 0 ? FORMAT_JSON_SCHEMA : FORMAT_TEXT,
            .calls = &call,
            .call_count = i == 2 ? 1 : 0,
            .partial = i == 3,
            .finish = FINISH_STOP,
        };
        struct checked checked;
        answer_check(&settings, &answer, CHECK_PRIOR, &checked);
        CHECK(isfinite(checked.log_odds));
        CHECK(checked.worst <= CHECK_COUNT);
    }
    arena_release(&arena);
    return 0;
}
